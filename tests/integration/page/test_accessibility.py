"""The page without a mouse, without good eyes, on a small screen."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from astrelo.domain.identifiers import Provider
from tests.support.page import Tabs, new_token

VIEWS = {
    "overview": "#/",
    "companies": "#/companies?revenue_range=10M-50M&source=hubspot",
    "contacts": "#/contacts?linked=false&source=hubspot",
    "deals": "#/deals?is_won=true&source=hubspot",
    "no fit": "#/deals?external_id=none",
    "nothing": "#/nowhere",
}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def looks(page: Page) -> Iterator[str]:
    """Show the view wide and light, then narrow and dark: colours do not depend on the width."""
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 844})
    yield "light, 1280 pixels"
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    yield "dark, 390 pixels"


def assert_accessible(page: Page, axe: Axe) -> None:
    for look in looks(page):
        found = axe.run(page).response["violations"]
        assert [(look, each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
        assert page.evaluate(OVERFLOW) <= 0, look


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_and_nothing_is_cut(customer: Tabs, view: str) -> None:
    page = customer.open(VIEWS[view])
    page.locator(".card, tbody a, .empty").first.wait_for()
    assert_accessible(page, Axe())


@pytest.mark.parametrize("kind", ["companies", "contacts", "deals"])
def test_axe_finds_nothing_in_a_record(customer: Tabs, kind: str) -> None:
    token = customer.server.connected_user(Provider.HUBSPOT, Provider.SALESFORCE)
    with customer.server.client(token) as client:
        record = client.get(f"/api/{kind}", params={"limit": 4}).json()["data"][-1]["id"]
    page = customer.open(f"#/{kind}/{record}")
    page.locator(".facts, .reasons, .steps").nth(1).wait_for()
    assert_accessible(page, Axe())


def test_axe_finds_nothing_in_a_report_a_dialog_and_the_sign_in(customer: Tabs) -> None:
    page = customer.open()
    page.get_by_role("button", name="Disconnect …").first.click()
    assert_accessible(page, Axe())
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1280, "height": 844})
    page.get_by_role("link", name="Values that could not be read").first.click()
    page.locator("summary").first.click()
    assert_accessible(page, Axe())
    customer.context.clear_cookies()
    page.reload()
    expect(page.get_by_label("Token")).to_be_visible()
    assert_accessible(page, Axe())


def test_a_small_screen_cuts_no_value_of_a_list(customer: Tabs) -> None:
    page = customer.open()
    page.set_viewport_size({"width": 390, "height": 844})
    for kind in ("companies", "contacts", "deals"):
        page.goto(f"{customer.server.url}/app#/{kind}")
        expect(page.locator(f"#{kind} tbody th a")).to_have_count(25)
        cells = page.locator("tbody .first, tbody .second")
        assert (
            cells.evaluate_all(
                "cells => cells.filter(cell => cell.scrollWidth > cell.clientWidth).map(cell => cell.innerText)"
            )
            == []
        )
        assert page.evaluate(OVERFLOW) <= 0


def press_until_focused(
    page: Page, name: str | re.Pattern[str], role: str = "link", presses: int = 60
) -> None:
    """Press Tab until something has the focus."""
    for _ in range(presses):
        page.keyboard.press("Tab")
        wanted = page.locator("*:focus").and_(page.get_by_role(role, name=name))  # type: ignore[arg-type] # a role
        if wanted.count():
            return
    raise AssertionError(f"the focus never came to the {role} {name}")


def test_connecting_and_the_explanation_of_a_company_need_no_mouse(stranger: Tabs) -> None:
    stranger.sign_in(new_token())
    page = stranger.open()
    press_until_focused(page, "Connect HubSpot", "button")
    page.keyboard.press("Enter")
    page.locator("button.allow").press("Enter")
    expect(page.get_by_text("Complete as of")).to_be_visible()
    press_until_focused(page, "Companies")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Companies", level=1)).to_be_focused()
    name = page.locator("#companies tbody th a").first.inner_text()
    press_until_focused(page, name)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=name, level=1)).to_be_focused()
    expect(page.get_by_role("heading", name="Why it shows this")).to_be_visible()
    expect(page).to_have_title(f"{name} · Astrelo")


def test_the_first_link_skips_the_navigation(customer: Tabs) -> None:
    page = customer.open("#/companies")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Companies", level=1)).to_be_focused()
    assert page.url.endswith("#/companies")
