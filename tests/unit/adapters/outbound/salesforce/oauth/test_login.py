"""Signing in at a Salesforce that is played: grants, rotation, lost answers, orgs that move or shut us out."""

from copy import copy
from dataclasses import replace

import msgspec
import pytest

from astrelo.adapters.outbound.crm.http import HttpClient
from astrelo.adapters.outbound.salesforce.config import SalesforceConfig
from astrelo.adapters.outbound.salesforce.oauth.client import SalesforceOAuth
from astrelo.domain.connection import Grant
from astrelo.domain.errors import (
    CrmError,
    CrmMisconfigured,
    CrmUnavailable,
    GrantRejected,
    RateLimited,
    ReauthorizationRequired,
)
from astrelo.domain.identifiers import Provider
from crm_sandbox import Dataset, SandboxTransport
from crm_sandbox.faults.fault import Fault
from crm_sandbox.salesforce import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Flags, Sandbox, create_sandbox
from crm_sandbox.salesforce.errors import LoginRefusal
from tests.support.contracts.crm.account import VERIFIER, request
from tests.support.crm.browser import give_consent
from tests.support.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio

CONFIG = SalesforceConfig(
    client_id=DEFAULT_CLIENT_ID,
    client_secret=DEFAULT_CLIENT_SECRET,
    redirect_uri="http://127.0.0.1:8000/api/integrations/salesforce/callback",
)
TOKEN_PATH = "/services/oauth2/token"


class Played:
    """An org, and our OAuth side over it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        dataset = Dataset(name="Acme", account_id=101, records=())
        self.sandbox: Sandbox = create_sandbox(dataset, clock=lambda: self.clock.now().timestamp())
        self.oauth = self.with_config(CONFIG)
        self.my_domain = f"{self.sandbox.org.my_domain}.my.salesforce.com"

    @property
    def flags(self) -> Flags:
        return self.sandbox.flags

    def with_config(self, config: SalesforceConfig) -> SalesforceOAuth:
        http_client = HttpClient(SandboxTransport(self.sandbox), Provider.SALESFORCE)
        return SalesforceOAuth(config, http_client, self.clock)

    async def code(self, login_host: str | None = None) -> str:
        url = self.oauth.authorization_url(request(login_host=login_host))
        return (await give_consent(self.sandbox, url)).code

    async def connect(self, login_host: str | None = None) -> Grant:
        return await self.oauth.exchange(await self.code(login_host), VERIFIER, login_host)


@pytest.fixture
def played() -> Played:
    return Played()


async def test_a_grant_names_the_org_and_ends_when_its_session_does(played: Played) -> None:
    grant = await played.connect()
    account, tokens = grant.account, grant.tokens
    assert (account.account_id, account.name) == (played.sandbox.org.org_id, "Acme")
    assert (account.currency, account.time_zone) == (None, "America/Los_Angeles")
    assert tokens.api_url == f"https://{played.my_domain}"
    assert tokens.issuer_url == "https://login.salesforce.com"
    assert tokens.expires_at is not None
    assert 0 <= 7_200 - (tokens.expires_at - played.clock.now()).total_seconds() < 1


async def test_an_org_with_several_currencies_reports_its_corporate_one(played: Played) -> None:
    played.flags.multi_currency = True
    assert (await played.connect()).account.currency == "USD"


async def test_an_org_that_may_not_be_read_is_connected_under_its_id(played: Played) -> None:
    played.flags.hidden_objects = ["Organization"]
    assert (await played.connect()).account.name == f"Salesforce org {played.sandbox.org.org_id}"


async def test_an_org_that_forbids_the_common_login_is_entered_and_renewed_by_its_own_name(
    played: Played,
) -> None:
    played.flags.my_domain_only = True
    grant = await played.connect(played.my_domain)
    assert grant.tokens.issuer_url == f"https://{played.my_domain}"
    assert (await played.oauth.refresh(grant.tokens)).issuer_url == grant.tokens.issuer_url


async def test_a_renewal_reports_where_the_org_has_moved_to(played: Played) -> None:
    grant = await played.connect()
    played.flags.instance_number = 2
    renewed = await played.oauth.refresh(grant.tokens)
    assert renewed.api_url == f"https://{played.sandbox.org.my_domain}--na2.my.salesforce.com"


@pytest.mark.parametrize("lost", [Fault(kind="drop_response"), Fault(kind="cut"), Fault(kind="truncate")])
async def test_a_lost_renewal_is_not_repeated_and_can_be_asked_after(played: Played, lost: Fault) -> None:
    tokens = (await played.connect()).tokens
    played.sandbox.faults.add(msgspec.structs.replace(lost, match=TOKEN_PATH))
    with pytest.raises(CrmUnavailable):
        await played.oauth.refresh(tokens)
    assert played.sandbox.oauth.refreshes == 1
    assert not await played.oauth.can_refresh(tokens)
    with pytest.raises(ReauthorizationRequired, match="expired access/refresh token"):
        await played.oauth.refresh(tokens)


async def test_a_renewal_that_never_arrived_can_be_made_again(played: Played) -> None:
    tokens = (await played.connect()).tokens
    played.sandbox.faults.add(Fault(kind="drop", match=TOKEN_PATH))
    with pytest.raises(CrmUnavailable):
        await played.oauth.refresh(tokens)
    assert await played.oauth.can_refresh(tokens)
    assert (await played.oauth.refresh(tokens)).refresh_token != tokens.refresh_token


async def test_without_rotation_the_refresh_token_stays(played: Played) -> None:
    played.flags.rotate_refresh_tokens = False
    tokens = (await played.connect()).tokens
    renewed = await played.oauth.refresh(tokens)
    assert renewed.refresh_token == tokens.refresh_token
    assert renewed.access_token != tokens.access_token


async def test_on_this_machine_login_and_api_may_be_played_at_two_loopback_names(played: Played) -> None:
    played.oauth = played.with_config(replace(CONFIG, login_url="http://127.0.0.1:8300"))
    tokens = (await played.connect()).tokens
    assert (tokens.issuer_url, tokens.api_url) == ("http://127.0.0.1:8300", "http://localhost:8300")
    assert (await played.oauth.refresh(tokens)).api_url == tokens.api_url


@pytest.mark.parametrize(
    "failure",
    [
        Fault(kind="respond", match="/introspect"),
        Fault(kind="drop_response", match="/introspect"),
        Fault(kind="truncate", match="/introspect"),
    ],
    ids=lambda failure: failure.kind,
)
async def test_a_failure_to_read_the_end_of_a_session_is_none_of_the_grants(
    played: Played, failure: Fault
) -> None:
    tokens = (await played.connect()).tokens
    played.sandbox.faults.add(copy(failure))
    renewed = await played.oauth.refresh(tokens)
    assert await played.oauth.fetch_expiry(renewed) is None
    assert await played.oauth.can_refresh(renewed)


async def test_when_a_renewed_session_ends_can_be_asked(played: Played) -> None:
    tokens = (await played.connect()).tokens
    played.clock.advance(3_600)
    renewed = await played.oauth.refresh(tokens)
    assert renewed.expires_at is None
    expiry = await played.oauth.fetch_expiry(renewed)
    assert expiry is not None
    assert 0 <= 7_200 - (expiry - played.clock.now()).total_seconds() < 1


SHUT_OUT: dict[LoginRefusal, tuple[type[CrmError], str]] = {
    "inactive_user": (ReauthorizationRequired, "inactive"),
    "inactive_org": (ReauthorizationRequired, "suspended"),
    "ip_restricted": (RateLimited, "ask its administrator to admit them"),
    "not_approved": (ReauthorizationRequired, "approve"),
    "app_not_found": (ReauthorizationRequired, "install"),
    "rate_limit_exceeded": (RateLimited, "too often"),
    "in_progress": (CrmUnavailable, "being processed"),
    "invalid_client_credentials": (CrmMisconfigured, "invalid_client_credentials"),
}


@pytest.mark.parametrize("refused", SHUT_OUT)
async def test_an_org_that_shuts_us_out_says_why(played: Played, refused: LoginRefusal) -> None:
    error, reason = SHUT_OUT[refused]
    tokens, code = (await played.connect()).tokens, await played.code()
    played.flags.login_refusal = refused
    with pytest.raises(CrmError, match=reason) as renewing:
        await played.oauth.refresh(tokens)
    assert type(renewing.value) is error
    with pytest.raises(CrmError, match=reason) as connecting:
        await played.oauth.exchange(code, VERIFIER, None)
    ends_the_code_alone = error is ReauthorizationRequired or refused == "ip_restricted"
    assert type(connecting.value) is (GrantRejected if ends_the_code_alone else error)
    played.flags.login_refusal = None
    assert (await played.oauth.refresh(tokens)).access_token


@pytest.mark.parametrize(
    "wrong",
    [replace(CONFIG, client_id="another"), replace(CONFIG, client_secret="another")],
    ids=["id", "secret"],
)
async def test_wrong_credentials_of_ours_end_nobodys_grant(played: Played, wrong: SalesforceConfig) -> None:
    tokens = (await played.connect()).tokens
    with pytest.raises(CrmMisconfigured):
        await played.with_config(wrong).refresh(tokens)
    with pytest.raises(CrmMisconfigured):
        await played.with_config(wrong).can_refresh(tokens)
    assert await played.oauth.can_refresh(tokens)


@pytest.mark.parametrize(
    ("scopes", "missing"), [(("api", "refresh_token"), "openid"), (("openid", "refresh_token"), "api")]
)
async def test_a_grant_of_fewer_scopes_is_a_grant_that_says_so(
    played: Played, monkeypatch: pytest.MonkeyPatch, scopes: tuple[str, ...], missing: str
) -> None:
    monkeypatch.setattr("astrelo.adapters.outbound.salesforce.oauth.client.REQUIRED_SCOPES", scopes)
    code = await played.code()
    monkeypatch.undo()
    grant = await played.oauth.exchange(code, VERIFIER, None)
    assert grant.tokens.scopes == set(scopes)
    assert missing not in grant.tokens.scopes
    assert grant.account.account_id == played.sandbox.org.org_id


async def test_revoking_ends_the_grant_and_may_be_repeated(played: Played) -> None:
    tokens = (await played.connect()).tokens
    await played.oauth.revoke(tokens)
    assert not await played.oauth.can_refresh(tokens)
    await played.oauth.revoke(tokens)


async def test_a_grants_life_asks_five_endpoints_and_no_more(played: Played) -> None:
    tokens = (await played.connect()).tokens
    await played.oauth.refresh(tokens)
    await played.oauth.revoke(tokens)
    paths = [entry.path for entry in played.sandbox.journal.entries if entry.family != "browser"]
    assert {*paths} == {
        TOKEN_PATH,
        "/services/oauth2/introspect",
        "/services/oauth2/userinfo",
        "/services/oauth2/revoke",
        "/services/data/v68.0/query",
    }
