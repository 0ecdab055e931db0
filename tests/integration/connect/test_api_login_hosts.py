"""Where a user signs in at a CRM that has several such places, as it comes through the API."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from astrelo.domain.connection import AuthorizationRequest
from astrelo.domain.identifiers import Provider
from tests.support.harness.api import ApiHarness, ConsentingCrm, api_harness
from tests.support.salesforce.authorization import Salesforce, over

pytestmark = pytest.mark.anyio

AUTHORIZE = "/api/integrations/salesforce/authorize"


class Conducting(ConsentingCrm):
    """Sends people where the Salesforce adapter does."""

    def authorization_url(self, request: AuthorizationRequest) -> str:
        return over(Salesforce()).authorization_url(request)


@pytest.fixture
async def api(database: str) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, Conducting(name=Provider.SALESFORCE)) as opened:
        yield opened


async def _start(api: ApiHarness) -> int:
    count: int = await api.pool.fetchval("select count(*) from oauth_states")
    return count


async def test_the_user_s_own_host_is_where_the_browser_is_sent(api: ApiHarness) -> None:
    async with api.browser(api.user_id) as browser:
        response = await browser.get(AUTHORIZE, params={"login_host": "Acme.my.salesforce.com"})
    assert response.status_code == 302
    assert urlsplit(response.headers["location"]).netloc == "acme.my.salesforce.com"
    response = await api.ask("POST", AUTHORIZE, params={"login_host": "test.salesforce.com"})
    assert urlsplit(response.json()["authorize_url"]).netloc == "test.salesforce.com"
    assert await _start(api) == 2


async def test_of_a_pasted_address_nothing_is_kept_but_the_host(api: ApiHarness) -> None:
    pasted = "https://acme--sbx.sandbox.lightning.force.com//evil.test/frontdoor.jsp?sid=00D!AQ"
    response = await api.ask("POST", AUTHORIZE, params={"login_host": pasted})
    assert urlsplit(response.json()["authorize_url"]).netloc == "acme--sbx.sandbox.my.salesforce.com"
    kept = await api.pool.fetch("select login_host from oauth_states")
    assert [row["login_host"] for row in kept] == ["acme--sbx.sandbox.my.salesforce.com"]


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "acme.my.salesforce.com.evil.test",
        "acme.my.salesforce.com%40evil.test",
        "evil.test%23.my.salesforce.com",
        "evil.test%5C.my.salesforce.com",
        "http://login.salesforce.com:8443",
        "xn--ab.my.salesforce.com",
        "http://127.0.0.1:8010",
        "169.254.169.254",
        "login.salesforce.com%00",
        "login.salesforce.com%0d%0aSet-Cookie:a=b",
        "%ED%A0%80",
        "lo%E2%84%AAgin.salesforce.com",
        "login.salesforce.com&login_host=evil.test",
        "evil.test%2Facme.lightning.force.com",
        "acme.lightning.force.com.evil.test",
        "acme.lightning.force.com%40evil.test",
        "acme.my.salesforce-setup.com%5C%40evil.test",
        "a" * 254,
        "acme.my.salesforce.com/" + "a" * 2_000,
        "",
    ],
)
async def test_any_other_host_is_a_problem_of_the_caller_and_starts_nothing(
    api: ApiHarness, host: str
) -> None:
    async with api.browser(api.user_id) as browser:
        by_link = await browser.get(f"{AUTHORIZE}?login_host={host}")
    by_page = await api.ask("POST", f"{AUTHORIZE}?login_host={host}")
    for answer in (by_link, by_page):
        assert answer.status_code == httpx.codes.BAD_REQUEST, answer.text
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert "evil" not in answer.text
        assert "set-cookie" not in answer.headers
    assert await _start(api) == 0
