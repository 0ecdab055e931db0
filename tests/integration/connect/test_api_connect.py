"""Connecting over HTTP: the redirects, the cookies, and where each failure lands."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from structlog.testing import capture_logs

from astrelo.domain.connection import AuthorizationRequest, Grant
from astrelo.domain.errors import AstreloError, CrmUnavailable, GrantRejected
from astrelo.domain.identifiers import Provider
from tests.support.harness.api import FRONTEND, ApiHarness, ConsentingCrm, api_harness

pytestmark = pytest.mark.anyio

AUTHORIZE = "/api/integrations/hubspot/authorize"
CALLBACK = "/api/integrations/hubspot/callback"
CONNECTED = f"{FRONTEND}/app?hubspot_connected=true"
SECRET = "code-that-nobody-may-see"


def failure_url(error: str, provider: str = "hubspot") -> str:
    """Return where a browser lands whose CRM was not connected."""
    return f"{FRONTEND}/app?error={error}&provider={provider}"


@pytest.fixture
async def api(database: str) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, ConsentingCrm()) as opened:
        yield opened


@pytest.fixture
async def browser(api: ApiHarness) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which the user is signed in."""
    async with api.browser(api.user_id) as opened:
        yield opened


async def _begin(browser: httpx.AsyncClient, **params: str) -> str:
    """Follow the connect link and return the state that the CRM is handed."""
    response = await browser.get(AUTHORIZE, params=params)
    assert response.status_code == 302, response.text
    return _state(response.headers["location"])


def _state(url: str) -> str:
    return parse_qs(urlsplit(url).query)["state"][0]


async def _land(browser: httpx.AsyncClient, **params: str) -> str:
    response = await browser.get(CALLBACK, params=params)
    assert response.status_code == 302, response.text
    return response.headers["location"]


async def test_a_browser_connects(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    state = await _begin(browser)
    assert await _land(browser, state=state, code="c1") == CONNECTED
    shown = (await api.get("/api/integrations/hubspot")).json()
    assert (shown["status"], shown["account_id"]) == ("active", "4711")
    assert shown["current_run"]["status"] == "queued"
    assert (await api.get("/api/icp-profile")).json()["name"] == "Default"


class BrokenCrm(ConsentingCrm):
    """Fails as nobody foresaw."""

    def authorization_url(self, request: AuthorizationRequest) -> str:
        if self.account_id == "gone":
            raise RuntimeError("unforeseen")
        return super().authorization_url(request)

    async def exchange(self, *arguments: Any, **named: Any) -> Grant:
        raise RuntimeError("unforeseen")


async def test_a_browser_that_meets_something_unforeseen_lands_on_the_frontend_too(database: str) -> None:
    async with api_harness(database, BrokenCrm()) as api, api.browser(api.user_id) as browser:
        state = await _begin(browser)
        with capture_logs() as logs:
            assert await _land(browser, state=state, code=SECRET) == failure_url("oauth_failed")
            api.crm.account_id = "gone"
            begun = await browser.get(AUTHORIZE)
    assert (begun.status_code, begun.headers["location"]) == (302, failure_url("oauth_failed"))
    broken = [entry for entry in logs if entry["log_level"] == "error"]
    assert [entry["event"] for entry in broken] == ["authorization.broke"] * 2
    assert all(isinstance(entry["exc_info"], RuntimeError) for entry in broken)


async def test_the_flow_s_cookie_is_hidden_from_scripts_and_gone_afterwards(
    browser: httpx.AsyncClient,
) -> None:
    begun = await browser.get(AUTHORIZE)
    cookie = begun.headers["set-cookie"]
    assert cookie.startswith("astrelo_oauth_")
    for attribute in ("HttpOnly", "SameSite=lax", "Path=/;", "Max-Age=600"):
        assert attribute in cookie
    assert "Secure" not in cookie  # plain http in this world
    landed = await browser.get(CALLBACK, params={"state": _state(begun.headers["location"]), "code": "c"})
    assert landed.headers["set-cookie"].startswith(cookie.partition("=")[0])
    assert "Max-Age=0" in landed.headers["set-cookie"]
    assert not [name for name in browser.cookies if name.startswith("astrelo_oauth_")]


async def test_over_https_no_neighbouring_domain_can_plant_the_flow_s_cookie(database: str) -> None:
    """Else a neighbour could make a visitor finish the neighbour's flow, and give away the visitor's account.

    Browsers take a name that begins with __Host- only from the host itself, over https and for the path /.
    """
    async with api_harness(database, secure_cookies=True) as api, api.browser(api.user_id) as browser:
        begun = await browser.get(AUTHORIZE)
        state = _state(begun.headers["location"])
        name, _, rest = begun.headers["set-cookie"].partition("=")
        planted = {"Cookie": f"{name.removeprefix('__Host-')}={rest.partition(';')[0]}"}
        landed = await api.client.get(CALLBACK, params={"state": state, "code": "c"}, headers=planted)
    assert landed.headers["location"] == failure_url("oauth_state_invalid")
    for cookie in (begun.headers["set-cookie"], landed.headers["set-cookie"]):
        assert cookie.startswith(f"{name}=")
        assert name.startswith("__Host-astrelo_oauth_")
        assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
    assert "Max-Age=0" in landed.headers["set-cookie"]


async def test_two_tabs_do_not_disturb_each_other(browser: httpx.AsyncClient) -> None:
    first, second = await _begin(browser), await _begin(browser)
    assert await _land(browser, state=first, code="c1") == CONNECTED
    assert await _land(browser, state=second, code="c2") == CONNECTED


async def test_a_page_with_a_header_token_gets_the_url_and_the_cookie(api: ApiHarness) -> None:
    async with api.browser() as page:
        api.client = page
        begun = await api.ask("POST", AUTHORIZE)
        assert begun.status_code == 200
        url = begun.json()["authorize_url"]
        assert begun.json() == {"authorize_url": url, "already_connected": False}
        assert await _land(page, state=_state(url), code="c1") == CONNECTED


async def test_a_working_connection_is_not_asked_for_again_unless_forced(
    api: ApiHarness, browser: httpx.AsyncClient
) -> None:
    await _land(browser, state=await _begin(browser), code="c1")
    response = await browser.get(AUTHORIZE)
    assert response.headers["location"] == f"{FRONTEND}/app?hubspot_already_connected=true"
    assert "set-cookie" not in response.headers
    posted = (await api.ask("POST", AUTHORIZE)).json()
    assert posted == {"authorize_url": None, "already_connected": True}
    assert await _begin(browser, force="true")


async def test_the_flow_returns_to_the_page_that_asked(browser: httpx.AsyncClient) -> None:
    state = await _begin(browser, return_path="/app/settings")
    landed = await _land(browser, state=state, code="c1")
    assert landed == f"{FRONTEND}/app/settings?hubspot_connected=true"


@pytest.mark.parametrize(
    "path", ["https://evil.test/", "//evil.test", "/app/../x", "/app\\x", "/other", "\0"]
)
async def test_a_foreign_return_path_is_refused(browser: httpx.AsyncClient, path: str) -> None:
    response = await browser.get(AUTHORIZE, params={"return_path": path})
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "return_path"


@pytest.mark.parametrize("error", ["access_denied", "access-denied"])
async def test_denied_consent_lands_as_denied(browser: httpx.AsyncClient, error: str) -> None:
    landed = await _land(browser, state=await _begin(browser), error=error)
    assert landed == failure_url("oauth_denied")


async def test_an_unknown_missing_or_reused_state_lands_as_invalid(browser: httpx.AsyncClient) -> None:
    invalid = failure_url("oauth_state_invalid")
    assert await _land(browser, state="unknown", code=SECRET) == invalid
    assert await _land(browser, code=SECRET) == invalid
    assert await _land(browser) == invalid
    state = await _begin(browser)
    assert await _land(browser, state=state, code="c1") == CONNECTED
    assert await _land(browser, state=state, code="c1") == invalid


async def test_a_state_from_another_browser_lands_as_invalid(
    api: ApiHarness, browser: httpx.AsyncClient
) -> None:
    state = await _begin(browser)
    async with api.browser() as other:
        assert await _land(other, state=state, code="c1") == failure_url("oauth_state_invalid")
    assert api.crm.codes == []


async def test_a_session_of_another_user_is_refused(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    state = await _begin(browser)
    async with api.browser(api.neighbour_id) as other:
        other.cookies.update(
            {name: value for name, value in browser.cookies.items() if name.startswith("astrelo_oauth_")}
        )
        assert await _land(other, state=state, code="c1") == failure_url("oauth_state_invalid")
    assert (await api.get("/api/integrations/hubspot")).json()["status"] == "not_connected"


async def test_an_expired_state_lands_as_expired(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    state = await _begin(browser)
    await api.pool.execute("update oauth_states set expires_at = now() - interval '1 second'")
    assert await _land(browser, state=state, code="c1") == failure_url("oauth_state_expired")


@pytest.mark.parametrize(
    "error",
    [GrantRejected(Provider.HUBSPOT, "used"), CrmUnavailable(Provider.HUBSPOT, "502")],
)
async def test_a_code_that_the_crm_refuses_lands_as_failed(
    api: ApiHarness, browser: httpx.AsyncClient, error: AstreloError
) -> None:
    api.crm.refuses_with = error
    landed = await _land(browser, state=await _begin(browser), code="c1")
    assert landed == failure_url("oauth_failed")


async def test_another_account_lands_as_a_mismatch_and_changes_nothing(
    api: ApiHarness, browser: httpx.AsyncClient
) -> None:
    await _land(browser, state=await _begin(browser), code="c1")
    api.crm.account_id = "4712"
    landed = await _land(browser, state=await _begin(browser, force="true"), code="c2")
    assert landed == failure_url("oauth_account_mismatch")
    assert (await api.get("/api/integrations/hubspot")).json()["account_id"] == "4711"
    assert api.crm.revoked == ["refresh-4712"]


async def test_another_account_replaces_the_first_only_when_a_page_asks_for_it(
    api: ApiHarness, browser: httpx.AsyncClient
) -> None:
    refused = await browser.get(AUTHORIZE, params={"replace": "true"})
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_parameter")
    await _land(browser, state=await _begin(browser), code="c1")
    company = await api.company()
    api.crm.account_id = "4712"
    begun = await browser.post(AUTHORIZE, params={"replace": "true"}, headers={"Origin": FRONTEND})
    assert await _land(browser, state=_state(begun.json()["authorize_url"]), code="c2") == CONNECTED
    assert (await api.get("/api/integrations/hubspot")).json()["account_id"] == "4712"
    assert (await api.get(f"/api/companies/{company}")).status_code == 404


async def test_a_crm_that_is_not_set_up_says_so(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    path = "/api/integrations/salesforce/authorize"
    assert (await browser.get(path)).headers["location"] == failure_url("oauth_not_configured", "salesforce")
    posted = await api.ask("POST", path)
    assert (posted.status_code, posted.json()["code"]) == (409, "provider_not_configured")
    landed = await browser.get("/api/integrations/salesforce/callback", params={"state": "x"})
    assert landed.headers["location"] == failure_url("oauth_not_configured", "salesforce")


@pytest.mark.parametrize(
    "led_by",
    [
        {},
        {"Referer": "https://evil.test/"},
        {"Referer": f"{FRONTEND}.evil.test/"},
        {"Referer": f"https://evil.test/?{FRONTEND}/"},
        {"Referer": "http://[evil/"},
        {"Referer": FRONTEND.replace("http:", "https:")},
    ],
)
async def test_no_other_site_can_begin_a_flow_for_who_is_signed_in(
    api: ApiHarness, browser: httpx.AsyncClient, led_by: dict[str, str]
) -> None:
    """It could have signed the browser in at a CRM account of its own, in which our app needs no consent."""
    response = await browser.get(AUTHORIZE, headers={"Sec-Fetch-Site": "cross-site"} | led_by)
    assert (response.status_code, response.headers["location"]) == (302, failure_url("oauth_state_invalid"))
    assert "set-cookie" not in response.headers
    assert await api.pool.fetchval("select count(*) from oauth_states") == 0


@pytest.mark.parametrize(
    "led_by",
    [
        {"Sec-Fetch-Site": "cross-site", "Referer": f"{FRONTEND}/"},
        {"Sec-Fetch-Site": "same-site", "Referer": "https://neighbour.test/"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Referer": "https://proxy.test/"},
    ],
)
async def test_our_own_pages_a_bookmark_and_an_old_browser_begin_one(
    browser: httpx.AsyncClient, led_by: dict[str, str]
) -> None:
    response = await browser.get(AUTHORIZE, headers=led_by)
    assert response.headers["location"].startswith("http://crm.test/")


async def test_the_crm_leads_back_though_it_is_another_site(browser: httpx.AsyncClient) -> None:
    state = await _begin(browser)
    browser.headers["Sec-Fetch-Site"] = "cross-site"
    assert await _land(browser, state=state, code="c1") == CONNECTED


async def test_beginning_needs_a_session_but_the_way_back_does_not(api: ApiHarness) -> None:
    async with api.browser() as stranger:
        assert (await stranger.get(AUTHORIZE)).status_code == 401
        assert (await stranger.post(AUTHORIZE)).status_code == 401
        assert (await stranger.get(CALLBACK)).status_code == 302


@pytest.mark.parametrize(
    "query",
    [
        f"state=%00&code={SECRET}",
        f"state=%ff%fe&code={SECRET}",
        f"state=%ED%A0%80&code={SECRET}",
        f"state=a&state=b&code={SECRET}",
        f"state=x&code={SECRET}&hapikey=1&anything",
        f"code={SECRET}&error=%3Cscript%3E",
    ],
)
async def test_rubbish_at_the_callback_leads_to_the_frontend_without_an_echo(
    browser: httpx.AsyncClient, query: str
) -> None:
    response = await browser.get(f"{CALLBACK}?{query}")
    assert response.status_code == 302
    assert response.headers["location"] == failure_url("oauth_state_invalid")
    assert SECRET not in response.text


async def test_a_state_too_long_to_be_true_is_like_any_other_unknown_one(browser: httpx.AsyncClient) -> None:
    assert await _land(browser, state="s" * 5000, code=SECRET) == failure_url("oauth_state_invalid")
