"""The sandbox of a round, on a socket, with a record of which pages were asked for."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from astrelo.sandbox import Portal, serve_in_thread
from astrelo.sandbox.clock import SandboxClock
from astrelo.sandbox.hubspot import App, Sandbox, Switches
from astrelo.sandbox.hubspot.webhooks import Webhooks
from astrelo.sandbox.messages import Request, Response
from tests.chaos.plan import RoundPlan

_UNLIMITED = 1_000_000


class Asked(NamedTuple):
    at: float
    page: tuple[str, str]
    """The list's path, and the cursor or, of a search, the whole body."""


class WatchedSandbox(Sandbox):
    def __init__(self, portal: Portal, switches: Switches) -> None:
        app, clock = App(), SandboxClock(time.time)
        super().__init__((portal,), app, clock, switches, Webhooks(app.client_secret, clock))
        self.asked: list[Asked] = []

    async def respond(self, request: Request) -> Response:
        if request.path.startswith("/crm/objects/"):
            what = request.text("after") or "" if request.method == "GET" else request.body.decode()
            self.asked.append(Asked(self.clock.now(), (request.path, what)))
        return await super().respond(request)

    def asked_twice(self, spans: list[tuple[float, float]]) -> int:
        """Count pages that were asked for again within one of these spans of time: one for each run."""
        repeats = 0
        for start, end in spans:
            pages = Counter(asked.page for asked in self.asked if start <= asked.at <= end)
            repeats += sum(times - 1 for times in pages.values())
        return repeats


@contextmanager
def serving(plan: RoundPlan) -> Iterator[tuple[WatchedSandbox, str]]:
    portal = Portal.generate(plan.companies, plan.portal_seed)
    switches = Switches(
        latency_ms=plan.latency_ms,
        search_lag_seconds=plan.search_lag_seconds,
        duplicate_across_pages=plan.duplicates_across_pages,
        requests_per_window=_UNLIMITED,
        searches_per_second=_UNLIMITED,
    )
    sandbox = WatchedSandbox(portal, switches)
    with serve_in_thread(sandbox) as url:
        yield sandbox, url
