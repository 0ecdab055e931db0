"""Salesforce's grants afterwards: renewed, asked after and revoked, each call where the tokens came from."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from structlog.testing import capture_logs

from astrelo.adapters.outbound.crm import oauth as shared
from astrelo.adapters.outbound.salesforce.oauth import client as oauth
from astrelo.domain.connection import TokenSet
from astrelo.domain.errors import (
    CrmError,
    CrmMisconfigured,
    CrmRejected,
    CrmUnavailable,
    RateLimited,
    ReauthorizationRequired,
)
from tests.support.crm.responses import (
    CUT_OFF,
    HTML,
    Responder,
    connection_error,
    json_response,
    never,
    response,
)
from tests.support.fakes.clock import START
from tests.support.salesforce.authorization import (
    CONFIG,
    END,
    INSTANCE,
    LOGIN,
    SECRETS,
    TOKEN_BODY,
    TOKENS,
    Salesforce,
    body,
    exchange_code,
    form_of,
    over,
    refusal,
    shows_no_secret,
)

pytestmark = pytest.mark.anyio


async def test_a_refresh_goes_where_the_tokens_came_from_and_keeps_what_is_new() -> None:
    server = Salesforce(body(scope="api openid", instance_url="https://acme--na2.my.salesforce.com"))
    renewed = await over(server).refresh(TOKENS)
    assert server.requested_urls() == [f"{INSTANCE}/services/oauth2/token"]
    assert form_of(server.requests[0]) == {
        "grant_type": "refresh_token",
        "refresh_token": "5Aep861-refresh",
        "client_id": CONFIG.client_id,
        "client_secret": CONFIG.client_secret,
    }
    assert renewed.refresh_token == "5Aep861-refresh-2"
    assert renewed.access_token == TOKEN_BODY["access_token"]
    assert (renewed.api_url, renewed.issuer_url) == ("https://acme--na2.my.salesforce.com", INSTANCE)
    assert renewed.expires_at is None
    assert renewed.scopes == {"api", "openid"}


async def test_a_refresh_without_rotation_and_without_an_instance_keeps_the_old_ones() -> None:
    renewed = await over(Salesforce(body(refresh_token=None, instance_url=None))).refresh(TOKENS)
    assert (renewed.refresh_token, renewed.api_url) == (TOKENS.refresh_token, TOKENS.api_url)


async def test_a_refresh_that_reports_no_scopes_keeps_the_old_ones() -> None:
    known = replace(TOKENS, scopes=frozenset({*TOKENS.scopes, "id"}))
    assert (await over(Salesforce(body(scope=None))).refresh(known)).scopes == known.scopes


async def test_tokens_of_no_known_issuer_are_renewed_at_the_configured_login() -> None:
    server = Salesforce()
    await over(server).refresh(TokenSet(access_token="a", refresh_token="r", expires_at=None))
    assert server.requested_urls()[0] == f"{LOGIN}/services/oauth2/token"


async def test_a_stored_issuer_that_is_not_salesforces_is_sent_no_secret() -> None:
    server = Salesforce()
    tokens = TokenSet(access_token="a", refresh_token="r", expires_at=None, issuer_url="https://evil.test")
    for call in (over(server).refresh, over(server).can_refresh, over(server).revoke):
        with pytest.raises(CrmRejected):
            await call(tokens)
    assert await over(server).fetch_expiry(tokens) is None
    assert server.requests == []


async def test_when_an_access_token_ends_is_asked_where_it_came_from() -> None:
    server = Salesforce()
    assert await over(server).fetch_expiry(TOKENS) == START + timedelta(hours=2)
    assert server.requested_urls() == [f"{INSTANCE}/services/oauth2/introspect"]
    form = form_of(server.requests[0])
    assert (form["token"], form["token_type_hint"]) == (TOKENS.access_token, "access_token")


LIFE_UNKNOWN = {
    "a refusal": refusal("invalid_client"),
    "an internal error": response(500),
    "a page": response(200, HTML),
    "a dropped connection": connection_error(httpx.ReadError("reset")),
    "no JSON": response(200, b"{"),
    "another shape": json_response(200, {"active": True, "exp": "soon"}),
    "no end": json_response(200, {"active": True}),
    "an inactive token": json_response(200, {"active": False, "exp": END}),
    "an end beyond all dates": json_response(200, {"active": True, "exp": 10**18}),
    "an end in milliseconds": json_response(200, {"active": True, "exp": END * 1_000}),
    "an end that is past": json_response(200, {"active": True, "exp": END - 7_200}),
    "an end within the margin": json_response(200, {"active": True, "exp": END - 7_000}),
    "an end before all dates": json_response(200, {"active": True, "exp": -(10**18)}),
}


@pytest.mark.parametrize("introspection", LIFE_UNKNOWN.values(), ids=LIFE_UNKNOWN)
async def test_an_end_that_is_not_reported_is_not_known_and_costs_nothing(introspection: Responder) -> None:
    server = Salesforce(introspect=introspection)
    assert await over(server).fetch_expiry(TOKENS) is None
    assert len(server.requests) == 1
    tokens = (await exchange_code(Salesforce(introspect=introspection))).tokens
    assert (tokens.refresh_token, tokens.expires_at) == ("5Aep861-refresh-2", None)


async def test_an_end_that_is_reported_too_slowly_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert oauth.INTROSPECTION_SECONDS < 5, "what the port promises"
    monkeypatch.setattr(oauth, "INTROSPECTION_SECONDS", 0.02)
    server = Salesforce(introspect=never)
    with capture_logs() as logs:
        async with asyncio.timeout(5):
            assert await over(server).fetch_expiry(TOKENS) is None
            assert (await exchange_code(server)).tokens.expires_at is None
    assert [entry["event"] for entry in logs] == ["crm.token_life_unknown"] * 2
    assert not any(secret in repr(logs) for secret in SECRETS)


async def test_a_refresh_is_over_within_the_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shared.MAX_CALL_SECONDS < 15
    monkeypatch.setattr(shared, "MAX_CALL_SECONDS", 0.02)
    async with asyncio.timeout(5):
        with pytest.raises(CrmUnavailable, match="longer than"):
            await over(Salesforce(never)).refresh(TOKENS)


REFRESH_REFUSALS: list[tuple[str, Responder, type[CrmError], str]] = [
    (
        "a dead token",
        refusal("invalid_grant", "expired access/refresh token"),
        ReauthorizationRequired,
        "expired",
    ),
    ("a grant gone", refusal("invalid_grant"), ReauthorizationRequired, "invalid_grant"),
    (
        "an address or an hour",
        refusal("invalid_grant", "ip restricted or invalid login hours"),
        RateLimited,
        "ask its administrator to admit them",
    ),
    *(
        (
            f"a user who is shut out: {description}",
            refusal("invalid_grant", description),
            ReauthorizationRequired,
            "ask the org's administrator",
        )
        for description in ("user is frozen", "inactive user", "User is inactive", "user account is locked")
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
    (
        "an inactive user",
        refusal("inactive_user", "user is inactive"),
        ReauthorizationRequired,
        "ask the org's administrator to activate",
    ),
    (
        "an inactive org",
        refusal("inactive_org", "org locked"),
        ReauthorizationRequired,
        "administrator can ask Salesforce",
    ),
    (
        "no app",
        refusal("app_not_found", "External client app is not installed in this org"),
        ReauthorizationRequired,
        "administrator to install",
    ),
    (
        "an address, in capitals",
        refusal("invalid_grant", "IP Restricted"),
        RateLimited,
        "IP addr",
    ),
    ("an hour alone", refusal("invalid_grant", "invalid login hours"), RateLimited, "login hours"),
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
    ("too many logins", refusal("rate_limit_exceeded", "login rate exceeded"), RateLimited, "too often"),
    (
        "another refresh",
        refusal("invalid_grant", "Token request is already being processed"),
        CrmUnavailable,
        "being processed",
    ),
    ("an unknown error", refusal("unknown_error", "retry your request"), CrmUnavailable, "unknown_error"),
    ("an internal error", refusal("invalid_grant", "", 500), CrmUnavailable, "500"),
    ("a rate limit", response(429), RateLimited, "429"),
    ("a page on a 400", response(400, HTML), CrmUnavailable, "page"),
    ("a page on a 200", response(200, HTML), CrmUnavailable, "page"),
    ("a redirect", response(302, location="https://evil.test/"), CrmUnavailable, "302"),
    (
        "a dropped connection",
        connection_error(httpx.RemoteProtocolError("dropped")),
        CrmUnavailable,
        "no response",
    ),
    ("a refused connection", connection_error(httpx.ConnectError("refused")), CrmUnavailable, "no response"),
    ("something new", refusal("invalid_moon"), CrmRejected, "invalid_moon"),
    ("a secret for an error", refusal("5Aep861-refresh is odd", "5Aep861-refresh"), CrmRejected, "HTTP 400"),
    ("no JSON", response(400, b"{"), CrmRejected, "HTTP 400"),
    ("an array", json_response(400, [{"errorCode": "NOT_FOUND"}]), CrmRejected, "HTTP 400"),
    ("no text", response(400, b'{"error": "\xff"}'), CrmRejected, "HTTP 400"),
    ("no text on a 200", response(200, b'{"access_token": "\xff"}'), CrmRejected, "cannot be read"),
    ("nothing on a 204", response(204), CrmUnavailable, "cut off"),
    *(("cut off", response(200, cut_off), CrmUnavailable, "cut off") for cut_off in CUT_OFF),
]


@pytest.mark.parametrize(
    ("given", "error", "reason"), [pytest.param(*rest, id=name) for name, *rest in REFRESH_REFUSALS]
)
async def test_a_refused_refresh_is_classified_reported_to_people_and_never_repeated(
    given: Responder, error: type[CrmError], reason: str
) -> None:
    server = Salesforce(given)
    with pytest.raises(CrmError) as refused:
        await over(server).refresh(TOKENS)
    assert type(refused.value) is error
    assert reason in str(refused.value)
    assert shows_no_secret(refused.value)
    assert server.requested_urls() == [f"{INSTANCE}/services/oauth2/token"]


BARRED = refusal("invalid_grant", "ip restricted or invalid login hours")


@pytest.mark.parametrize(
    "given", [refusal("rate_limit_exceeded"), BARRED], ids=["the login limit", "a barred address or hour"]
)
async def test_what_passes_by_the_hour_is_waited_out_for_one(given: Responder) -> None:
    with pytest.raises(RateLimited) as limited:
        await over(Salesforce(given)).refresh(TOKENS)
    assert limited.value.retry_after == timedelta(hours=1)


async def test_an_org_that_bars_us_says_nothing_of_whether_a_grant_lives() -> None:
    with pytest.raises(RateLimited):
        await over(Salesforce(introspect=BARRED)).can_refresh(TOKENS)
    with pytest.raises(RateLimited):
        await over(Salesforce(revoke=BARRED)).revoke(TOKENS)


@pytest.mark.parametrize("active", [True, False])
async def test_whether_a_refresh_token_still_lives_is_asked_without_using_it(active: bool) -> None:
    server = Salesforce(introspect=json_response(200, {"active": active}))
    assert await over(server).can_refresh(TOKENS) is active
    assert server.requested_urls() == [f"{INSTANCE}/services/oauth2/introspect"]
    form = form_of(server.requests[0])
    assert (form["token"], form["token_type_hint"]) == (TOKENS.refresh_token, "refresh_token")
    assert form["client_secret"] == CONFIG.client_secret


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (response(503), CrmUnavailable),
        (refusal("invalid_client"), CrmMisconfigured),
        (json_response(200, {}), CrmRejected),
        (response(200, HTML), CrmUnavailable),
        (response(200, b'{"active": tr'), CrmUnavailable),
        (response(200), CrmUnavailable),
    ],
    ids=["out of service", "our secret", "no word of it", "a page", "half a word", "nothing"],
)
async def test_a_life_that_cannot_be_asked_for_is_not_guessed(
    given: Responder, error: type[CrmError]
) -> None:
    with pytest.raises(error):
        await over(Salesforce(introspect=given)).can_refresh(TOKENS)


async def test_a_refresh_token_that_is_refused_itself_cannot_be_used() -> None:
    assert not await over(Salesforce(introspect=refusal("invalid_token"))).can_refresh(TOKENS)


async def test_a_revocation_names_the_refresh_token_in_the_body() -> None:
    server = Salesforce()
    await over(server).revoke(TOKENS)
    assert server.requested_urls() == [f"{INSTANCE}/services/oauth2/revoke"]
    assert form_of(server.requests[0]) == {"token": TOKENS.refresh_token}


@pytest.mark.parametrize(
    "error", ["invalid_token", "unsupported_token_type", "invalid_grant", "inactive_org"]
)
async def test_revoking_what_is_gone_already_is_no_error(error: str) -> None:
    await over(Salesforce(revoke=refusal(error))).revoke(TOKENS)


@pytest.mark.parametrize(
    "given", [response(503), response(400, HTML), connection_error(httpx.ConnectError("refused"))]
)
async def test_a_revocation_that_may_not_have_happened_says_so(given: Responder) -> None:
    with pytest.raises(CrmUnavailable):
        await over(Salesforce(revoke=given)).revoke(TOKENS)
