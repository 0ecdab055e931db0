"""The page in a real browser, before a real API with a worker, PostgreSQL and simulated CRMs."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
from playwright.sync_api import Browser, BrowserContext, Error, Page, Route

from astrelo.adapters.inbound.http.session_tokens import issue_token
from astrelo.bootstrap.development.demo.consent import allow_form
from astrelo.bootstrap.development.processes import free_port
from astrelo.bootstrap.system import SystemClock
from astrelo.domain.identifiers import Provider, UserId
from crm_sandbox import Dataset, hubspot, salesforce, serve_in_thread
from tests.support.environ import JWT_SECRET, child_environ, needed_settings
from tests.support.secret_watch import TIMEOUT_SECONDS, Spawned

COMPANIES = 60
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
POLL = 0.05
WITHIN_MS = 20_000
"""For what takes a fraction of it on a machine that is not busy."""


@dataclass
class PageServer:
    """An API at `url` with its worker; each CRM holds the same records."""

    url: str
    environ: dict[str, str]
    sandboxes: dict[Provider, Any]
    api: Spawned | None = None
    worker: Spawned | None = None
    users: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def console(self) -> Iterator[str]:
        """Serve the same data read-only, as with ASTRELO_CONSOLE=1 in production, and give the address."""
        port = str(free_port())
        environ = self.environ | {"ASTRELO_CONSOLE": "1", "ASTRELO_PORT": port}
        api = Spawned([sys.executable, "-m", "astrelo", "serve"], environ, None)
        try:
            api.wait_for("http.listening")
            yield f"http://127.0.0.1:{port}"
        finally:
            api.stop()

    def start_api(self) -> None:
        self.api = Spawned([sys.executable, "-m", "astrelo", "serve"], self.environ, None)
        self.api.wait_for("http.listening")

    def stop_api(self) -> None:
        if self.api is not None:
            self.api.stop()

    def client(self, token: str) -> httpx.Client:
        """Return a client of the API beside the browser."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {token}"})

    def connected_user(self, *providers: Provider) -> str:
        """Return the token of a user whose CRMs are connected and synced: the same one at each call."""
        name = " ".join(providers)
        if name not in self.users:
            self.users[name] = token = new_token()
            with self.client(token) as client:
                for provider in providers:
                    connect(client, provider)
                for provider in providers:
                    wait_until_synced(client, provider)
        return self.users[name]


def new_token(lifetime: timedelta = timedelta(hours=1)) -> str:
    """Return a token of a user of its own."""
    return issue_token(UserId(uuid4()), JWT_SECRET, lifetime, SystemClock().now())


def connect(client: httpx.Client, provider: Provider) -> None:
    """Give the consent as a browser does, without one."""
    begun = client.get(f"/api/integrations/{provider}/authorize")
    consent = client.get(begun.headers["location"], follow_redirects=True)
    form = allow_form(consent.text)
    assert form is not None
    back = client.post(consent.url.join(form.action), data=form.fields)
    while back.is_redirect and "_connected=true" not in back.headers["location"]:
        back = client.get(back.headers["location"])


def wait_until_synced(client: httpx.Client, provider: Provider) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        crm = client.get(f"/api/integrations/{provider}").json()
        if crm["last_run"] and crm["counted_at"] and not crm["current_run"]:
            assert crm["last_run"]["status"] == "completed"
            return
        time.sleep(POLL)  # a real worker reports by no other way
    raise AssertionError(f"{provider} was not synced")


@contextmanager
def page_server(database: str) -> Iterator[PageServer]:
    dataset = Dataset.generate(COMPANIES)
    sandboxes = {
        Provider.HUBSPOT: hubspot.create_sandbox(dataset, rate_limit=False),
        Provider.SALESFORCE: salesforce.create_sandbox(dataset, rate_limit=False),
    }
    port = free_port()
    with ExitStack() as running:
        urls = {name: running.enter_context(serve_in_thread(crm)) for name, crm in sandboxes.items()}
        settings = needed_settings(database) | {
            "ASTRELO_PORT": str(port),
            "ASTRELO_WORKER_POLL": "0.2",
            "ASTRELO_HUBSPOT_CLIENT_ID": hubspot.DEFAULT_CLIENT_ID,
            "ASTRELO_HUBSPOT_CLIENT_SECRET": hubspot.DEFAULT_CLIENT_SECRET,
            "ASTRELO_HUBSPOT_AUTHORIZE_URL": urls[Provider.HUBSPOT],
            "ASTRELO_HUBSPOT_API_URL": urls[Provider.HUBSPOT],
            "ASTRELO_SALESFORCE_CLIENT_ID": salesforce.DEFAULT_CLIENT_ID,
            "ASTRELO_SALESFORCE_CLIENT_SECRET": salesforce.DEFAULT_CLIENT_SECRET,
            "ASTRELO_SALESFORCE_LOGIN_URL": urls[Provider.SALESFORCE],
        }
        server = PageServer(f"http://127.0.0.1:{port}", child_environ(settings), sandboxes)
        worker = Spawned([sys.executable, "-m", "astrelo", "worker"], server.environ, None)
        running.callback(worker.stop)
        running.callback(server.stop_api)
        server.start_api()
        yield server


@dataclass
class Tabs:
    """One person's browser: tabs that share their cookies. What goes wrong in any of them is kept."""

    server: PageServer
    context: BrowserContext
    errors: list[str] = field(default_factory=list)

    def sign_in(self, token: str) -> None:
        response = self.context.request.post(
            f"{self.server.url}/app/session", data={"token": token}, headers={"Origin": self.server.url}
        )
        assert response.ok, response.text()

    def open(self, address: str = "") -> Page:
        page = self.context.new_page()
        page.set_default_timeout(WITHIN_MS)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note)
        page.goto(f"{self.server.url}/app{address}")
        page.locator("#view-title").wait_for()
        return page

    def _note(self, message: Any) -> None:
        """Keep what the browser refused by the page's policy: refused requests are part of some tests."""
        if "Content Security Policy" in message.text:
            self.errors.append(message.text)


class HeldRequests:
    """Requests of a tab that get no answer before they are released."""

    def __init__(self, page: Page, pattern: str) -> None:
        self._page, self._pattern, self._routes = page, pattern, list[Route]()
        page.route(pattern, self.hold)

    def hold(self, route: Route) -> None:
        self._routes.append(route)

    def release(self) -> None:
        for route in self._routes:
            with suppress(Error):  # of a request that the page has given up
                route.continue_()
        self._page.unroute(self._pattern)


@contextmanager
def tabs(server: PageServer, chromium: Browser, **options: Any) -> Iterator[Tabs]:
    """Open a browser of one person; fail if a script of the page failed in it."""
    options = {
        "viewport": {"width": 1280, "height": 860},
        "locale": "en-GB",
        "reduced_motion": "reduce",
    } | options
    context = chromium.new_context(**options)
    opened = Tabs(server, context)
    try:
        yield opened
    finally:
        context.close()
    assert opened.errors == []
