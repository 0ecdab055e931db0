"""HubSpot's OAuth: what we send, and what each of its answers means."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, parse_qsl

import httpx
import pytest

from astrelo.adapters.outbound.crm import oauth
from astrelo.adapters.outbound.crm.http import HttpClient, Timeouts
from astrelo.adapters.outbound.hubspot.oauth import client as hubspot_oauth
from astrelo.adapters.outbound.hubspot.oauth.client import HubSpotOAuth
from astrelo.domain.connection import AuthorizationRequest, TokenSet
from astrelo.domain.errors import (
    CrmError,
    CrmMisconfigured,
    CrmRejected,
    CrmUnavailable,
    GrantRejected,
    RateLimited,
    ReauthorizationRequired,
)
from astrelo.domain.identifiers import Provider
from tests.support.crm.responses import (
    CUT_OFF,
    HTML,
    Responder,
    ScriptedServer,
    connection_error,
    json_response,
    never,
    response,
)
from tests.support.fakes.clock import FakeClock
from tests.support.hubspot.sandbox import CONFIG

pytestmark = pytest.mark.anyio

TOKENS = TokenSet(
    access_token="old-access", refresh_token="na1-refresh", expires_at=None, scopes=frozenset({"oauth"})
)
TOKEN_BODY = {
    "access_token": "CJ-access",
    "refresh_token": "na1-refresh-2",
    "expires_in": 1800,
    "token_type": "bearer",
    "hub_id": 101,
    "scopes": ["oauth", "crm.objects.deals.read"],
}
INTROSPECTION_BODY = {
    "active": True,
    "hub_id": 101,
    "hub_domain": "acme.com",
    "user": "ada@acme.com",
    "scopes": TOKEN_BODY["scopes"],
}
DETAILS = json_response(
    200, {"portalId": 101, "portalName": "Acme", "companyCurrency": "EUR", "timeZone": "Europe/Berlin"}
)


def over(server: ScriptedServer) -> HubSpotOAuth:
    http_client = HttpClient(httpx.MockTransport(server), Provider.HUBSPOT, Timeouts())
    return HubSpotOAuth(CONFIG, http_client, FakeClock())


def without(name: str) -> dict[str, object]:
    return {key: value for key, value in TOKEN_BODY.items() if key != name}


def form_of(request: httpx.Request) -> dict[str, str]:
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    return dict(parse_qsl(request.content.decode()))


def refusal(status: str | None, error: str | None = None, http_status: int = 400) -> Responder:
    body = {
        "status": status,
        "error": error,
        "error_description": "secret-code is wrong",
        "message": "secret-code",
    }
    return json_response(http_status, {name: value for name, value in body.items() if value is not None})


def test_the_authorize_url_encodes_the_spaces_between_scopes_as_hubspot_wants_them() -> None:
    url = over(ScriptedServer(never)).authorization_url(
        AuthorizationRequest(state="s+/ =", code_challenge="c")
    )
    base, _, query = url.partition("?")
    assert base == "http://hubspot.test/oauth/authorize"
    assert "scope=oauth%20crm.objects.companies.read%20" in query
    assert "+" not in query
    assert parse_qs(query)["state"] == ["s+/ ="]


async def test_an_exchange_sends_everything_in_the_body_of_the_dated_endpoint() -> None:
    server = ScriptedServer(json_response(200, TOKEN_BODY), json_response(200, INTROSPECTION_BODY), DETAILS)
    grant = await over(server).exchange("the-code", "the-verifier")
    token_call, introspection_call, details_call = server.requests
    assert str(token_call.url) == "http://hubspot.test/oauth/2026-09/token"
    assert form_of(token_call) == {
        "grant_type": "authorization_code",
        "code": "the-code",
        "redirect_uri": CONFIG.redirect_uri,
        "code_verifier": "the-verifier",
        "client_id": CONFIG.client_id,
        "client_secret": CONFIG.client_secret,
    }
    assert introspection_call.url.path == "/oauth/2026-09/token/introspect"
    assert str(details_call.url) == "http://hubspot.test/account-info/2026-09/details"
    account = grant.account
    assert (account.account_id, account.name, account.currency) == ("101", "Acme", "EUR")
    assert grant.tokens.expires_at == FakeClock().now() + timedelta(seconds=1800)
    assert grant.tokens.scopes == {"oauth", "crm.objects.deals.read"}


async def test_an_account_without_a_name_is_called_by_its_number() -> None:
    grant = await over(
        ScriptedServer(json_response(200, TOKEN_BODY), json_response(200, {"portalId": 101}))
    ).exchange("c", "v")
    assert grant.account.name == "HubSpot account 101"


@pytest.mark.parametrize("absent", ["hub_id", "scopes"])
async def test_what_the_token_response_leaves_out_is_asked_for_by_introspection(absent: str) -> None:
    introspection = json_response(200, {"active": True, "hub_id": 101, "scopes": TOKEN_BODY["scopes"]})
    server = ScriptedServer(json_response(200, without(absent)), introspection, DETAILS)
    grant = await over(server).exchange("c", "v")
    assert server.requests[1].url.path == "/oauth/2026-09/token/introspect"
    assert form_of(server.requests[1])["token"] == "CJ-access"
    assert grant.account.account_id == "101"
    assert grant.tokens.scopes == {"oauth", "crm.objects.deals.read"}


async def test_the_account_is_opened_in_the_region_that_hosts_it() -> None:
    details = json_response(200, {"portalId": 101, "uiDomain": "app-eu1.hubspot.com"})
    server = ScriptedServer(json_response(200, TOKEN_BODY), json_response(200, INTROSPECTION_BODY), details)
    grant = await over(server).exchange("c", "v")
    assert grant.account.app_url == "https://app-eu1.hubspot.com"


async def test_who_connected_and_the_accounts_domain_are_reported_by_introspection() -> None:
    server = ScriptedServer(json_response(200, TOKEN_BODY), json_response(200, INTROSPECTION_BODY), DETAILS)
    grant = await over(server).exchange("c", "v")
    assert form_of(server.requests[1])["token"] == "CJ-access"
    assert (grant.connected_by, grant.account.domain) == ("ada@acme.com", "acme.com")
    assert "ada@acme.com" not in repr(grant)


@pytest.mark.parametrize(
    ("user", "kept"),
    [
        (None, None),
        ("", None),
        (" \t", None),
        (" ada@acme.com\0 ", "ada@acme.com"),
        ("a" * 300 + "@acme.com", "a" * 254),
        (
            "\u00fcmit@\u043f\u0440\u0438\u043c\u0435\u0440.example",
            "\u00fcmit@\u043f\u0440\u0438\u043c\u0435\u0440.example",
        ),
    ],
)
async def test_a_name_is_kept_as_a_column_can_hold_it(user: str | None, kept: str | None) -> None:
    introspection = json_response(200, {**INTROSPECTION_BODY, "user": user, "hub_domain": user})
    grant = await over(ScriptedServer(json_response(200, TOKEN_BODY), introspection, DETAILS)).exchange(
        "c", "v"
    )
    assert grant.connected_by == kept
    assert grant.account.domain == (kept and kept[:253])


@pytest.mark.parametrize(
    "introspection",
    [
        response(500),
        json_response(429, {}),
        json_response(400, {"status": "BAD_CLIENT_ID"}),
        json_response(200, {"active": True}),
        json_response(200, {**INTROSPECTION_BODY, "user": {"email": "ada@acme.com"}}),
        json_response(200, {"active": False}),
        response(200, CUT_OFF[0]),
        response(200, HTML),
        connection_error(httpx.ConnectError("none")),
    ],
)
async def test_who_connected_is_unknown_where_introspection_fails_and_nothing_else_is_lost(
    introspection: Responder, capsys: pytest.CaptureFixture[str]
) -> None:
    grant = await over(ScriptedServer(json_response(200, TOKEN_BODY), introspection, DETAILS)).exchange(
        "c", "v"
    )
    assert (grant.connected_by, grant.account.domain, grant.account.name) == (None, None, "Acme")
    assert grant.tokens.scopes == set(TOKEN_BODY["scopes"])  # type: ignore[call-overload] # a list of texts
    assert "ada@acme.com" not in capsys.readouterr().out


async def test_an_introspection_that_takes_too_long_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hubspot_oauth, "INTROSPECTION_SECONDS", 0.01)
    grant = await over(ScriptedServer(json_response(200, TOKEN_BODY), never, DETAILS)).exchange("c", "v")
    assert (grant.connected_by, grant.account.name) == (None, "Acme")


async def tokens_of(*answers: Responder) -> list[tuple[str, str]]:
    """Fail to connect, and return the access and refresh tokens that were reported nevertheless."""
    issued: list[TokenSet] = []
    with pytest.raises(CrmError):
        await over(ScriptedServer(*answers)).exchange("c", "v", issued.append)
    return [(tokens.access_token, tokens.refresh_token) for tokens in issued]


@pytest.mark.parametrize("place", [1, 2], ids=["the introspection", "the account"])
async def test_tokens_are_reported_before_anything_else_can_fail(place: int) -> None:
    answers = [
        json_response(200, without("hub_id")),
        json_response(200, {"active": True, "hub_id": 101}),
        DETAILS,
    ]
    assert await tokens_of(*answers[:place], response(500)) == [("CJ-access", "na1-refresh-2")]


@pytest.mark.parametrize(
    ("odd", "issued"),
    [
        ({"expires_in": 0}, [("CJ-access", "na1-refresh-2")]),
        ({"hub_id": -1}, [("CJ-access", "na1-refresh-2")]),
        ({"access_token": "CJ-\u00e4ccess"}, [("", "na1-refresh-2")]),
        ({"access_token": 7}, [("", "na1-refresh-2")]),
        ({"refresh_token": None}, [("CJ-access", "")]),
        ({"refresh_token": "na1-\0refresh"}, [("CJ-access", "")]),
        ({"access_token": "", "refresh_token": ""}, []),
    ],
)
async def test_of_a_token_response_that_is_refused_what_is_a_token_is_reported(
    odd: dict[str, object], issued: list[tuple[str, str]]
) -> None:
    assert await tokens_of(json_response(200, {**TOKEN_BODY, **odd})) == issued


@pytest.mark.parametrize(
    "given",
    [
        json_response(200, []),
        json_response(200, None),
        response(200, b"{"),
        response(200, HTML),
        json_response(400, TOKEN_BODY),
    ],
)
async def test_what_is_no_token_response_reports_no_tokens(given: Responder) -> None:
    assert await tokens_of(given) == []


async def test_tokens_are_reported_even_when_nobody_waits_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth, "MAX_CALL_SECONDS", 0.05)
    assert await tokens_of(json_response(200, TOKEN_BODY), never) == [("CJ-access", "na1-refresh-2")]


async def test_details_of_another_account_than_the_tokens_are_not_believed() -> None:
    with pytest.raises(CrmRejected, match="another"):
        await over(
            ScriptedServer(json_response(200, TOKEN_BODY), json_response(200, {"portalId": 102}))
        ).exchange("c", "v")


@pytest.mark.parametrize(
    "body",
    [
        without("access_token"),
        without("refresh_token"),
        without("expires_in"),
        {**TOKEN_BODY, "expires_in": 0},
        [],
        None,
    ],
    ids=["no access token", "no refresh token", "no life", "no time to live", "a list", "null"],
)
async def test_a_token_response_without_its_fields_is_refused_at_the_connect(body: object) -> None:
    with pytest.raises(CrmRejected):
        await over(ScriptedServer(json_response(200, body), DETAILS)).exchange("c", "v")


@pytest.mark.parametrize(
    "odd",
    [
        {"access_token": "CJ-\u00e4ccess"},
        {"access_token": "CJ-access\r\nX-Odd: 1"},
        {"access_token": "CJ-access\n"},
        {"access_token": "CJ-\0access"},
        {"access_token": "CJ-\ud83daccess"},
        {"access_token": "x" * 100_000},
        {"refresh_token": "na1-\0refresh"},
        {"refresh_token": "na1-\u00e4"},
        {"scopes": ["oauth", "crm.\0"]},
        {"scopes": ["oauth", "two words"]},
        {"scopes": ["oauth", "x" * 100_000]},
        {"hub_id": 10**400},
        {"hub_id": -1},
        {"expires_in": 10**400},
    ],
    ids=lambda odd: next(iter(odd)),
)
async def test_what_can_be_no_token_no_scope_and_no_account_is_refused_and_not_shown(
    odd: dict[str, object],
) -> None:
    """By RFC 6749 appendix A tokens and scopes are visible ASCII: others fit into no header."""
    server = ScriptedServer(json_response(200, {**TOKEN_BODY, **odd}), DETAILS)
    with pytest.raises(CrmRejected) as refusal:
        await over(server).exchange("c", "v")
    assert len(server.requests) == 1
    assert "CJ-" not in repr(refusal.value)
    assert "na1-" not in repr(refusal.value)
    assert len(str(refusal.value)) < 300


async def test_an_account_name_cut_in_the_middle_of_an_emoji_is_no_obstacle() -> None:
    details = json_response(200, {"portalId": 101, "portalName": "Acme \ud83d\0", "timeZone": "Mars/\ud83d"})
    grant = await over(ScriptedServer(json_response(200, TOKEN_BODY), details)).exchange("c", "v")
    assert grant.account.name == "Acme \ufffd"


async def test_an_account_number_beyond_all_numbers_is_refused() -> None:
    server = ScriptedServer(
        json_response(200, TOKEN_BODY), response(200, b'{"portalId": ' + b"9" * 5_000 + b"}")
    )
    with pytest.raises(CrmRejected):
        await over(server).exchange("c", "v")


@pytest.mark.parametrize("cut_off", CUT_OFF)
async def test_no_answer_to_a_connect_that_is_cut_off_is_called_wrong(cut_off: bytes) -> None:
    whole = [
        json_response(200, without("hub_id")),
        json_response(200, {"active": True, "hub_id": 101}),
        DETAILS,
    ]
    for place in range(len(whole)):
        server = ScriptedServer(*whole[:place], response(200, cut_off))
        with pytest.raises(CrmUnavailable, match="cut off"):
            await over(server).exchange("c", "v")
        assert len(server.requests) == place + 1


async def test_a_refresh_keeps_the_new_refresh_token_and_the_scopes() -> None:
    server = ScriptedServer(json_response(200, without("scopes")))
    renewed = await over(server).refresh(TOKENS)
    assert form_of(server.requests[0])["refresh_token"] == "na1-refresh"
    assert (renewed.access_token, renewed.refresh_token) == ("CJ-access", "na1-refresh-2")
    assert renewed.scopes == {"oauth"}


async def test_a_refresh_that_names_no_refresh_token_keeps_the_old_one() -> None:
    renewed = await over(ScriptedServer(json_response(200, without("refresh_token")))).refresh(TOKENS)
    assert renewed.refresh_token == "na1-refresh"


REFRESH_REFUSALS: list[tuple[str, Responder, type[CrmError]]] = [
    ("a dead refresh token", refusal("BAD_REFRESH_TOKEN", "invalid_grant"), ReauthorizationRequired),
    ("a dead refresh token, old shape", refusal("BAD_REFRESH_TOKEN"), ReauthorizationRequired),
    ("a dead refresh token, error alone", refusal(None, "invalid_grant"), ReauthorizationRequired),
    ("an account that is gone", refusal("BAD_HUB", "access_denied"), ReauthorizationRequired),
    ("our client id", refusal("BAD_CLIENT_ID", "invalid_client"), CrmMisconfigured),
    ("our secret, by 401", refusal("BAD_CLIENT_SECRET", "invalid_client", 401), CrmMisconfigured),
    ("our secret, error alone", refusal(None, "invalid_client", 401), CrmMisconfigured),
    ("status before error", refusal("BAD_CLIENT_SECRET", "invalid_grant"), CrmMisconfigured),
    ("our scopes", refusal("BAD_SCOPES", "invalid_scope"), CrmMisconfigured),
    ("our grant type", refusal("BAD_GRANT_TYPE", "unsupported_grant_type"), CrmRejected),
    ("something new", refusal("BAD_MOON", "invalid_moon"), CrmRejected),
    ("HTML on a 400", response(400, HTML), CrmRejected),
    ("HTML on a 200", response(200, HTML), CrmUnavailable),
    ("no text on a 200", response(200, b'{"access_token": "\xff"}'), CrmRejected),
    ("no text on a 400", response(400, b'{"status": "\xff"}'), CrmRejected),
    ("HTML on a 502", response(502, HTML), CrmUnavailable),
    ("a lock", response(423), CrmUnavailable),
    *(("cut off", response(200, cut_off), CrmUnavailable) for cut_off in CUT_OFF),
    ("an internal error with a misleading body", refusal("BAD_REFRESH_TOKEN", None, 500), CrmUnavailable),
    ("a rate limit", response(429), RateLimited),
    ("an account on the move", response(477, retry_after="7200"), RateLimited),
    ("a dropped connection", connection_error(httpx.RemoteProtocolError("dropped")), CrmUnavailable),
    ("a refused connection", connection_error(httpx.ConnectError("refused")), CrmUnavailable),
]


@pytest.mark.parametrize(
    ("given", "error"),
    [pytest.param(given, error, id=name) for name, given, error in REFRESH_REFUSALS],
)
async def test_a_refused_refresh_is_classified_and_never_repeated(
    given: Responder, error: type[CrmError]
) -> None:
    server = ScriptedServer(given)
    with pytest.raises(CrmError) as refused:
        await over(server).refresh(TOKENS)
    assert type(refused.value) is error
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        ("BAD_AUTH_CODE", "invalid_grant", GrantRejected),
        ("EXPIRED_AUTH_CODE", "invalid_grant", GrantRejected),
        ("BAD_CODE_VERIFIER", "invalid_grant", GrantRejected),
        ("BAD_HUB", "access_denied", GrantRejected),
        ("MISMATCH_REDIRECT_URI_AUTH_CODE", "invalid_grant", CrmMisconfigured),
        ("BAD_REDIRECT_URI", "invalid_request", CrmMisconfigured),
        ("BAD_CLIENT_ID", "invalid_client", CrmMisconfigured),
    ],
)
async def test_a_refused_code_is_distinguished_from_our_own_mistakes(
    status: str, error: str, expected: type[CrmError]
) -> None:
    server = ScriptedServer(refusal(status, error))
    with pytest.raises(expected) as refused:
        await over(server).exchange("secret-code", "v")
    assert status in str(refused.value)
    assert "secret-code" not in str(refused.value)
    assert len(server.requests) == 1


async def test_a_refusal_shows_only_code_words_of_what_hubspot_says() -> None:
    with pytest.raises(CrmRejected) as refused:
        await over(ScriptedServer(refusal("token na1-refresh is odd", "na1-refresh!"))).refresh(TOKENS)
    assert "na1-refresh" not in str(refused.value)


async def test_a_refresh_ends_within_the_time_that_the_lock_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    assert oauth.MAX_CALL_SECONDS < 15
    monkeypatch.setattr(oauth, "MAX_CALL_SECONDS", 0.02)
    with pytest.raises(CrmUnavailable, match="longer than"):
        await over(ScriptedServer(never)).refresh(TOKENS)


async def test_a_revocation_names_the_refresh_token_in_the_body() -> None:
    server = ScriptedServer(response(200))
    await over(server).revoke(TOKENS)
    assert server.requests[0].url.path == "/oauth/2026-09/token/revoke"
    assert form_of(server.requests[0])["token"] == "na1-refresh"
    assert form_of(server.requests[0])["token_type_hint"] == "refresh_token"


async def test_of_a_grant_without_a_refresh_token_the_access_token_is_revoked() -> None:
    server = ScriptedServer(response(200))
    await over(server).revoke(replace(TOKENS, refresh_token=""))
    form = form_of(server.requests[0])
    assert (form["token"], form["token_type_hint"]) == ("old-access", "access_token")


async def test_revoking_what_is_gone_already_is_no_error() -> None:
    await over(ScriptedServer(refusal("BAD_REFRESH_TOKEN", "invalid_grant"))).revoke(TOKENS)


async def test_a_revocation_that_may_not_have_happened_says_so() -> None:
    with pytest.raises(CrmUnavailable):
        await over(ScriptedServer(response(503))).revoke(TOKENS)


def test_no_secret_shows_in_a_representation() -> None:
    assert CONFIG.client_secret not in repr(CONFIG)
