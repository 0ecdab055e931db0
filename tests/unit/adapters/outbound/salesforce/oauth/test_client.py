"""Salesforce's OAuth up to a grant: what we send, where to, and what each of its answers means."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs

import httpx
import pytest

from astrelo.adapters.outbound.crm import oauth as shared
from astrelo.adapters.outbound.salesforce.config import SalesforceConfig
from astrelo.domain.connection import AuthorizationRequest, TokenSet
from astrelo.domain.errors import (
    CrmError,
    CrmMisconfigured,
    CrmRejected,
    CrmUnavailable,
    GrantRejected,
    InvalidInput,
    RateLimited,
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
    INSTANCE,
    LOGIN,
    NO_CURRENCY,
    ORG,
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
        await exchange_code(server, login_host)
    assert server.requests == []


async def test_an_exchange_sends_verifier_and_secret_in_the_body_to_where_the_code_was_given() -> None:
    server = Salesforce()
    await exchange_code(server, "acme.my.salesforce.com")
    assert server.requested_urls()[0] == f"{INSTANCE}/services/oauth2/token"
    assert form_of(server.requests[0]) == {
        "grant_type": "authorization_code",
        "code": "the-code",
        "redirect_uri": CONFIG.redirect_uri,
        "code_verifier": "the-verifier",
        "client_id": CONFIG.client_id,
        "client_secret": CONFIG.client_secret,
    }


async def test_a_grant_reports_tokens_their_end_their_hosts_and_the_org() -> None:
    server = Salesforce()
    grant = await exchange_code(server)
    assert server.requested_urls() == [
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
    assert account.app_url == INSTANCE


async def test_an_org_with_one_currency_and_an_org_that_may_not_be_read_are_connected_all_the_same() -> None:
    grant = await exchange_code(Salesforce(currency=NO_CURRENCY))
    assert (grant.account.currency, grant.account.name) == (None, "Acme \ufffd")
    hidden = json_response(403, [{"errorCode": "INSUFFICIENT_ACCESS", "message": "no"}])
    grant = await exchange_code(Salesforce(currency=NO_CURRENCY, organization=hidden))
    assert grant.account.name == f"Salesforce org {ORG}"
    nameless = json_response(200, {"records": [{"Name": None, "TimeZoneSidKey": None}]})
    grant = await exchange_code(
        Salesforce(organization=nameless, currency=json_response(200, {"records": []}))
    )
    assert (grant.account.name, grant.account.currency) == (f"Salesforce org {ORG}", None)


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [
        ("full refresh_token", {"full", "refresh_token", "api", "openid", "id", "profile", "email", "web"}),
        ("api openid offline_access", {"api", "openid", "offline_access", "refresh_token"}),
        (None, {"api", "openid", "refresh_token"}),
    ],
    ids=["full", "offline", "by the introspection"],
)
async def test_scopes_that_stand_for_others_are_read_as_those(scope: str | None, scopes: set[str]) -> None:
    grant = await exchange_code(Salesforce(body(scope=scope)))
    assert grant.tokens.scopes == scopes
    assert grant.account.name == "Acme \ufffd"


async def test_scopes_that_no_answer_reports_are_those_that_were_asked_for() -> None:
    grant = await exchange_code(Salesforce(body(scope=None), introspect=json_response(200, {"active": True})))
    assert grant.tokens.scopes == {"api", "refresh_token", "openid"}


async def test_a_grant_without_the_scopes_we_need_says_so_and_asks_nothing_more() -> None:
    server = Salesforce(body(scope="api refresh_token"))
    grant = await exchange_code(server)
    assert grant.tokens.scopes == {"api", "refresh_token"}
    assert grant.account.account_id == ORG
    assert len(server.requests) == 2


UNFINISHED: dict[str, Salesforce] = {
    "an instance that is not Salesforce's": Salesforce(body(instance_url="https://evil.test")),
    "an identity that is not Salesforce's": Salesforce(body(id="https://evil.test/id/x/y")),
    "another shape": Salesforce(body(scope=["api"])),
    "no user": Salesforce(userinfo=response(503)),
    "no end of it": Salesforce(currency=never),
    "no end of its introspection": Salesforce(introspect=never),
}


@pytest.mark.parametrize("server", UNFINISHED.values(), ids=UNFINISHED)
async def test_tokens_are_reported_before_anything_else_can_fail(
    server: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "MAX_CALL_SECONDS", 0.05)
    issued: list[TokenSet] = []
    with pytest.raises(CrmError):
        await over(server).exchange("the-code", "the-verifier", "acme.my.salesforce.com", issued.append)
    (tokens,) = issued
    assert tokens.refresh_token == TOKEN_BODY["refresh_token"]
    await over(server).revoke(tokens)
    assert server.requested_urls()[-1] == f"{INSTANCE}/services/oauth2/revoke", "where they came from"


async def test_of_a_grant_without_a_refresh_token_the_access_token_is_reported_and_revoked() -> None:
    server = Salesforce(body(refresh_token=None))
    issued: list[TokenSet] = []
    with pytest.raises(CrmMisconfigured):
        await over(server).exchange("the-code", "the-verifier", None, issued.append)
    await over(server).revoke(issued[0])
    assert form_of(server.requests[-1]) == {"token": TOKEN_BODY["access_token"]}


async def test_a_grant_without_a_refresh_token_is_our_apps_fault() -> None:
    with pytest.raises(CrmMisconfigured, match="refresh_token"):
        await exchange_code(Salesforce(body(refresh_token=None, scope="api openid")))


@pytest.mark.parametrize(
    "instance_url",
    [
        None,
        "",
        "https://acme.my.salesforce.com.evil.test",
        "https://evil.test#.salesforce.com",
        "https://a@acme.my.salesforce.com",
        "http://acme.my.salesforce.com",
        "https://xn--ab.my.salesforce.com",
        "http://127.0.0.1:8300",
        "https://169.254.169.254",
    ],
)
async def test_an_instance_that_is_not_salesforces_is_sent_no_token(instance_url: str | None) -> None:
    server = Salesforce(body(instance_url=instance_url))
    with pytest.raises(CrmRejected) as connecting:
        await exchange_code(server)
    assert server.requested_urls() == [f"{LOGIN}/services/oauth2/token"]
    assert shows_no_secret(connecting.value)
    server = Salesforce(body(instance_url=instance_url))
    renewed = await over(server).refresh(TOKENS)
    assert renewed.refresh_token == TOKEN_BODY["refresh_token"], "the old one is used up"
    assert renewed.api_url == TOKENS.api_url
    assert server.requested_urls() == [f"{INSTANCE}/services/oauth2/token"]


async def test_a_stored_instance_that_is_not_salesforces_is_not_gone_on_with() -> None:
    stored = replace(TOKENS, api_url="https://evil.test")
    assert (await over(Salesforce()).refresh(stored)).api_url == INSTANCE
    with pytest.raises(CrmRejected, match="no host of Salesforce's"):
        await over(Salesforce(body(instance_url=None))).refresh(stored)


@pytest.mark.parametrize(
    "identity", [None, "", "https://evil.test/id/00D000000000001AAA/005000000000001AAA", f"{LOGIN}/id/"]
)
async def test_an_identity_that_is_not_salesforces_is_not_believed(identity: str | None) -> None:
    with pytest.raises(CrmRejected, match="identity"):
        await exchange_code(Salesforce(body(id=identity)))


@pytest.mark.parametrize(
    "user", [{"organization_id": "00D000000000002AAA"}, {"organization_id": "00D000000000001"}, {}, []]
)
async def test_a_user_of_another_org_than_the_tokens_is_not_believed(user: object) -> None:
    with pytest.raises(CrmRejected):
        await exchange_code(Salesforce(userinfo=json_response(200, user)))


async def test_an_identity_reported_by_fifteen_characters_is_the_same_org() -> None:
    grant = await exchange_code(Salesforce(body(id=f"{LOGIN}/id/00D000000000001/005000000000001")))
    assert grant.account.account_id == ORG


ORG_FAILURES: list[tuple[str, str, Responder, type[CrmError]]] = [
    ("a token that is refused", "userinfo", response(403, b"Bad_OAuth_Token"), GrantRejected),
    ("a user whom nobody lets in", "userinfo", json_response(403, []), GrantRejected),
    ("a request that timed out", "userinfo", response(408), CrmUnavailable),
    ("a hung-up edge", "organization", response(499), CrmUnavailable),
    ("an identity out of service", "userinfo", response(503), CrmUnavailable),
    ("a page instead of an identity", "userinfo", response(404, HTML), CrmUnavailable),
    (
        "a spent day",
        "organization",
        json_response(403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED"}]),
        RateLimited,
    ),
    ("an org out of service", "organization", response(502, HTML), CrmUnavailable),
    (
        "a version that is not there",
        "organization",
        json_response(404, [{"errorCode": "NOT_FOUND"}]),
        CrmRejected,
    ),
    ("a version that is gone", "currency", json_response(410, [{"errorCode": "GONE"}]), CrmRejected),
    ("a dropped connection", "currency", connection_error(httpx.ReadError("reset")), CrmUnavailable),
    ("an answer cut off", "organization", response(200, b"{"), CrmUnavailable),
]


@pytest.mark.parametrize(
    ("place", "given", "error"), [pytest.param(*rest, id=name) for name, *rest in ORG_FAILURES]
)
async def test_a_failure_to_read_the_org_ends_the_connect_with_its_kind(
    place: str, given: Responder, error: type[CrmError]
) -> None:
    with pytest.raises(CrmError) as failed:
        await exchange_code(Salesforce(**{place: given}))
    assert type(failed.value) is error
    assert shows_no_secret(failed.value)


@pytest.mark.parametrize(
    ("userinfo", "kept"),
    [
        ({}, None),
        ({"preferred_username": None}, None),
        ({"preferred_username": "ada@acme.com.uat"}, "ada@acme.com.uat"),
        ({"preferred_username": " ada\0@acme.com "}, "ada@acme.com"),
        ({"preferred_username": "\udc00@acme.com"}, "\ufffd@acme.com"),
        ({"preferred_username": "a" * 300, "username": "other"}, "a" * 254),
    ],
)
async def test_who_connected_is_the_username_that_userinfo_reports(
    userinfo: dict[str, str | None], kept: str | None
) -> None:
    user = {"organization_id": ORG, **userinfo}
    grant = await exchange_code(Salesforce(userinfo=json_response(200, user)))
    assert grant.connected_by == kept
    assert "acme.com" not in repr(grant)


@pytest.mark.parametrize("place", ["token", "introspect", "userinfo", "organization", "currency"])
async def test_no_call_outlasts_the_promise(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "MAX_CALL_SECONDS", 0.05)
    answers = {place: never}
    server = Salesforce(**answers)
    async with asyncio.timeout(5):
        with pytest.raises(CrmUnavailable, match="longer than"):
            await exchange_code(server)
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
        await exchange_code(server)
    assert len(server.requests) == 1
    assert shows_no_secret(failed.value)
    assert len(str(failed.value)) < 300


@pytest.mark.parametrize("cut_off", CUT_OFF)
async def test_a_token_response_that_is_cut_off_is_no_answer(cut_off: bytes) -> None:
    server = Salesforce(response(200, cut_off))
    with pytest.raises(CrmUnavailable, match="cut off") as failed:
        await exchange_code(server)
    assert len(server.requests) == 1
    assert shows_no_secret(failed.value)


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
        ("rate_limit_exceeded", "number of logins exceeded", RateLimited, "too often"),
    ],
)
async def test_a_refused_code_is_distinguished_from_our_own_mistakes(
    error: str, description: str, expected: type[CrmError], reason: str
) -> None:
    server = Salesforce(refusal(error, description))
    with pytest.raises(CrmError) as refused:
        await exchange_code(server)
    assert type(refused.value) is expected
    assert reason in str(refused.value)
    assert shows_no_secret(refused.value)
    assert len(server.requests) == 1


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
    grant = await exchange_code(Salesforce())
    for value in (CONFIG, grant, TOKENS, over(Salesforce())):
        assert not any(secret in repr(value) for secret in SECRETS)
