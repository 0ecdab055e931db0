"""The console: a link signs a support engineer's browser in to the page as a user, read-only, once."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from structlog.testing import capture_logs

from astrelo.adapters.inbound.http import security, session_tokens
from astrelo.adapters.inbound.http.connect.authorization import COOKIE_PREFIX
from astrelo.bootstrap.system import SystemClock
from astrelo.domain.identifiers import UserId
from tests.support.harness.api import (
    API,
    FRONTEND,
    JWT_SECRET,
    PUBLIC_URL,
    ApiHarness,
    api_harness,
    ids,
    token_of,
)
from tests.support.postgres import Databases

pytestmark = pytest.mark.anyio

LINKS = "/api/console-links"
SIGN_IN = "/app/sign-in"
OWN_PAGE = {"Origin": API, "Sec-Fetch-Site": "same-origin"}
FRONTEND_PAGE = {"Origin": FRONTEND, "Sec-Fetch-Site": "same-site"}
PUBLIC_WRITES = {"receiveWebhook"}
"""The CRMs' own, which no session carries out."""


@pytest.fixture(scope="module")
def shared_database(databases: Databases, template: str) -> Iterator[str]:
    """Give one database to the file: every test has users of its own."""
    with databases.create(template) as dsn:
        yield dsn


@pytest.fixture
async def api(shared_database: str) -> AsyncIterator[ApiHarness]:
    async with api_harness(shared_database, console=True) as opened:
        yield opened


async def make_ticket(api: ApiHarness) -> str:
    made = await api.ask("POST", LINKS)
    assert made.status_code == 201, made.text
    page, _, ticket = made.json()["url"].partition("#sign-in=")
    assert page == f"{PUBLIC_URL}/app"
    return str(ticket)


async def redeem(browser: httpx.AsyncClient, ticket: str, **headers: str) -> httpx.Response:
    return await browser.post(SIGN_IN, json={"ticket": ticket}, headers=OWN_PAGE | headers)


@asynccontextmanager
async def signed_in(api: ApiHarness) -> AsyncIterator[httpx.AsyncClient]:
    async with api.browser() as browser:
        assert (await redeem(browser, await make_ticket(api))).status_code == 204
        yield browser


async def tickets_of(api: ApiHarness) -> int:
    query = "select count(*) from sign_in_tickets where user_id = $1"
    return int(await api.pool.fetchval(query, api.user_id))


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


async def test_a_link_shows_the_user_s_data_and_works_once(api: ApiHarness) -> None:
    company = await api.company(company_name="Acme")
    ticket = await make_ticket(api)
    async with api.browser() as browser, api.browser() as thief:
        used = await redeem(browser, ticket)
        assert used.status_code == 204
        assert ids((await browser.get("/api/companies", headers=OWN_PAGE)).json()["data"]) == {company}
        assert code(await redeem(thief, ticket)) == (400, "sign_in_link_invalid")
        assert (await thief.get("/api/companies", headers=OWN_PAGE)).status_code == 401


async def test_of_two_at_once_one_is_signed_in(api: ApiHarness) -> None:
    ticket = await make_ticket(api)
    async with api.browser() as one, api.browser() as other:
        responses = await asyncio.gather(*(redeem(browser, ticket) for browser in (one, other) * 3))
    assert sorted(response.status_code for response in responses) == [204, 400, 400, 400, 400, 400]


async def test_a_link_is_good_for_five_minutes_and_then_forgotten(api: ApiHarness) -> None:
    made = await api.ask("POST", LINKS)
    await api.pool.execute("update sign_in_tickets set expires_at = now()")
    async with api.browser() as browser:
        response = await redeem(browser, made.json()["url"].partition("=")[2])
    assert code(response) == (400, "sign_in_link_invalid")
    ends = datetime.fromisoformat(made.json()["expires_at"]) - SystemClock().now()
    assert timedelta(minutes=4) < ends <= timedelta(minutes=5)
    await make_ticket(api)
    await api.pool.execute("update sign_in_tickets set expires_at = now() - interval '1 second'")
    await make_ticket(api)
    assert await tickets_of(api) == 1


NO_TICKETS: tuple[Any, ...] = ({}, {"ticket": ""}, {"ticket": 5}, {"ticket": "x" * 201}, {"token": "x"}, [])


async def test_a_ticket_that_is_none_signs_nobody_in(api: ApiHarness) -> None:
    """So does one of another database: what is stored is all that counts."""
    await make_ticket(api)
    for ticket in ("x", "A" * 43, "\\ud800", "\\u0000", "é" * 200, "' or true --"):
        async with api.browser() as browser:
            body = f'{{"ticket": "{ticket}"}}'.encode()
            headers = OWN_PAGE | {"Content-Type": "application/json"}
            assert (await browser.post(SIGN_IN, content=body, headers=headers)).status_code == 400, ticket
            assert (await browser.get("/api/companies", headers=OWN_PAGE)).status_code == 401
    for invalid in NO_TICKETS:
        response = await api.client.post(SIGN_IN, json=invalid, headers=OWN_PAGE)
        assert code(response) == (400, "invalid_input"), invalid
    assert await tickets_of(api) == 1


async def test_reading_the_page_or_the_link_s_address_uses_nothing_up(api: ApiHarness) -> None:
    """A mail scanner or a preview fetches the address without its fragment, and runs no script."""
    made = await api.ask("POST", LINKS)
    async with api.browser() as browser:
        for _ in range(2):
            page = await browser.get(made.json()["url"].replace(PUBLIC_URL, API))
            assert page.status_code == 200
        assert (await redeem(browser, made.json()["url"].partition("=")[2])).status_code == 204


async def test_what_the_database_holds_signs_nobody_in(api: ApiHarness) -> None:
    ticket = await make_ticket(api)
    stored: bytes = await api.pool.fetchval(
        "select ticket_hash from sign_in_tickets where user_id = $1", api.user_id
    )
    assert ticket.encode() not in stored
    async with api.browser() as browser:
        assert code(await redeem(browser, stored.hex())) == (400, "sign_in_link_invalid")


OTHER_PAGES: tuple[dict[str, str], ...] = (
    {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"},
    FRONTEND_PAGE,
    {"Origin": "null"},
    {"Origin": "", "Sec-Fetch-Site": "cross-site"},
    {"Origin": f"{API}.evil.test"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)


async def test_no_other_site_signs_a_browser_in(api: ApiHarness) -> None:
    """Login CSRF: the victim would take the attacker's data for the customer's. The ticket stays good."""
    ticket = await make_ticket(api)
    async with api.browser() as browser:
        for headers in OTHER_PAGES:
            response = await browser.post(SIGN_IN, json={"ticket": ticket}, headers=headers)
            assert code(response) == (403, "cross_site_request"), headers
            assert "set-cookie" not in response.headers
        form = await browser.post(SIGN_IN, content=b"{}", headers={"Content-Type": "text/plain"})
        assert code(form) == (415, "unsupported_media_type")
        assert (await redeem(browser, ticket)).status_code == 204


async def test_the_session_reads_and_changes_nothing(api: ApiHarness) -> None:
    """Every operation of the document that is not safe, and the one that begins something by GET."""
    document = (await api.get("/schema/openapi.json")).json()
    writes = [
        (method.upper(), re.sub(r"\{(\w+)\}", _value_of, path), operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method not in {"get", "head"} or operation["operationId"] == "redirectToAuthorization"
        if operation["operationId"] not in PUBLIC_WRITES
    ]
    assert len(writes) >= 14
    async with signed_in(api) as browser:
        for method, path, operation in writes:
            response = await browser.request(method, path, json={}, headers=OWN_PAGE)
            assert code(response) == (403, "read_only_session"), (method, path)
            assert "403" in operation["responses"], (method, path)
            assert not any(name.startswith(COOKIE_PREFIX) for name in response.cookies)
        flows = "select count(*) from oauth_states where user_id = $1"
        assert await api.pool.fetchval(flows, api.user_id) == 0
        for path in ("/api/companies", "/api/integrations", "/api/changes", "/api/webhook-endpoints"):
            assert (await browser.get(path, headers=OWN_PAGE)).status_code == 200


def _value_of(parameter: re.Match[str]) -> str:
    return {"provider": "hubspot", "record_type": "companies"}.get(parameter[1], str(uuid4()))


async def test_the_session_lasts_an_hour_and_its_token_is_good_nowhere_else(api: ApiHarness) -> None:
    async with signed_in(api) as browser:
        (token,) = browser.cookies.values()
    ends = session_tokens.expiry_of_token(token) - SystemClock().now().timestamp()
    assert 3590 < ends <= 3600
    assert session_tokens.user_of_token(token, JWT_SECRET) is None
    as_bearer = await api.client.get("/api/companies", headers={"Authorization": f"Bearer {token}"})
    assert code(as_bearer) == (401, "unauthorized")
    async with api.browser() as browser:
        browser.cookies.set(security.SESSION_COOKIE, token)
        assert (await browser.get("/api/companies", headers=OWN_PAGE)).status_code == 401
        browser.cookies.set(security.CONSOLE_COOKIE, token_of(api.user_id))
        assert (await browser.get("/api/companies", headers=OWN_PAGE)).status_code == 401


async def test_an_expired_session_is_refused_and_no_other_takes_its_place(api: ApiHarness) -> None:
    secret = session_tokens.console_secret(JWT_SECRET)
    long_ago = SystemClock().now() - timedelta(hours=2)
    async with api.browser(api.neighbour_id) as browser:
        expired = session_tokens.issue_token(api.user_id, secret, timedelta(hours=1), long_ago)
        browser.cookies.set(security.CONSOLE_COOKIE, expired)
        assert code(await browser.get("/api/companies", headers=OWN_PAGE)) == (401, "unauthorized")


async def test_the_page_and_the_frontend_in_one_browser_keep_apart(api: ApiHarness) -> None:
    """The engineer's own session for the frontend is neither used by the page nor replaced by it."""
    theirs, customers = UserId(uuid4()), api.user_id
    own = await api.company(user_id=theirs, company_name="Own")
    customer = await api.company(user_id=customers, company_name="Customer")

    async def seen(headers: dict[str, str]) -> set[Any] | int:
        response = await browser.get("/api/companies", headers=headers)
        return ids(response.json()["data"]) if response.is_success else response.status_code

    async with api.browser(theirs) as browser:
        assert await seen(FRONTEND_PAGE) == {own}
        await browser.get("/app")
        assert await seen(OWN_PAGE) == 401  # the page was opened without a link
        assert await seen(FRONTEND_PAGE) == {own}
        await redeem(browser, await make_ticket(api))
        assert await seen(OWN_PAGE) == {customer}
        assert await seen(FRONTEND_PAGE) == {own}
        bearer = {"Authorization": f"Bearer {token_of(theirs)}"}
        assert await seen(OWN_PAGE | bearer) == {own}
        assert code(await redeem(browser, "x")) == (400, "sign_in_link_invalid")
        assert await seen(OWN_PAGE) == 401  # a link that failed shows nobody, not the last customer
        await redeem(browser, await make_ticket(api))
        assert (await browser.delete("/app/session", headers=OWN_PAGE)).status_code == 204
        assert await seen(OWN_PAGE) == 401
        assert await seen(FRONTEND_PAGE) == {own}


async def test_an_engineer_who_looks_at_a_customer_can_still_connect_a_crm_of_their_own(
    api: ApiHarness,
) -> None:
    """The callback goes by who began, also where a browser does not say that the CRM led it there."""
    async with api.browser(UserId(uuid4())) as browser:
        await redeem(browser, await make_ticket(api))
        begun = await browser.post("/api/integrations/hubspot/authorize", headers=FRONTEND_PAGE)
        state = begun.json()["authorize_url"].partition("state=")[2]
        landed = await browser.get(
            "/api/integrations/hubspot/callback",
            params={"state": state, "code": "c"},
            headers={"Sec-Fetch-Site": "none"},
        )
        assert landed.headers["location"] == f"{FRONTEND}/app?hubspot_connected=true"


async def test_the_cookie_is_the_host_s_own(shared_database: str) -> None:
    """No neighbouring host can set one of this name: it could sign the engineer in to data of its choice."""
    async with api_harness(shared_database, console=True, secure_cookies=True) as api:
        origin = API.replace("http:", "https:")
        async with api.browser() as browser:
            response = await redeem(browser, await make_ticket(api), Origin=origin)
        async with api.browser() as neighbour:
            neighbour.cookies.set(security.CONSOLE_COOKIE, response.cookies["__Host-astrelo_console"])
            assert (await neighbour.get("/api/companies")).status_code == 401
        name, _, attributes = response.headers["set-cookie"].partition("=")
        assert name == "__Host-astrelo_console"
        for attribute in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"):
            assert attribute in attributes
        assert "Domain" not in attributes
        assert "Max-Age" not in attributes


async def test_a_link_is_for_backends_with_a_user_s_token(api: ApiHarness) -> None:
    assert code(await api.client.post(LINKS)) == (401, "unauthorized")
    async with api.browser(api.user_id) as browser:
        for page in (OWN_PAGE, FRONTEND_PAGE):
            assert code(await browser.post(LINKS, headers=page)) == (401, "unauthorized")
    assert await tickets_of(api) == 0


async def test_the_page_says_that_it_is_read_only(api: ApiHarness) -> None:
    page = await api.client.get("/app")
    assert 'data-read-only="true"' in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")
    assert "frame-ancestors 'none'" in policy


async def test_there_is_no_way_in_but_a_link(api: ApiHarness) -> None:
    async with api.browser() as browser:
        token = {"token": token_of(api.user_id)}
        assert (await browser.post("/app/session", json=token, headers=OWN_PAGE)).status_code == 405
        assert (await browser.post("/app/login-links", headers=OWN_PAGE)).status_code == 404
        assert (await browser.get("/")).status_code == 404


async def test_without_the_setting_there_is_no_console(shared_database: str, api: ApiHarness) -> None:
    ticket = await make_ticket(api)
    async with signed_in(api) as signed, api_harness(shared_database) as off, off.browser() as browser:
        assert code(await off.ask("POST", LINKS)) == (404, "not_found")
        assert (await browser.get("/app")).status_code == 404
        assert (await redeem(browser, ticket)).status_code == 404
        browser.cookies.update(signed.cookies)
        assert (await browser.get("/api/companies", headers=OWN_PAGE)).status_code == 401


async def test_the_log_says_who_was_looked_at_and_never_the_ticket(api: ApiHarness) -> None:
    with capture_logs() as logs:
        ticket = await make_ticket(api)
        async with api.browser() as browser:
            await redeem(browser, ticket)
            await redeem(browser, ticket)
    issued, used, refused = logs
    assert [entry["event"] for entry in logs] == [
        "sign_in_link.issued", "sign_in_link.used", "sign_in_link.refused",
    ]  # fmt: skip
    assert issued["user_id"] == used["user_id"] == str(api.user_id)
    assert issued["link"] == used["link"] == refused["link"]
    assert ticket not in repr(logs)
