import subprocess
import sys

import pytest
from dishka import Provider, Scope, provide

from astrelo.application.connect_crm import ConnectCrm, StartAuthorization
from astrelo.application.disconnect_crm import DisconnectCrm
from astrelo.application.handle_crm_events import HandleCrmEvents
from astrelo.application.read_models import (
    CompanyReader,
    ContactReader,
    DealReader,
    IcpProfileReader,
    IntegrationReader,
    OwnerReader,
    RunReader,
    StoreHealth,
)
from astrelo.application.run_sync import RunSync
from astrelo.application.schedule_syncs import CancelRun, SyncNow
from astrelo.application.set_icp_profile import SetIcpProfile
from astrelo.bootstrap.container import create_container
from astrelo.bootstrap.settings import Settings, parse_settings
from astrelo.domain.identifiers import Provider as CrmName
from astrelo.domain.ports import Clock, CrmProviders
from tests.unit.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio

DUMMY = {
    "ASTRELO_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    "ASTRELO_ENCRYPTION_KEYS": f"test:{'A' * 43}=",
    "ASTRELO_JWT_SECRET": "a secret of more than thirty-two characters",
}
HUBSPOT = {"ASTRELO_HUBSPOT_CLIENT_ID": "us", "ASTRELO_HUBSPOT_CLIENT_SECRET": "secret"}
WANTED = [
    StartAuthorization,
    ConnectCrm,
    DisconnectCrm,
    SyncNow,
    HandleCrmEvents,
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
]


def settings(**more: str) -> Settings:
    return parse_settings(DUMMY | more)


@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: wanted.__name__)
async def test_everything_that_an_edge_asks_for_can_be_built(wanted: type[object]) -> None:
    container = create_container(settings(**HUBSPOT))
    async with container() as scope:
        assert wanted in type(await scope.get(wanted)).__mro__
    await container.close()


async def test_hubspot_is_offered_when_its_credentials_are_set() -> None:
    container = create_container(settings(**HUBSPOT))
    assert (await container.get(CrmProviders)).get(CrmName.HUBSPOT) is not None
    await container.close()


async def test_no_crm_is_offered_without_credentials() -> None:
    container = create_container(settings())
    assert (await container.get(CrmProviders)).get(CrmName.HUBSPOT) is None
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
        "print([name for name in ('litestar', 'granian', 'prometheus_client') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
