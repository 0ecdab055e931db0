"""One server and one browser for all tests of the page that run in a process."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from astrelo.domain.identifiers import Provider
from tests.support.page import CHROMIUM_ARGUMENTS, WITHIN_MS, PageServer, Tabs, page_server, tabs
from tests.support.postgres import Databases

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="package")
def server(databases: Databases, template: str) -> Iterator[PageServer]:
    if CHROMIUM is None:
        pytest.skip("There is no Chromium here to show the page: on Debian, apt-get install chromium")
    with databases.create(template) as dsn, page_server(dsn) as started:
        yield started


@pytest.fixture(scope="package")
def chromium(server: PageServer) -> Iterator[Browser]:
    """Playwright runs an event loop in this thread, so that nothing else can: the server starts before it and ends after."""
    expect.set_options(timeout=WITHIN_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=CHROMIUM_ARGUMENTS,
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


@pytest.fixture
def stranger(server: PageServer, chromium: Browser) -> Iterator[Tabs]:
    """A browser in which nobody is signed in."""
    with tabs(server, chromium) as opened:
        yield opened


@pytest.fixture
def customer(server: PageServer, stranger: Tabs) -> Tabs:
    """A browser of a customer whose CRMs are connected and synced; tests share the data, and change none."""
    stranger.sign_in(server.connected_user(Provider.HUBSPOT, Provider.SALESFORCE))
    return stranger
