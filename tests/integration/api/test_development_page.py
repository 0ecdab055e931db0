"""The page at /app, and the two ways to sign in to it. There is none of it in production."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from html import unescape
from http import HTTPStatus
from urllib.parse import urljoin

import httpx
import pytest

from astrelo.adapters.inbound.http.console import pages
from astrelo.adapters.inbound.http.security import SESSION_COOKIE
from astrelo.domain.identifiers import Provider
from tests.support.harness.api import API, ApiHarness, api_harness, token_of
from tests.support.postgres import Databases

pytestmark = pytest.mark.anyio

PREACT = "72284e8e9079c87817145df1110f74e8a2aa040b2fc384922e18dfcb46fc1fd7"
RAPIDOC = "affbd173a65e870e18f392cca963113bcdafb6e50e88cd2f6a834a65b22db94d"


@pytest.fixture(scope="module")
def shared_database(databases: Databases, template: str) -> Iterator[str]:
    """Give one database to the file: every test has a user of its own."""
    with databases.create(template) as dsn:
        yield dsn


@pytest.fixture
async def api(shared_database: str) -> AsyncIterator[ApiHarness]:
    async with api_harness(shared_database, development=True) as opened:
        yield opened


@pytest.fixture
async def browser(api: ApiHarness) -> AsyncIterator[httpx.AsyncClient]:
    async with api.browser() as opened:
        yield opened


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/app", "text/html"),
        ("/app?hubspot_connected=true", "text/html"),
        ("/app?error=oauth_denied", "text/html"),
        ("/app/styles/tokens.css", "text/css"),
        ("/app/main.js", "text/javascript"),
        ("/app/views/crm_card.js", "text/javascript"),
        ("/app/vendor/inter-latin.woff2", "font/woff2"),
        ("/app/data/regions.json", "application/json"),
        ("/schema", "text/html"),
        ("/schema/rapidoc/rapidoc-min.js", "text/javascript"),
        ("/schema/rapidoc/LICENSE.txt", "text/plain"),
        ("/schema/openapi.json", "application/vnd.oai.openapi+json"),
    ],
)
async def test_the_page_and_the_documentation_are_there_for_everyone(
    browser: httpx.AsyncClient, path: str, media_type: str
) -> None:
    response = await browser.get(path)
    assert response.status_code == HTTPStatus.OK
    assert response.headers["content-type"].startswith(media_type)


async def test_the_page_comes_whole(browser: httpx.AsyncClient) -> None:
    """Everything that it, or one of its files, asks for is there, and nothing lies there for nobody."""
    asked, seen = ["/app"], set[str]()
    while asked:
        if (path := asked.pop()) not in seen:
            seen.add(path)
            response = await browser.get(path)
            assert response.status_code == HTTPStatus.OK, path
            if response.headers["content-type"].startswith("text/"):
                asked += re.findall(r'"(/app/[^"]+\.\w+)"', response.text)
                asked += [urljoin(path, name) for name in re.findall(r'from "(\.[^"]+)"', response.text)]
    ours = {f"/app/{name}" for name in pages.ASSETS if not name.endswith("LICENSE.txt")}
    assert seen == {"/app"} | ours


async def test_the_file_of_preact_is_the_one_that_was_published(browser: httpx.AsyncClient) -> None:
    """It is preact/standalone.module.js of npm's htm 3.1.1, byte for byte."""
    script = (await browser.get("/app/vendor/preact.js")).content
    assert sha256(script).hexdigest() == PREACT


async def test_a_file_that_the_browser_has_is_not_sent_again(browser: httpx.AsyncClient) -> None:
    tag = (await browser.get("/app/main.js")).headers["etag"]
    again = await browser.get("/app/main.js", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (HTTPStatus.NOT_MODIFIED, b"")


async def test_the_page_gets_the_names_of_the_crms_from_the_server(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/app")).text
    written = re.search(r'data-labels="([^"]*)"', page)
    assert written is not None
    assert json.loads(unescape(written[1])) == {str(provider): provider.label for provider in Provider}


async def test_the_page_gets_the_names_of_industries_from_the_crms(browser: httpx.AsyncClient) -> None:
    written = re.search(r'data-industries="([^"]*)"', (await browser.get("/app")).text)
    assert written is not None
    assert json.loads(unescape(written[1]))["hubspot"] == {"COMPUTER_SOFTWARE": "Computer Software"}


async def test_the_page_runs_no_script_but_its_own(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/app")
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    assert "<script>" not in page.text
    assert "onclick" not in page.text


async def test_the_documentation_can_be_read_without_the_internet(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/schema")
    linked = re.findall(r'(?:src|href|spec-url)="([^"]*)"', page.text)
    assert sorted(linked) == ["/schema/openapi.json", "/schema/rapidoc/rapidoc-min.js", "data:,"]
    assert re.findall(r"<script[^>]*>(.*?)</script>", page.text) == [""]
    assert 'load-fonts="false"' in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; connect-src 'self'; ")
    assert "http" not in policy


async def test_the_script_of_the_documentation_is_the_one_that_was_published(
    browser: httpx.AsyncClient,
) -> None:
    """It is dist/rapidoc-min.js of npm's rapidoc 9.3.8, byte for byte."""
    script = (await browser.get("/schema/rapidoc/rapidoc-min.js")).content
    assert sha256(script).hexdigest() == RAPIDOC


@pytest.mark.parametrize("path", ["..%2Fpage.py", "none.js", ""])
async def test_beside_that_script_nothing_else_is_served(browser: httpx.AsyncClient, path: str) -> None:
    response = await browser.get(f"/schema/rapidoc/{path}")
    assert response.status_code == HTTPStatus.NOT_FOUND
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_pasted_token_signs_in_until_signed_out(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    response = await browser.post("/app/session", json={"token": token_of(api.user_id)})
    assert response.status_code == HTTPStatus.NO_CONTENT
    cookie = response.headers["set-cookie"]
    assert cookie.startswith(f"{SESSION_COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert (await browser.get("/api/companies")).status_code == HTTPStatus.OK
    own_page = {"Origin": API}
    assert (await browser.post("/api/integrations/hubspot/sync", headers=own_page)).status_code == 409
    await browser.delete("/app/session")
    assert (await browser.get("/api/companies")).status_code == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize("body", [{"token": "x"}, {"token": ""}, {}])
async def test_a_bad_token_does_not_sign_in(browser: httpx.AsyncClient, body: dict[str, str]) -> None:
    response = await browser.post("/app/session", json=body)
    assert response.status_code in {400, 401}
    assert "set-cookie" not in response.headers


async def test_a_sign_in_link_works_once(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    made = await api.ask("POST", "/app/login-links")
    assert made.status_code == HTTPStatus.CREATED
    page, _, ticket = made.json()["path"].partition("#sign-in=")
    assert page == "/app"
    used = await browser.post("/app/sign-in", json={"ticket": ticket})
    assert used.status_code == HTTPStatus.NO_CONTENT
    assert (await browser.get("/api/companies")).status_code == HTTPStatus.OK
    again = await browser.post("/app/sign-in", json={"ticket": ticket})
    assert (again.status_code, again.json()["code"]) == (400, "sign_in_link_invalid")
    assert (await browser.get("/api/companies")).status_code == HTTPStatus.UNAUTHORIZED


async def test_another_site_cannot_sign_the_browser_in(api: ApiHarness, browser: httpx.AsyncClient) -> None:
    token = {"token": token_of(api.user_id)}
    response = await browser.post("/app/session", json=token, headers={"Origin": "https://evil.test"})
    assert (response.status_code, response.json()["code"]) == (403, "cross_site_request")
    assert "set-cookie" not in response.headers


async def test_the_bare_address_leads_to_the_page(browser: httpx.AsyncClient) -> None:
    response = await browser.get("/")
    assert (response.status_code, response.headers["location"]) == (302, "/app")


async def test_a_sign_in_link_is_made_only_for_a_user_who_is_signed_in(browser: httpx.AsyncClient) -> None:
    assert (await browser.post("/app/login-links")).status_code == HTTPStatus.UNAUTHORIZED


async def test_in_production_there_is_no_page_and_no_sign_in(shared_database: str) -> None:
    async with api_harness(shared_database) as production, production.browser() as browser:
        for path in ("/", "/app", "/app/main.js"):
            assert (await browser.get(path)).status_code == HTTPStatus.NOT_FOUND
        signed_in = await browser.post("/app/session", json={"token": token_of(production.user_id)})
        assert signed_in.status_code == HTTPStatus.NOT_FOUND
        for path, media_type in (
            ("/schema", "text/html"),
            ("/schema/rapidoc/rapidoc-min.js", "text/javascript"),
            ("/schema/openapi.json", "application/vnd.oai"),
        ):
            documented = await browser.get(path)
            assert documented.headers["content-type"].startswith(media_type)
