"""One record of the page: what its values become in links, and what is shown where there is none."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from astrelo.domain.identifiers import Provider
from tests.support.page import Tabs


def first_of(tabs: Tabs, kind: str) -> str:
    token = tabs.server.connected_user(Provider.HUBSPOT, Provider.SALESFORCE)
    with tabs.server.client(token) as client:
        record: str = client.get(f"/api/{kind}", params={"limit": 1}).json()["data"][0]["id"]
    return record


def with_values(page: Page, pattern: str, values: dict[str, Any]) -> None:
    """Have the API answer with other values than those that it has."""

    def answer(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, json=response.json() | values)

    page.route(pattern, answer)


def test_an_email_address_adds_no_headers_to_the_mail(customer: Tabs) -> None:
    page = customer.open()
    address = "victim?bcc=evil%40e.com&subject=hi@xss1.com"
    with_values(page, "**/api/contacts/*?expand=company", {"email": address})
    page.goto(f"{customer.server.url}/app#/contacts/{first_of(customer, 'contacts')}")
    link = page.get_by_role("link", name=address)
    expect(link).to_be_visible()
    mail = httpx.URL(link.get_attribute("href") or "")
    assert (mail.scheme, mail.path, mail.query) == ("mailto", address, b"")


def test_a_linkedin_page_is_shown_by_its_address(customer: Tabs) -> None:
    page = customer.open()
    with_values(page, "**/api/companies/*", {"linkedin_url": "https://www.linkedin.com/company/acme"})
    page.goto(f"{customer.server.url}/app#/companies/{first_of(customer, 'companies')}")
    link = page.locator(".facts").get_by_role("link", name="linkedin.com/company/acme", exact=True)
    expect(link.first).to_have_attribute("href", "https://www.linkedin.com/company/acme")


MISSING = {
    "companies/{id}": ("This record is no longer there.", "Companies"),
    "contacts/{id}": ("This record is no longer there.", "Contacts"),
    "syncs/hubspot/{id}": ("This sync is no longer there.", "Overview"),
}


@pytest.mark.parametrize("place", MISSING)
def test_what_is_not_there_is_said_with_a_way_back_and_nothing_to_try_again(
    customer: Tabs, place: str
) -> None:
    sentence, back = MISSING[place]
    page = customer.open(f"#/{place.format(id=uuid4())}")
    expect(page.locator(".empty")).to_contain_text(sentence)
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    page.locator(".empty").get_by_role("link", name=back).click()
    expect(page.get_by_role("heading", name=back, level=1)).to_be_visible()
