"""The HubSpot adapter wired to a sandbox in the same process."""

from functools import cache

from astrelo.adapters.outbound.hubspot.config import HubSpotConfig
from astrelo.adapters.outbound.hubspot.provider import HubSpotProvider, build_hubspot
from astrelo.adapters.outbound.reference import RESERVED_NAMES, BundledReferenceData
from astrelo.domain.connection import CrmAccount, Grant, TokenSet
from astrelo.domain.identifiers import CrmAccountId
from astrelo.domain.ports.system import Clock
from crm_sandbox import Dataset, SandboxTransport
from crm_sandbox.hubspot import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Sandbox
from tests.support.fakes.crm_session import FakeCrmSession
from tests.support.fakes.randomness import FakeRandomness

REDIRECT_URI = "http://127.0.0.1:8000/api/integrations/hubspot/callback"
EMPTY_DATASET = Dataset(name="Empty", account_id=101, records=())
CONFIG = HubSpotConfig(
    client_id=DEFAULT_CLIENT_ID,
    client_secret=DEFAULT_CLIENT_SECRET,
    redirect_uri=REDIRECT_URI,
    authorize_base="http://hubspot.test",
    api_base="http://hubspot.test",
)

reference = cache(lambda: BundledReferenceData(RESERVED_NAMES))


def hubspot_over(sandbox: Sandbox, clock: Clock) -> HubSpotProvider:
    transport = SandboxTransport(sandbox)
    return build_hubspot(CONFIG, reference(), clock, FakeRandomness(), reads=transport, oauth=transport)


def session_of(sandbox: Sandbox, provider: HubSpotProvider) -> FakeCrmSession:
    """A session with a grant that the sandbox makes without a browser."""
    account = sandbox.account
    answer = sandbox.oauth.connect(account.portal_id)
    tokens = TokenSet(
        access_token=str(answer["access_token"]), refresh_token=str(answer["refresh_token"]), expires_at=None
    )
    crm_account = CrmAccount(
        account_id=CrmAccountId(str(account.portal_id)),
        name=account.name,
        currency="USD",
        time_zone="US/Eastern",
    )
    return FakeCrmSession(provider, Grant(tokens=tokens, account=crm_account))
