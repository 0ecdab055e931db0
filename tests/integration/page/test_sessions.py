"""Sessions that end and servers that go away, as a browser meets them."""

from datetime import timedelta

from playwright.sync_api import expect

from astrelo.domain.identifiers import Provider
from tests.support.page import Tabs, new_token


def test_a_session_that_ends_leads_to_the_sign_in_and_then_back(customer: Tabs) -> None:
    page = customer.open("#/contacts?linked=false&sort=name")
    expect(page.locator("#contacts tbody th a").first).to_be_visible()
    customer.context.clear_cookies()
    page.evaluate("dispatchEvent(new Event('online'))")  # has the page read everything again
    expect(page.get_by_role("heading", name="Sign in")).to_be_focused()
    expect(page.locator("#contacts")).to_have_count(0)
    page.get_by_label("Token").fill(customer.server.connected_user(Provider.HUBSPOT, Provider.SALESFORCE))
    page.get_by_label("Token").press("Enter")
    expect(page.get_by_label("Sort")).to_have_value("1")
    expect(page.locator("#contacts tbody .badge", has_text="No company").first).to_be_visible()
    assert page.url.endswith("#/contacts?linked=false&sort=name")


def test_a_token_that_has_expired_is_refused_in_words(stranger: Tabs) -> None:
    page = stranger.open()
    page.get_by_label("Token").fill(new_token(timedelta(seconds=-5)))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("The token has expired or is not valid.")
    expect(page.get_by_label("Token")).to_have_attribute("aria-invalid", "true")


def test_signing_out_leaves_nothing_to_see(customer: Tabs) -> None:
    page = customer.open()
    page.get_by_role("link", name="Companies", exact=True).first.click()
    expect(page.locator("#companies tbody th a").first).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_server_that_goes_and_comes_back_is_found_again(customer: Tabs) -> None:
    page = customer.open("#/deals")
    expect(page.locator("#deals tbody th a").first).to_be_visible()
    customer.server.stop_api()
    try:
        expect(page.locator(".notice")).to_contain_text("The server does not respond. Your data is safe.")
        page.get_by_label("State").select_option("Won")
        expect(page.get_by_role("button", name="Try again")).to_be_visible()
    finally:
        customer.server.start_api()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator("#deals tbody .badge.good").first).to_be_visible()
    expect(page.locator("#deals tbody .badge.accent")).to_have_count(0)
