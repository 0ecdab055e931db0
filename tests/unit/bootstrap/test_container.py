import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import pytest
from dishka import Provider, Scope, provide

from astrelo.adapters.outbound.postgres.webhook_endpoints.deliveries import LostDeliveries
from astrelo.application.connect.connect_crm import ConnectCrm
from astrelo.application.connect.disconnect_crm import DisconnectCrm
from astrelo.application.connect.set_icp_profile import SetIcpProfile
from astrelo.application.connect.start_authorization import StartAuthorization
from astrelo.application.read.readers import (
    CompanyReader,
    ContactReader,
    DealReader,
    IcpProfileReader,
    IntegrationReader,
    OwnerReader,
    RunReader,
    StoreHealth,
)
from astrelo.application.read.webhook_endpoints import WebhookEndpointReader
from astrelo.application.sync.run_sync import RunSync
from astrelo.application.sync.schedule_syncs import CancelRun, SyncNow
from astrelo.application.sync.webhooks import ReceiveWebhook
from astrelo.application.webhook_endpoints.deliver import DeliverWebhook
from astrelo.application.webhook_endpoints.manage_endpoints import ManageWebhookEndpoints
from astrelo.bootstrap.container import create_container
from astrelo.bootstrap.settings import Settings, parse_settings
from astrelo.domain.connection import AuthorizationRequest
from astrelo.domain.identifiers import Provider as CrmName
from astrelo.domain.ports.crm import CrmProviders
from astrelo.domain.ports.system import Clock
from tests.support.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio

DUMMY = {
    "ASTRELO_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    "ASTRELO_ENCRYPTION_KEYS": f"test:{'A' * 43}=",
    "ASTRELO_JWT_SECRET": "a secret of more than thirty-two characters",
}
APPS = {
    crm: {f"ASTRELO_{crm.name}_CLIENT_ID": "us", f"ASTRELO_{crm.name}_CLIENT_SECRET": "secret"}
    for crm in CrmName
}
WANTED = [
    StartAuthorization,
    ConnectCrm,
    DisconnectCrm,
    SyncNow,
    ReceiveWebhook,
    CancelRun,
    RunSync,
    SetIcpProfile,
    CompanyReader,
    ContactReader,
    DealReader,
    OwnerReader,
    IcpProfileReader,
    RunReader,
    IntegrationReader,
    StoreHealth,
    WebhookEndpointReader,
    ManageWebhookEndpoints,
    DeliverWebhook,
    LostDeliveries,
]


def settings(**more: str) -> Settings:
    return parse_settings(DUMMY | more)


@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: wanted.__name__)
async def test_everything_that_an_edge_asks_for_can_be_built(wanted: type[object]) -> None:
    container = create_container(settings(**APPS[CrmName.HUBSPOT]))
    async with container() as scope:
        assert wanted in type(await scope.get(wanted)).__mro__
    await container.close()


@pytest.mark.parametrize("crms", [(), (CrmName.HUBSPOT,), (CrmName.SALESFORCE,), tuple(CrmName)])
async def test_the_crms_whose_credentials_are_set_are_offered(crms: tuple[CrmName, ...]) -> None:
    container = create_container(
        settings(**{name: value for crm in crms for name, value in APPS[crm].items()})
    )
    offered = await container.get(CrmProviders)
    assert {crm for crm in CrmName if offered.get(crm) is not None} == set(crms)
    await container.close()


@pytest.mark.parametrize("crm", CrmName)
async def test_each_crm_comes_back_to_its_own_callback(crm: CrmName) -> None:
    container = create_container(settings(**APPS[crm]))
    provider = (await container.get(CrmProviders)).get(crm)
    assert provider is not None
    url = provider.authorization_url(AuthorizationRequest(state="s", code_challenge="c"))
    (redirect_uri,) = parse_qs(urlsplit(url).query)["redirect_uri"]
    assert redirect_uri == f"http://127.0.0.1:8000/api/integrations/{crm}/callback"
    await container.close()


async def test_a_part_can_be_replaced() -> None:
    class StoppedTime(Provider):
        @provide(scope=Scope.APP, override=True)
        def clock(self) -> Clock:
            return FakeClock()

    container = create_container(settings(), StoppedTime())
    assert isinstance(await container.get(Clock), FakeClock)
    await container.close()


def test_the_worker_loads_neither_the_web_framework_nor_the_http_server() -> None:
    code = (
        "import sys, astrelo.bootstrap.worker;"
        "print([name for name in ('litestar', 'uvicorn', 'prometheus_client') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
