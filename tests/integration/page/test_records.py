"""One record of the page: what its values become in links."""

from typing import Any

import httpx
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
