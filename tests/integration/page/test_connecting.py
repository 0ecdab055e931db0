"""Connecting a CRM in a browser, and ending it: allowed, denied, gone back, clicked twice, in two tabs."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Request, expect

from tests.support.page import HeldRequests, Tabs, new_token


@pytest.fixture
def newcomer(stranger: Tabs) -> Tabs:
    """A browser of a user who has connected nothing."""
    stranger.sign_in(new_token())
    return stranger


def connect(page: Page, crm: str = "HubSpot", decision: str = "allow") -> None:
    page.get_by_role("button", name=f"Connect {crm}").click()
    page.locator(f"button.{decision}").click()
    page.locator("#view-title").wait_for()


def counter(page: Page, method: str, ending: str) -> Callable[[], int]:
    sent: list[Request] = []

    def note(request: Request) -> None:
        if request.method == method and request.url.endswith(ending):
            sent.append(request)

    page.on("request", note)
    return lambda: len(sent)


def test_what_is_allowed_is_connected_synced_and_shown(newcomer: Tabs) -> None:
    page = newcomer.open()
    connect(page)
    expect(page.get_by_role("status").filter(has_text="HubSpot is connected.")).to_be_visible()
    card = page.get_by_role("region", name="HubSpot")
    expect(card.get_by_text("Complete as of")).to_be_visible()
    assert page.url == f"{newcomer.server.url}/app"
    card.locator(".figure a").first.click()
    expect(page.locator("#companies tbody tr th a")).to_have_count(25)


def test_what_is_denied_is_explained_and_can_be_tried_again(newcomer: Tabs) -> None:
    page = newcomer.open()
    connect(page, decision="deny")
    expect(page.get_by_role("alert")).to_contain_text(
        "HubSpot was not connected: the permission was not given."
    )
    expect(page.get_by_role("button", name="Connect HubSpot")).to_be_enabled()
    page.get_by_role("button", name="Dismiss this message").click()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_back_from_the_consent_page_leaves_a_button_that_works(newcomer: Tabs) -> None:
    page = newcomer.open()
    page.get_by_role("button", name="Connect HubSpot").click()
    page.locator("button.allow").wait_for()
    page.evaluate("history.back()")  # out of the browser's cache, which go_back() does not wait for
    connect(page)
    expect(page.get_by_role("region", name="HubSpot").get_by_text("Connected", exact=True)).to_be_visible()


def test_back_after_connecting_does_not_show_that_nothing_is_connected(newcomer: Tabs) -> None:
    page = newcomer.open()
    connect(page)
    page.evaluate("history.go(-2)")
    expect(page.get_by_role("region", name="HubSpot").get_by_text("Connected", exact=True)).to_be_visible()


def test_another_tab_learns_of_it_by_itself(newcomer: Tabs) -> None:
    page, other = newcomer.open(), newcomer.open()
    connect(page)
    card = other.get_by_role("region", name="HubSpot")
    expect(card.get_by_text("Connected", exact=True)).to_be_visible()
    expect(card.get_by_text("Complete as of")).to_be_visible()


def test_a_tab_that_learnt_nothing_is_answered_that_the_crm_is_connected_already(newcomer: Tabs) -> None:
    stale = newcomer.open()
    stale.route("**/api/**", lambda route: route.abort())
    stale.route("**/api/events", lambda route: route.abort())
    connect(newcomer.open())
    stale.unroute("**/api/**")
    stale.get_by_role("button", name="Connect HubSpot").click()
    expect(stale.get_by_role("status").filter(has_text="HubSpot was connected already.")).to_be_visible()


def test_clicks_that_come_twice_count_once(newcomer: Tabs) -> None:
    page = newcomer.open()
    authorizations = counter(page, "POST", "/authorize")
    answer = HeldRequests(page, "**/authorize")
    page.get_by_role("button", name="Connect HubSpot").dblclick()
    answer.release()
    page.locator("button.allow").click()
    expect(page.get_by_text("Complete as of")).to_be_visible()
    assert authorizations() == 1
    syncs = counter(page, "POST", "/sync")
    answer = HeldRequests(page, "**/sync")
    page.get_by_role("button", name="Sync now").dblclick()
    answer.release()
    expect(page.get_by_role("button", name="Sync now")).to_be_visible()
    assert syncs() == 1


def test_disconnecting_asks_what_is_to_become_of_the_data(newcomer: Tabs) -> None:
    page = newcomer.open()
    connect(page)
    card = page.get_by_role("region", name="HubSpot")
    expect(card.get_by_text("Complete as of")).to_be_visible()
    card.get_by_role("button", name="Disconnect …").click()
    dialog = page.get_by_role("dialog", name="Disconnect HubSpot?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(card.get_by_role("button", name="Disconnect …")).to_be_focused()
    card.get_by_role("button", name="Disconnect …").click()
    dialog.get_by_role("button", name="Disconnect").click()
    expect(card.get_by_text("Disconnected", exact=True)).to_be_visible()
    expect(card.locator(".figure a").first).not_to_have_text("0")
    card.get_by_role("button", name="Delete its data …").click()
    page.get_by_role("dialog", name="Delete the data of HubSpot?").get_by_role(
        "button", name="Delete all data"
    ).click()
    expect(card.get_by_text("Not connected", exact=True)).to_be_visible()
    page.goto(f"{newcomer.server.url}/app#/companies")
    expect(page.get_by_text("No companies yet")).to_be_visible()
