"""The report of one sync: its parts keep their order, whichever response comes first."""

from playwright.sync_api import expect

from tests.support.page import HeldRequests, Tabs

ORDER = ["Sync of HubSpot", "What was read", "Values that could not be read"]


def test_a_list_that_comes_late_comes_in_its_place_and_nothing_goes(customer: Tabs) -> None:
    page = customer.open()
    late = HeldRequests(page, "**/runs/*/unreadable")
    page.get_by_role("link", name="Values that could not be read").first.click()
    headings = page.locator("main h1, main h2")
    expect(headings).to_have_text(ORDER[:2])
    expect(page.locator("main .lines")).to_be_visible()
    late.release()
    expect(headings).to_have_text(ORDER)


def test_a_report_that_comes_after_its_list_is_in_the_same_order(customer: Tabs) -> None:
    page = customer.open()
    late = HeldRequests(page, "**/runs/????????-????-????-????-????????????")
    with page.expect_response("**/unreadable"):
        page.get_by_role("link", name="Values that could not be read").first.click()
    late.release()
    expect(page.locator("main h1, main h2")).to_have_text(ORDER)
