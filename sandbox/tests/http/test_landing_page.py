"""The page at `/`, and every way it points out."""

import re
from collections.abc import AsyncIterator, Callable
from html import unescape
from html.parser import HTMLParser

import httpx
import pytest

from crm_sandbox import Dataset, SandboxTransport, hubspot, salesforce
from crm_sandbox.http.application import SandboxApplication

pytestmark = pytest.mark.anyio

HOSTILE = '"><script>alert(1)</script>'


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in {"href", "src"}]


def links(page: str) -> list[str]:
    parser = Links()
    parser.feed(page)
    return parser.found


def make_hostile_dataset() -> Dataset:
    return Dataset(name=f"Acme {HOSTILE}", account_id=77, records=Dataset.generate(4).records)


@pytest.fixture(params=[hubspot.create_sandbox, salesforce.create_sandbox])
def crm(request: pytest.FixtureRequest) -> SandboxApplication:
    create: Callable[..., SandboxApplication] = request.param
    return create(Dataset.generate(3), make_hostile_dataset())


@pytest.fixture
async def browser(crm: SandboxApplication) -> AsyncIterator[httpx.AsyncClient]:
    transport = SandboxTransport(crm)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8010") as client:
        yield client


async def test_it_shows_the_accounts_with_ids_and_counts(
    crm: SandboxApplication, browser: httpx.AsyncClient
) -> None:
    page = (await browser.get("/")).text
    for account in crm.describe_accounts():
        assert f"<td>{account['id']}</td>" in page
    companies = "Account" if isinstance(crm, salesforce.Sandbox) else "companies"
    [heads, first, second] = re.findall(r"<tr>(.*?)</tr>", page.partition("</table>")[0])
    cells = [re.findall(r"<t[hd]>(.*?)</t[hd]>", row) for row in (heads, first, second)]
    place = cells[0].index(companies)
    assert [row[place] for row in cells[1:]] == ["3", "4"]


async def test_every_link_leads_somewhere(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/")).text
    assert len(links(page)) > 8
    for link in links(page):
        answer = await browser.get(link)
        assert answer.status_code == 200, link
        anchor = link.partition("#")[2]
        assert not anchor or f'id="{anchor}"' in answer.text, link


async def test_the_consent_page_is_a_click_away(browser: httpx.AsyncClient) -> None:
    [link] = [link for link in links((await browser.get("/")).text) if "/authorize?" in link]
    answer = await browser.get(link)
    assert "Connect an app" in answer.text


async def test_its_first_request_lists_two_companies(browser: httpx.AsyncClient) -> None:
    page = unescape((await browser.get("/")).text)
    assert "SANDBOX=http://localhost:8010\n" in page
    [path] = re.findall(r'"\$SANDBOX(/\S+)"', page)
    token = (await browser.post("/_sandbox/connect")).json()["access_token"]
    answer = (await browser.get(path, headers={"authorization": f"Bearer {token}"})).json()
    assert len(answer.get("results") or answer["records"]) == 2


REGISTERED = {
    "client_id": HOSTILE,
    "client_secret": "a secret of mine",
    "redirect_uris": (f"http://localhost/{HOSTILE}",),
}


@pytest.mark.parametrize(
    "sandbox",
    [
        hubspot.create_sandbox(make_hostile_dataset(), app=hubspot.App(**REGISTERED)),  # type: ignore[arg-type] # as above
        salesforce.create_sandbox(make_hostile_dataset(), app=salesforce.App(**REGISTERED)),  # type: ignore[arg-type] # as above
    ],
    ids=["hubspot", "salesforce"],
)
async def test_what_comes_from_outside_is_escaped(sandbox: SandboxApplication) -> None:
    transport = SandboxTransport(sandbox)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        page = (await client.get("/", headers={"host": HOSTILE})).text
    assert "<script" not in page
    assert page.count("alert(1)") >= 4
    assert "a secret of mine" not in page


async def test_it_is_no_request_to_the_crm(crm: SandboxApplication, browser: httpx.AsyncClient) -> None:
    assert (await browser.head("/")).status_code == 200
    assert (await browser.get("/")).headers["content-type"] == "text/html; charset=utf-8"
    assert list(crm.journal.entries) == []
    assert (await browser.post("/")).status_code >= 400
