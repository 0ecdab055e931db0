"""What a sync does to a page that is open: figures change in their place, and nothing else moves."""

import re

from playwright.sync_api import Request, expect

from astrelo.domain.identifiers import Provider
from tests.support.page import Tabs, connect, new_token, wait_until_synced

WATCH_SHIFTS = """() => {
  window.shifts = [];
  new PerformanceObserver(list => window.shifts.push(...list.getEntries().map(entry => entry.value)))
    .observe({ type: "layout-shift", buffered: false });
}"""


def test_a_sync_moves_nothing_and_leaves_the_focus_where_it_is(stranger: Tabs) -> None:
    server, token = stranger.server, new_token()
    flags = server.sandboxes[Provider.HUBSPOT].flags
    stranger.sign_in(token)
    with server.client(token) as client:
        connect(client, Provider.HUBSPOT)
        page = stranger.open()
        card = page.get_by_role("region", name="HubSpot")
        expect(card.get_by_text("Complete as of")).to_be_visible()
        figure = card.locator(".figure a").nth(1)
        figure.focus()
        page.evaluate(WATCH_SHIFTS)
        flags.latency_ms = 150
        try:
            client.post(
                "/api/integrations/hubspot/sync"
            ).raise_for_status()  # by somebody else: no click excuses a shift
            expect(card.get_by_text("The sync is running.").last).to_be_attached()
            expect(card.locator("progress").first).to_be_visible()
            expect(card.get_by_role("button", name="Sync now")).to_be_visible()
        finally:
            flags.latency_ms = 0
    expect(card.locator("progress").first).not_to_be_visible()
    expect(figure).to_be_focused()
    assert page.evaluate("window.shifts") == []


def test_a_list_offers_what_has_changed_and_does_not_jump(stranger: Tabs) -> None:
    server, token = stranger.server, new_token()
    stranger.sign_in(token)
    with server.client(token) as client:
        connect(client, Provider.HUBSPOT)
        wait_until_synced(client, Provider.HUBSPOT)
        page = stranger.open("#/contacts?sort=name")
        rows = page.locator("#contacts tbody th a")
        expect(rows).to_have_count(25)
        before = rows.evaluate_all("rows => rows.map(row => row.href)")
        page.evaluate(WATCH_SHIFTS)
        connect(client, Provider.SALESFORCE)
        expect(page.get_by_role("button", name="Show what has changed")).to_be_visible()
    assert rows.evaluate_all("rows => rows.map(row => row.href)") == before
    assert page.evaluate("window.shifts") == []
    page.get_by_role("button", name="Show what has changed").click()
    expect(page.get_by_role("button", name="Show what has changed")).not_to_be_visible()
    assert rows.evaluate_all("rows => rows.map(row => row.href)") != before


def test_a_second_click_where_a_sync_was_started_cancels_nothing(stranger: Tabs) -> None:
    server, token = stranger.server, new_token()
    flags = server.sandboxes[Provider.HUBSPOT].flags
    stranger.sign_in(token)
    with server.client(token) as client:
        connect(client, Provider.HUBSPOT)
        wait_until_synced(client, Provider.HUBSPOT)
    page = stranger.open()
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST":
            sent.append(request.url.rpartition("/")[2])

    page.on("request", note)
    button = page.get_by_role("button", name="Sync now")
    place = button.bounding_box()
    assert place is not None
    flags.latency_ms = 150
    try:
        for _ in range(2):
            page.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
            expect(page.get_by_role("button", name="Syncing …")).to_have_attribute("aria-disabled", "true")
            expect(page.get_by_role("button", name="Cancel the sync")).to_be_visible()
        assert sent == ["sync"]
        page.get_by_role("button", name="Cancel the sync").click()
        expect(button).to_be_focused()
    finally:
        flags.latency_ms = 0
    assert sent == ["sync", "cancel"]
    expect(page.get_by_role("link", name="The sync was cancelled")).to_be_visible()


def test_that_no_company_is_shared_is_not_said_before_two_crms_are_read(stranger: Tabs) -> None:
    token = new_token()
    flags = stranger.server.sandboxes[Provider.SALESFORCE].flags
    stranger.sign_in(token)
    with stranger.server.client(token) as client:
        connect(client, Provider.HUBSPOT)
        wait_until_synced(client, Provider.HUBSPOT)
        flags.latency_ms = 300
        try:
            connect(client, Provider.SALESFORCE)
            page = stranger.open()
            expect(page.locator(".subtitle")).to_have_text(re.compile(r"^\d+ companies\.$"))
            expect(page.get_by_role("region", name="Salesforce")).to_contain_text("Not complete yet")
        finally:
            flags.latency_ms = 0
    expect(page.locator(".subtitle")).to_contain_text("known to more than one CRM")
    times = page.get_by_role("region", name="HubSpot").locator(".complete time").all_inner_texts()
    assert len(times) == 2
    assert all(re.search(r"\d\d:\d\d$", time) for time in times)
