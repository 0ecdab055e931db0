"""Lists of the page: filters, More, what they show while and when something goes wrong."""

import re

from playwright.sync_api import Page, expect

from astrelo.domain.identifiers import Provider
from tests.support.page import HeldRequests, Tabs

ROWS = "#companies tbody tr"


def names(page: Page) -> list[str]:
    return page.locator(f"{ROWS} th a").all_inner_texts()


def test_more_pressed_twice_shows_each_row_once(customer: Tabs) -> None:
    page = customer.open("#/companies")
    expect(page.locator(ROWS)).to_have_count(25)
    next_page = HeldRequests(
        page, "**/api/companies?*cursor=*"
    )  # or the second press hits the row that takes its place
    page.get_by_role("button", name="More").dblclick()
    next_page.release()
    expect(page.locator(ROWS)).to_have_count(50)
    links = page.locator(f"{ROWS} th a").evaluate_all("links => links.map(link => link.href)")
    assert len(set(links)) == len(links)


def test_typing_after_more_leaves_only_rows_that_fit(customer: Tabs) -> None:
    page = customer.open("#/companies")
    expect(page.locator(ROWS)).to_have_count(25)
    wanted = names(page)[3].split()[0]
    next_page = HeldRequests(page, "**/api/companies?*cursor=*")  # it arrives when all else is done
    page.get_by_role("button", name="More").click()
    page.get_by_role("searchbox").fill(wanted)
    expect(page).to_have_url(re.compile(f"name={wanted}"))
    expect(page.locator(".table")).to_have_attribute("aria-busy", "false")
    next_page.release()
    page.wait_for_load_state("networkidle")
    assert names(page)
    assert {name[: len(wanted)] for name in names(page)} == {wanted}


def test_filters_stand_in_the_address_and_back_leads_to_them_again(customer: Tabs) -> None:
    page = customer.open("#/deals")
    page.get_by_label("State").select_option("Won")
    expect(page).to_have_url(re.compile("is_won=true"))
    expect(page.locator("#deals tbody .badge.good").first).to_be_visible()
    page.locator("#deals tbody th a").first.click()
    expect(page.get_by_role("heading", name="Why it belongs there")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("State")).to_have_value("2")
    expect(page.locator("#deals tbody .badge.accent")).to_have_count(0)


def test_each_figure_leads_to_its_records(customer: Tabs) -> None:
    page = customer.open()
    card = page.get_by_role("region", name="HubSpot")
    figure = card.get_by_role("link", name="Contacts without a company").locator("span").last.inner_text()
    card.get_by_role("link", name="Contacts without a company").click()
    expect(page.locator("#contacts tbody tr")).to_have_count(int(figure))
    page.go_back()
    card.get_by_role("link", name="Deals without a company").click()
    expect(page.locator("#deals tbody .badge", has_text="No company").first).to_be_visible()
    page.go_back()
    card.get_by_role("link", name="Values that could not be read").click()
    page.locator("summary", has_text="of companies").first.click()
    page.locator(".record-ids a").first.click()
    expect(page.locator(ROWS)).to_have_count(1)


def test_a_list_without_a_fit_says_so(customer: Tabs) -> None:
    page = customer.open("#/companies?name=nobody%20is%20called%20so")
    expect(page.get_by_text("No company fits")).to_be_visible()
    page.get_by_role("searchbox").fill("")
    expect(page.locator(ROWS)).to_have_count(25)


def test_a_list_that_is_on_its_way_takes_the_room_of_its_rows(customer: Tabs) -> None:
    page = customer.context.new_page()
    first_page = HeldRequests(page, "**/api/companies?*")
    page.goto(f"{customer.server.url}/app#/companies")
    expect(page.locator(f"{ROWS}[aria-hidden]")).to_have_count(8)
    heights = "rows => rows.slice(0, 8).map(row => row.getBoundingClientRect().height)"
    loading = page.locator(ROWS).evaluate_all(heights)
    first_page.release()
    expect(page.locator(ROWS)).to_have_count(25)
    assert page.locator(ROWS).evaluate_all(heights) == loading


def test_a_page_of_a_proxy_is_a_sentence_and_a_retry(customer: Tabs) -> None:
    page = customer.open()
    html = "<html><h1>502 Bad Gateway</h1></html>"
    page.route("**/api/deals?*", lambda route: route.fulfill(status=502, content_type="text/html", body=html))
    page.get_by_role("link", name="Deals", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("responded in its place (HTTP 502)")
    assert "JSON" not in page.locator("body").inner_text()
    page.unroute("**/api/deals?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#deals tbody tr")).to_have_count(25)


def test_a_company_opens_with_its_explanation_its_contacts_and_the_way_to_the_crm(customer: Tabs) -> None:
    page = customer.open("#/companies?sort=name")
    page.locator(f"{ROWS} th a").nth(20).click()
    expect(page.get_by_role("heading", name="Why it shows this")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Open in (HubSpot|Salesforce)"))).to_be_visible()
    expect(page.locator(".reasons .source").first).to_contain_text(re.compile("HubSpot|Salesforce"))
    for heading in ("About", "Contacts", "Deals", "Ideal customer", "Records"):
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()


def test_industries_and_places_have_their_names(customer: Tabs) -> None:
    page = customer.open("#/companies")
    expect(page.locator(ROWS)).to_have_count(25)
    cells = page.locator("#companies .column-industry .first").all_inner_texts()
    assert not [cell for cell in cells if re.search("[A-Z]_[A-Z]", cell)]
    places = " ".join(page.locator("#companies .column-place").all_inner_texts())
    assert "United States" in places
    assert not re.search(r"\b[A-Z]{2}-[A-Z0-9]{1,3}\b", places)


def test_a_filter_is_seen_and_removed_whether_or_not_a_control_has_it(stranger: Tabs) -> None:
    stranger.sign_in(stranger.server.connected_user(Provider.SALESFORCE))
    page = stranger.open("#/deals?source=hubspot&is_closed=true&rep=nobody&min_amount=5&=x")
    expect(page.get_by_label("CRM").locator("option:checked")).to_have_text("HubSpot (not connected)")
    chips = page.get_by_role("list", name="Only")
    expect(chips.get_by_role("listitem")).to_have_text(
        [
            re.compile("Closed or not: true"),
            re.compile("Of one owner"),
            re.compile("Min amount: 5"),
            re.compile(": x"),
        ]
    )
    for _ in range(4):
        chips.get_by_role("button").first.click()
    page.get_by_label("CRM").select_option("Any CRM")
    expect(page.locator("#deals tbody tr")).to_have_count(25)
    assert page.url.endswith("#/deals")
