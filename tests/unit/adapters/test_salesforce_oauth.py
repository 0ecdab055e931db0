"""Salesforce's OAuth: what we send, where to, and what each of its answers means."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, parse_qsl

import httpx
import pytest
from structlog.testing import capture_logs

from astrelo.adapters.outbound.crm import oauth as shared
from astrelo.adapters.outbound.crm.transport import Sender
from astrelo.adapters.outbound.salesforce import oauth
from astrelo.adapters.outbound.salesforce.config import SalesforceConfig
from astrelo.adapters.outbound.salesforce.oauth import SalesforceOAuth
from astrelo.domain.connection import AuthorizationRequest, Grant, TokenSet
from astrelo.domain.errors import (
    CrmError,
    CrmMisconfigured,
    CrmRejected,
    CrmUnavailable,
    GrantRejected,
    InvalidInput,
    RateLimited,
    ReauthorizationRequired,
)
from astrelo.domain.identifiers import Provider
from tests.unit.adapters.crm_answers import HTML, Answer, answer, failing, never, told
from tests.unit.fakes.clock import START, FakeClock

pytestmark = pytest.mark.anyio

CONFIG = SalesforceConfig(
    client_id="3MVG9-client",
    client_secret="a-very-secret-client-secret",
    redirect_uri="https://astrelo.test/api/integrations/salesforce/callback",
)
ORG = "00D000000000001AAA"
LOGIN = "https://login.salesforce.com"
INSTANCE = "https://acme.my.salesforce.com"
TOKEN_BODY: Mapping[str, object] = {
    "access_token": "00D000000000001!AQ-access",
    "refresh_token": "5Aep861-refresh-2",
    "signature": "c2lnbmVk",
    "scope": "refresh_token api openid",
    "instance_url": INSTANCE,
    "id": f"{LOGIN}/id/{ORG}/005000000000001AAA",
    "token_type": "Bearer",
    "issued_at": "1795514400000",
}
END = int(START.timestamp()) + 7_200
INTROSPECTION = told(200, {"active": True, "exp": END, "scope": "api openid refresh_token"})
USER = told(200, {"organization_id": ORG, "user_id": "005000000000001AAA"})
ORGANIZATION = told(200, {"records": [{"Name": "Acme \ud83d", "TimeZoneSidKey": "Europe/Berlin"}]})
CURRENCY = told(200, {"records": [{"IsoCode": "EUR"}]})
NO_CURRENCY = told(
    400, [{"errorCode": "INVALID_TYPE", "message": "sObject type 'CurrencyType' is not supported."}]
)
TOKENS = TokenSet(
    access_token="00D000000000001!AQ-old",
    refresh_token="5Aep861-refresh",
    expires_at=None,
    scopes=frozenset({"api", "refresh_token", "openid"}),
    api_url="https://old.my.salesforce.com",
    issuer_url="https://acme.my.salesforce.com",
)
SECRETS = ("5Aep861", "!AQ", "secret-client", "the-code", "the-verifier")


class Salesforce:
    """Answers by path, whichever host is asked, and remembers what it was asked."""

    def __init__(self, token: Answer | None = None, **answers: Answer) -> None:
        self.requests: list[httpx.Request] = []
        self._answers = {
            "token": token or told(200, TOKEN_BODY),
            "introspect": INTROSPECTION,
            "userinfo": USER,
            "organization": ORGANIZATION,
            "currency": CURRENCY,
            "revoke": answer(200),
        } | answers

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        name = request.url.path.rpartition("/")[2]
        if name == "query":
            name = "currency" if "CurrencyType" in request.url.params["q"] else "organization"
        return await self._answers[name]()

    def asked(self) -> list[str]:
        return [str(request.url.copy_with(query=None)) for request in self.requests]


def over(server: Salesforce, config: SalesforceConfig = CONFIG) -> SalesforceOAuth:
    return SalesforceOAuth(config, Sender(httpx.MockTransport(server), Provider.SALESFORCE), FakeClock())


def body(**changes: object) -> Answer:
    """A token response with some fields replaced, or left out by None."""
    return told(200, {name: value for name, value in {**TOKEN_BODY, **changes}.items() if value is not None})


def refusal(error: str, description: str = "", status: int = 400) -> Answer:
    return told(status, {"error": error, "error_description": description})


async def exchanged(server: Salesforce, login_host: str | None = None) -> Grant:
    return await over(server).exchange("the-code", "the-verifier", login_host)


def form_of(request: httpx.Request) -> dict[str, str]:
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.url.query == b""
    return dict(parse_qsl(request.content.decode()))


def shows_no_secret(error: Exception) -> bool:
    return not any(secret in repr(error) + str(error) for secret in SECRETS)


@pytest.mark.parametrize(
    ("login_host", "origin"),
    [(None, LOGIN), ("Test.Salesforce.com", "https://test.salesforce.com"), (f"{INSTANCE}/", INSTANCE)],
)
def test_the_authorize_url_proves_by_s256_and_asks_where_the_user_signs_in(
    login_host: str | None, origin: str
) -> None:
    request = AuthorizationRequest(state="s+/ =", code_challenge="c", login_host=login_host)
    base, _, query = over(Salesforce()).authorization_url(request).partition("?")
    assert base == f"{origin}/services/oauth2/authorize"
    assert "scope=api%20refresh_token%20openid" in query
    assert {name: value for name, (value,) in parse_qs(query).items()} == {
        "response_type": "code",
        "client_id": CONFIG.client_id,
        "redirect_uri": CONFIG.redirect_uri,
        "scope": "api refresh_token openid",
        "state": "s+/ =",
        "code_challenge": "c",
        "code_challenge_method": "S256",
    }


@pytest.mark.parametrize("login_host", ["acme", "evil.test", "https://acme.my.salesforce.com.evil.test"])
async def test_another_login_host_is_refused_before_anybody_is_sent_there(login_host: str) -> None:
    server = Salesforce()
    with pytest.raises(InvalidInput, match=r"login\.salesforce\.com"):
        over(server).authorization_url(
            AuthorizationRequest(state="s", code_challenge="c", login_host=login_host)
        )
    with pytest.raises(InvalidInput):
        await exchanged(server, login_host)
    assert server.requests == []


async def test_an_exchange_sends_verifier_and_secret_in_the_body_to_where_the_code_was_given() -> None:
    server = Salesforce()
    await exchanged(server, "acme.my.salesforce.com")
    assert server.asked()[0] == f"{INSTANCE}/services/oauth2/token"
    assert form_of(server.requests[0]) == {
        "grant_type": "authorization_code",
        "code": "the-code",
        "redirect_uri": CONFIG.redirect_uri,
        "code_verifier": "the-verifier",
        "client_id": CONFIG.client_id,
        "client_secret": CONFIG.client_secret,
    }


async def test_a_grant_tells_tokens_their_end_their_hosts_and_the_org() -> None:
    server = Salesforce()
    grant = await exchanged(server)
    assert server.asked() == [
        f"{LOGIN}/services/oauth2/token",
        f"{LOGIN}/services/oauth2/introspect",
        f"{INSTANCE}/services/oauth2/userinfo",
        f"{INSTANCE}/services/data/v68.0/query",
        f"{INSTANCE}/services/data/v68.0/query",
    ]
    tokens, account = grant.tokens, grant.account
    assert (tokens.api_url, tokens.issuer_url) == (INSTANCE, LOGIN)
    assert tokens.expires_at == START + timedelta(hours=2)
    assert tokens.scopes == {"api", "refresh_token", "openid"}
    assert (account.account_id, account.name) == (ORG, "Acme \ufffd")
    assert (account.currency, account.time_zone) == ("EUR", "Europe/Berlin")


async def test_an_org_with_one_currency_and_an_org_that_may_not_be_read_are_connected_all_the_same() -> None:
    grant = await exchanged(Salesforce(currency=NO_CURRENCY))
    assert (grant.account.currency, grant.account.name) == (None, "Acme \ufffd")
    hidden = told(403, [{"errorCode": "INSUFFICIENT_ACCESS", "message": "no"}])
    grant = await exchanged(Salesforce(currency=NO_CURRENCY, organization=hidden))
    assert grant.account.name == f"Salesforce org {ORG}"
    nameless = told(200, {"records": [{"Name": None, "TimeZoneSidKey": None}]})
    grant = await exchanged(Salesforce(organization=nameless, currency=told(200, {"records": []})))
    assert (grant.account.name, grant.account.currency) == (f"Salesforce org {ORG}", None)


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [
        ("full refresh_token", {"full", "refresh_token", "api", "openid", "id", "profile", "email", "web"}),
        ("api openid offline_access", {"api", "openid", "offline_access", "refresh_token"}),
        (None, {"api", "openid", "refresh_token"}),
    ],
    ids=["full", "offline", "told by the introspection"],
)
async def test_scopes_that_stand_for_others_are_read_as_those(scope: str | None, scopes: set[str]) -> None:
    grant = await exchanged(Salesforce(body(scope=scope)))
    assert grant.tokens.scopes == scopes
    assert grant.account.name == "Acme \ufffd"


async def test_scopes_that_no_answer_tells_are_those_that_were_asked_for() -> None:
    grant = await exchanged(Salesforce(body(scope=None), introspect=told(200, {"active": True})))
    assert grant.tokens.scopes == {"api", "refresh_token", "openid"}


async def test_a_grant_without_the_scopes_we_need_says_so_and_asks_nothing_more() -> None:
    server = Salesforce(body(scope="api refresh_token"))
    grant = await exchanged(server)
    assert grant.tokens.scopes == {"api", "refresh_token"}
    assert grant.account.account_id == ORG
    assert len(server.requests) == 2


async def test_a_grant_without_a_refresh_token_is_our_apps_fault() -> None:
    with pytest.raises(CrmMisconfigured, match="refresh_token"):
        await exchanged(Salesforce(body(refresh_token=None, scope="api openid")))


@pytest.mark.parametrize(
    "instance_url",
    [
        None,
        "",
        "https://acme.my.salesforce.com.evil.test",
        "https://evil.test#.salesforce.com",
        "https://a@acme.my.salesforce.com",
        "http://acme.my.salesforce.com",
        "http://127.0.0.1:8300",
        "https://169.254.169.254",
    ],
)
async def test_an_instance_that_is_not_salesforces_is_told_no_token(instance_url: str | None) -> None:
    server = Salesforce(body(instance_url=instance_url))
    with pytest.raises(CrmRejected) as connecting:
        await exchanged(server)
    assert server.asked() == [f"{LOGIN}/services/oauth2/token"]
    assert shows_no_secret(connecting.value)
    if instance_url is not None:
        server = Salesforce(body(instance_url=instance_url))
        with pytest.raises(CrmRejected) as renewing:
            await over(server).refresh(TOKENS)
        assert server.asked() == [f"{INSTANCE}/services/oauth2/token"]
        assert shows_no_secret(renewing.value)


@pytest.mark.parametrize(
    "identity", [None, "", "https://evil.test/id/00D000000000001AAA/005000000000001AAA", f"{LOGIN}/id/"]
)
async def test_an_identity_that_is_not_salesforces_is_not_believed(identity: str | None) -> None:
    with pytest.raises(CrmRejected, match="identity"):
        await exchanged(Salesforce(body(id=identity)))


@pytest.mark.parametrize(
    "user", [{"organization_id": "00D000000000002AAA"}, {"organization_id": "00D000000000001"}, {}, []]
)
async def test_a_user_of_another_org_than_the_tokens_is_not_believed(user: object) -> None:
    with pytest.raises(CrmRejected):
        await exchanged(Salesforce(userinfo=told(200, user)))


async def test_an_identity_told_by_fifteen_characters_is_the_same_org() -> None:
    grant = await exchanged(Salesforce(body(id=f"{LOGIN}/id/00D000000000001/005000000000001")))
    assert grant.account.account_id == ORG


ORG_TROUBLE: list[tuple[str, str, Answer, type[CrmError]]] = [
    ("a token that is refused", "userinfo", answer(403, b"Bad_OAuth_Token"), GrantRejected),
    ("an identity out of service", "userinfo", answer(503), CrmUnavailable),
    ("a page instead of an identity", "userinfo", answer(404, HTML), CrmUnavailable),
    ("a spent day", "organization", told(403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED"}]), RateLimited),
    ("an org out of service", "organization", answer(502, HTML), CrmUnavailable),
    ("a version that is not there", "organization", told(404, [{"errorCode": "NOT_FOUND"}]), CrmRejected),
    ("a version that is gone", "currency", told(410, [{"errorCode": "GONE"}]), CrmRejected),
    ("a dropped connection", "currency", failing(httpx.ReadError("reset")), CrmUnavailable),
    ("no JSON", "organization", answer(200, b"{"), CrmRejected),
]


@pytest.mark.parametrize(
    ("place", "given", "error"), [pytest.param(*rest, id=name) for name, *rest in ORG_TROUBLE]
)
async def test_trouble_in_reading_the_org_ends_the_connect_with_its_kind(
    place: str, given: Answer, error: type[CrmError]
) -> None:
    with pytest.raises(CrmError) as failed:
        await exchanged(Salesforce(**{place: given}))
    assert type(failed.value) is error
    assert shows_no_secret(failed.value)


async def test_a_refresh_goes_where_the_tokens_came_from_and_keeps_what_is_new() -> None:
    server = Salesforce(body(scope=None, instance_url="https://acme--na2.my.salesforce.com"))
    renewed = await over(server).refresh(TOKENS)
    assert server.asked() == [f"{INSTANCE}/services/oauth2/token", f"{INSTANCE}/services/oauth2/introspect"]
    assert form_of(server.requests[0]) == {
        "grant_type": "refresh_token",
        "refresh_token": "5Aep861-refresh",
        "client_id": CONFIG.client_id,
        "client_secret": CONFIG.client_secret,
    }
    assert renewed.refresh_token == "5Aep861-refresh-2"
    assert renewed.access_token == TOKEN_BODY["access_token"]
    assert (renewed.api_url, renewed.issuer_url) == ("https://acme--na2.my.salesforce.com", INSTANCE)
    assert renewed.expires_at == START + timedelta(hours=2)
    assert renewed.scopes == TOKENS.scopes


async def test_a_refresh_without_rotation_and_without_an_instance_keeps_the_old_ones() -> None:
    renewed = await over(Salesforce(body(refresh_token=None, instance_url=None))).refresh(TOKENS)
    assert (renewed.refresh_token, renewed.api_url) == (TOKENS.refresh_token, TOKENS.api_url)


async def test_a_refresh_that_tells_no_scopes_anywhere_keeps_the_old_ones() -> None:
    known = replace(TOKENS, scopes=frozenset({*TOKENS.scopes, "id"}))
    renewed = await over(Salesforce(body(scope=None), introspect=told(200, {"active": True}))).refresh(known)
    assert renewed.scopes == known.scopes


async def test_tokens_of_no_known_issuer_are_renewed_at_the_configured_login() -> None:
    server = Salesforce()
    await over(server).refresh(TokenSet(access_token="a", refresh_token="r", expires_at=None))
    assert server.asked()[0] == f"{LOGIN}/services/oauth2/token"


async def test_a_stored_issuer_that_is_not_salesforces_is_told_no_secret() -> None:
    server = Salesforce()
    tokens = TokenSet(access_token="a", refresh_token="r", expires_at=None, issuer_url="https://evil.test")
    for call in (over(server).refresh, over(server).can_refresh, over(server).revoke):
        with pytest.raises(CrmRejected):
            await call(tokens)
    assert server.requests == []


LIFE_UNKNOWN = {
    "a refusal": refusal("invalid_client"),
    "an internal error": answer(500),
    "a page": answer(200, HTML),
    "a dropped connection": failing(httpx.ReadError("reset")),
    "no JSON": answer(200, b"{"),
    "another shape": told(200, {"active": True, "exp": "soon"}),
    "no end": told(200, {"active": True}),
    "an inactive token": told(200, {"active": False, "exp": END}),
    "an end beyond all dates": told(200, {"active": True, "exp": 10**18}),
    "an end in milliseconds": told(200, {"active": True, "exp": END * 1_000}),
    "an end that is past": told(200, {"active": True, "exp": END - 7_200}),
    "an end within the margin": told(200, {"active": True, "exp": END - 7_000}),
    "an end before all dates": told(200, {"active": True, "exp": -(10**18)}),
}


@pytest.mark.parametrize("introspection", LIFE_UNKNOWN.values(), ids=LIFE_UNKNOWN)
async def test_new_tokens_are_not_lost_over_an_end_that_is_not_told(introspection: Answer) -> None:
    server = Salesforce(introspect=introspection)
    renewed = await over(server).refresh(TOKENS)
    assert (renewed.refresh_token, renewed.expires_at) == ("5Aep861-refresh-2", None)
    assert len(server.requests) == 2
    assert (await exchanged(Salesforce(introspect=introspection))).tokens.expires_at is None


async def test_an_end_that_is_told_too_slowly_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth, "INTROSPECTION_SECONDS", 0.02)
    with capture_logs() as logs:
        async with asyncio.timeout(5):
            renewed = await over(Salesforce(introspect=never)).refresh(TOKENS)
    assert (renewed.refresh_token, renewed.expires_at) == ("5Aep861-refresh-2", None)
    assert [entry["event"] for entry in logs] == ["crm.token_life_unknown"]
    assert not any(secret in repr(logs) for secret in SECRETS)


async def test_a_refresh_leaves_the_introspection_its_time_within_the_promise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert oauth.INTROSPECTION_SECONDS < shared.LONGEST_CALL_SECONDS < 15
    monkeypatch.setattr(oauth, "INTROSPECTION_SECONDS", 30.0)
    monkeypatch.setattr(shared, "LONGEST_CALL_SECONDS", 30.05)
    async with asyncio.timeout(5):
        with pytest.raises(CrmUnavailable, match="longer than"):
            await over(Salesforce(never)).refresh(TOKENS)


@pytest.mark.parametrize("place", ["token", "introspect", "userinfo", "organization", "currency"])
async def test_no_call_outlasts_the_promise(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "LONGEST_CALL_SECONDS", 0.05)
    answers = {place: never}
    server = Salesforce(**answers)
    async with asyncio.timeout(5):
        with pytest.raises(CrmUnavailable, match="longer than"):
            await exchanged(server)
        if place == "introspect":
            with pytest.raises(CrmUnavailable, match="longer than"):
                await over(server).can_refresh(TOKENS)
        with pytest.raises(CrmUnavailable, match="longer than"):
            await over(Salesforce(revoke=never)).revoke(TOKENS)


@pytest.mark.parametrize(
    "odd",
    [
        {"access_token": "!AQ-\u00e4ccess"},
        {"access_token": "!AQ-access\r\nX-Odd: 1"},
        {"access_token": "!AQ-\ud83daccess"},
        {"access_token": "x" * 100_000},
        {"access_token": ""},
        {"refresh_token": "5Aep861-\0"},
        {"scope": "api \0"},
        {"scope": ["api"]},
        {"instance_url": 7},
    ],
    ids=lambda odd: next(iter(odd)),
)
async def test_what_can_be_no_token_response_is_refused_and_not_shown(odd: dict[str, object]) -> None:
    server = Salesforce(body(**odd))
    with pytest.raises(CrmRejected) as failed:
        await exchanged(server)
    assert len(server.requests) == 1
    assert shows_no_secret(failed.value)
    assert len(str(failed.value)) < 300


REFRESH_REFUSALS: list[tuple[str, Answer, type[CrmError], str]] = [
    (
        "a dead token",
        refusal("invalid_grant", "expired access/refresh token"),
        ReauthorizationRequired,
        "expired",
    ),
    ("a grant gone", refusal("invalid_grant"), ReauthorizationRequired, "invalid_grant"),
    (
        "an address",
        refusal("invalid_grant", "ip restricted or invalid login hours"),
        ReauthorizationRequired,
        "IP",
    ),
    (
        "no approval",
        refusal("invalid_grant", "user hasn't approved this consumer"),
        ReauthorizationRequired,
        "administrator to approve",
    ),
    (
        "no approval by the admin",
        refusal("invalid_app_access", "user is not admin approved to access this app"),
        ReauthorizationRequired,
        "administrator to approve",
    ),
    ("an inactive user", refusal("inactive_user", "user is inactive"), ReauthorizationRequired, "user"),
    ("an inactive org", refusal("inactive_org", "org locked"), ReauthorizationRequired, "org is locked"),
    (
        "no app",
        refusal("app_not_found", "External client app is not installed in this org"),
        ReauthorizationRequired,
        "administrator to install",
    ),
    (
        "an address, in capitals",
        refusal("invalid_grant", "IP Restricted"),
        ReauthorizationRequired,
        "IP addr",
    ),
    ("no app, in capitals", refusal("OAUTH_EC_APP_NOT_FOUND"), ReauthorizationRequired, "install"),
    (
        "our id",
        refusal("invalid_client_id", "client identifier invalid"),
        CrmMisconfigured,
        "invalid_client_id",
    ),
    (
        "our secret",
        refusal("invalid_client", "invalid client credentials"),
        CrmMisconfigured,
        "invalid_client",
    ),
    (
        "our secret, otherwise",
        refusal("invalid_client_credentials", "", 401),
        CrmMisconfigured,
        "credentials",
    ),
    ("our grant type", refusal("unsupported_grant_type"), CrmMisconfigured, "unsupported_grant_type"),
    ("our scopes", refusal("invalid_scope"), CrmMisconfigured, "invalid_scope"),
    (
        "our request",
        refusal("invalid_request", "missing required parameter"),
        CrmMisconfigured,
        "invalid_request",
    ),
    (
        "our request, of a verifier",
        refusal("invalid_request", "a code verifier is not allowed"),
        CrmMisconfigured,
        "invalid_request",
    ),
    ("too many logins", refusal("rate_limit_exceeded", "login rate exceeded"), RateLimited, "rate_limit"),
    (
        "another refresh",
        refusal("invalid_grant", "Token request is already being processed"),
        CrmUnavailable,
        "being processed",
    ),
    ("an unknown error", refusal("unknown_error", "retry your request"), CrmUnavailable, "unknown_error"),
    ("an internal error", refusal("invalid_grant", "", 500), CrmUnavailable, "500"),
    ("a rate limit", answer(429), RateLimited, "429"),
    ("a page on a 400", answer(400, HTML), CrmUnavailable, "page"),
    ("a page on a 200", answer(200, HTML), CrmUnavailable, "page"),
    ("a redirect", answer(302, location="https://evil.test/"), CrmUnavailable, "302"),
    ("a dropped connection", failing(httpx.RemoteProtocolError("dropped")), CrmUnavailable, "no answer"),
    ("a refused connection", failing(httpx.ConnectError("refused")), CrmUnavailable, "no answer"),
    ("something new", refusal("invalid_moon"), CrmRejected, "invalid_moon"),
    ("a secret for an error", refusal("5Aep861-refresh is odd", "5Aep861-refresh"), CrmRejected, "HTTP 400"),
    ("no JSON", answer(400, b"{"), CrmRejected, "HTTP 400"),
    ("an array", told(400, [{"errorCode": "NOT_FOUND"}]), CrmRejected, "HTTP 400"),
    ("no text", answer(400, b'{"error": "\xff"}'), CrmRejected, "HTTP 400"),
    ("no JSON on a 200", answer(200, b"{"), CrmRejected, "no JSON"),
    ("nothing on a 204", answer(204), CrmRejected, "no JSON"),
]


@pytest.mark.parametrize(
    ("given", "error", "reason"), [pytest.param(*rest, id=name) for name, *rest in REFRESH_REFUSALS]
)
async def test_a_refused_refresh_is_classified_told_to_people_and_never_repeated(
    given: Answer, error: type[CrmError], reason: str
) -> None:
    server = Salesforce(given)
    with pytest.raises(CrmError) as refused:
        await over(server).refresh(TOKENS)
    assert type(refused.value) is error
    assert reason in str(refused.value)
    assert shows_no_secret(refused.value)
    assert server.asked() == [f"{INSTANCE}/services/oauth2/token"]


async def test_the_login_limit_is_waited_out_for_the_hour_that_it_counts() -> None:
    with pytest.raises(RateLimited) as limited:
        await over(Salesforce(refusal("rate_limit_exceeded"))).refresh(TOKENS)
    assert limited.value.retry_after == timedelta(hours=1)


@pytest.mark.parametrize(
    ("error", "description", "expected", "reason"),
    [
        ("invalid_grant", "expired authorization code", GrantRejected, "authorization code"),
        ("invalid_grant", "invalid authorization code", GrantRejected, "authorization code"),
        ("invalid_grant", "invalid code verifier", GrantRejected, "verifier"),
        ("invalid_request", "invalid code verifier", GrantRejected, "verifier"),
        ("invalid_request", "missing required code challenge", GrantRejected, "invalid_grant"),
        ("the-code", "invalid code verifier the-verifier", CrmRejected, "HTTP 400"),
        ("invalid_request", "missing required parameter", CrmMisconfigured, "invalid_request"),
        ("invalid_grant", "ip restricted or invalid login hours", GrantRejected, "IP addresses"),
        ("invalid_grant", "user hasn't approved this consumer", GrantRejected, "approve"),
        ("inactive_user", "user is inactive", GrantRejected, "inactive"),
        ("inactive_org", "", GrantRejected, "suspended"),
        ("app_not_found", "", GrantRejected, "install"),
        ("redirect_uri_mismatch", "redirect_uri must match configuration", CrmMisconfigured, "redirect_uri"),
        ("redirect_uri_missing", "", CrmMisconfigured, "redirect_uri"),
        ("invalid_client_id", "", CrmMisconfigured, "invalid_client_id"),
        ("invalid_client", "app must be installed into org", CrmMisconfigured, "invalid_client"),
        ("rate_limit_exceeded", "number of logins exceeded", RateLimited, "rate_limit_exceeded"),
    ],
)
async def test_a_refused_code_is_told_from_our_own_mistakes(
    error: str, description: str, expected: type[CrmError], reason: str
) -> None:
    server = Salesforce(refusal(error, description))
    with pytest.raises(CrmError) as refused:
        await exchanged(server)
    assert type(refused.value) is expected
    assert reason in str(refused.value)
    assert shows_no_secret(refused.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize("active", [True, False])
async def test_whether_a_refresh_token_still_lives_is_asked_without_using_it(active: bool) -> None:
    server = Salesforce(introspect=told(200, {"active": active}))
    assert await over(server).can_refresh(TOKENS) is active
    assert server.asked() == [f"{INSTANCE}/services/oauth2/introspect"]
    form = form_of(server.requests[0])
    assert (form["token"], form["token_type_hint"]) == (TOKENS.refresh_token, "refresh_token")
    assert form["client_secret"] == CONFIG.client_secret


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (answer(503), CrmUnavailable),
        (refusal("invalid_client"), CrmMisconfigured),
        (told(200, {}), CrmRejected),
        (answer(200, HTML), CrmUnavailable),
    ],
    ids=["out of service", "our secret", "no word of it", "a page"],
)
async def test_a_life_that_cannot_be_asked_for_is_not_guessed(given: Answer, error: type[CrmError]) -> None:
    with pytest.raises(error):
        await over(Salesforce(introspect=given)).can_refresh(TOKENS)


async def test_a_refresh_token_that_is_refused_itself_cannot_be_used() -> None:
    assert not await over(Salesforce(introspect=refusal("invalid_token"))).can_refresh(TOKENS)


async def test_a_revocation_names_the_refresh_token_in_the_body() -> None:
    server = Salesforce()
    await over(server).revoke(TOKENS)
    assert server.asked() == [f"{INSTANCE}/services/oauth2/revoke"]
    assert form_of(server.requests[0]) == {"token": TOKENS.refresh_token}


@pytest.mark.parametrize(
    "error", ["invalid_token", "unsupported_token_type", "invalid_grant", "inactive_org"]
)
async def test_revoking_what_is_gone_already_is_no_error(error: str) -> None:
    await over(Salesforce(revoke=refusal(error))).revoke(TOKENS)


@pytest.mark.parametrize("given", [answer(503), answer(400, HTML), failing(httpx.ConnectError("refused"))])
async def test_a_revocation_that_may_not_have_happened_says_so(given: Answer) -> None:
    with pytest.raises(CrmUnavailable):
        await over(Salesforce(revoke=given)).revoke(TOKENS)


async def test_where_salesforce_is_played_its_loopback_hosts_are_taken() -> None:
    played = SalesforceConfig(
        client_id="id", client_secret="secret", redirect_uri="r", login_url="http://127.0.0.1:8300"
    )
    server = Salesforce(
        body(instance_url="http://localhost:8300", id=f"http://127.0.0.1:8300/id/{ORG}/005000000000001AAA")
    )
    grant = await over(server, played).exchange("c", "v", None)
    assert (grant.tokens.api_url, grant.tokens.issuer_url) == (
        "http://localhost:8300",
        "http://127.0.0.1:8300",
    )
    with pytest.raises(CrmRejected):
        await over(server).exchange("c", "v", None)


async def test_no_secret_shows_in_a_representation() -> None:
    grant = await exchanged(Salesforce())
    for value in (CONFIG, grant, TOKENS, over(Salesforce())):
        assert not any(secret in repr(value) for secret in SECRETS)
