"""The read-only page of a support engineer: whose data it shows, and who can change that."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from astrelo.domain.identifiers import Provider
from tests.support.page import PageServer, Tabs, new_token, tabs


class Console(Tabs):
    """A browser at a read-only page; links are made as the frontend's backend makes them."""

    def link(self, token: str) -> str:
        headers = {"Authorization": f"Bearer {token}"}
        made = httpx.post(f"{self.server.url}/api/console-links", headers=headers)
        return f"#{made.json()['url'].partition('#')[2]}"


@pytest.fixture(scope="module")
def address(server: PageServer) -> Iterator[str]:
    with server.console() as url:
        yield url


@pytest.fixture
def engineer(server: PageServer, address: str, chromium: Browser) -> Iterator[Console]:
    shown = PageServer(address, server.environ, server.sandboxes)
    with tabs(shown, chromium) as opened:
        yield Console(shown, opened.context, opened.errors)


def user_of(token: str, address: str) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    user: str = httpx.get(f"{address}/app/session", headers=headers).json()["user_id"]
    return user


def shows(page: Page, user: str) -> None:
    expect(page.locator(".read-only")).to_contain_text(f"You are looking at user {user}.")


def test_the_page_names_its_user_and_offers_nothing_that_it_cannot_do(
    server: PageServer, engineer: Console, address: str
) -> None:
    token = server.connected_user(Provider.HUBSPOT, Provider.SALESFORCE)
    page = engineer.open(engineer.link(token))
    shows(page, user_of(token, address))
    expect(page.get_by_role("region", name="HubSpot")).to_be_visible()
    expect(page.get_by_role("link", name="API")).to_have_count(0)
    expect(page.get_by_role("button", name="Sync now")).to_have_count(0)


def test_a_link_changes_the_user_only_when_that_is_confirmed(engineer: Console, address: str) -> None:
    one, other = new_token(), new_token()
    page = engineer.open(engineer.link(one))
    shows(page, user_of(one, address))
    link = engineer.link(other)
    second = engineer.open(link)
    dialog = second.get_by_role("dialog", name="Open the sign-in link?")
    expect(dialog).to_contain_text(user_of(one, address))
    dialog.get_by_role("button", name="Stay").click()
    shows(second, user_of(one, address))
    third = engineer.open(link)  # it is not used up
    third.get_by_role("dialog").get_by_role("button", name="Open the link").click()
    for tab in (third, second, page):
        shows(tab, user_of(other, address))
    expect(page.get_by_role("status").filter(has_text="Signed in as")).to_contain_text(
        user_of(other, address)
    )


def test_a_link_of_another_site_signs_nobody_out(engineer: Console, address: str) -> None:
    token = new_token()
    shows(engineer.open(engineer.link(token)), user_of(token, address))
    page = engineer.open("#sign-in=made-up")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    shows(page, user_of(token, address))
    page.reload()
    shows(page, user_of(token, address))


def test_a_link_that_is_not_good_any_more_is_explained_where_nobody_is_signed_in(engineer: Console) -> None:
    page = engineer.open("#sign-in=made-up")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
