"""`astrelo demo`: a HubSpot account is connected and synced before your eyes, on real parts.

Everything goes through the doors that a customer's browser and the product's frontend use.
"""

import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from types import FrameType
from typing import NoReturn, TypeVar
from urllib.parse import parse_qs, urljoin, urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

import click
import httpx
import msgspec

from astrelo.application.read_models import IntegrationView, Page, RunView
from astrelo.bootstrap.demo_processes import Stage, raised_stage
from astrelo.bootstrap.demo_report import Summary, SyncProgress, summarise, summary_text
from astrelo.bootstrap.problems import Problem
from astrelo.bootstrap.session_tokens import development_token
from astrelo.bootstrap.system import SystemClock
from astrelo.domain.sync import RunStatus, SyncMode

T = TypeVar("T")

_UP_WITHIN = 120.0  # seconds; a large portal takes the sandbox a while to read
_POLL = 0.2
_HUBSPOT = "/api/integrations/hubspot"
_HTTP_ERROR = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    companies: int
    portal: Path | None
    once: bool
    as_json: bool


class DemoFailed(Problem):
    """The demo could not be carried through; says at which step, and where the logs are."""


class SandboxAccount(msgspec.Struct):
    portal_id: int
    name: str


class About(msgspec.Struct):
    """What we need of the sandbox's `/_sandbox/about`."""

    accounts: list[SandboxAccount]


def run_demo(options: DemoOptions, environ: Mapping[str, str]) -> None:
    """Raise the stage, connect, sync, report; stay up until Ctrl-C unless `once`."""
    progress = SyncProgress()
    with _signals_as_interrupts():
        progress.say("Starting PostgreSQL, the sandbox, the API and a worker …")
        with (
            raised_stage(options.portal, options.companies, environ) as stage,
            httpx.Client(timeout=30.0) as http,
        ):
            visit = DemoVisit(stage, http, progress)
            summary, text = visit.connect_and_sync()
            click.echo(text, err=options.as_json)
            if options.as_json:
                click.echo(msgspec.json.encode(summary))
            if not options.once:
                _stay(stage, visit, progress)


class DemoVisit:
    """One person with one browser: signs in, connects HubSpot, watches the sync."""

    def __init__(self, stage: Stage, http: httpx.Client, progress: SyncProgress) -> None:
        self._stage = stage
        self._http = http
        self._progress = progress

    def connect_and_sync(self) -> tuple[Summary, str]:
        """Return the figures, and the same in words."""
        self._await_up(f"{self._stage.sandbox_url}/_sandbox/about", "sandbox")
        self._await_up(f"{self._stage.api_url}/health/ready", "API")
        account = self._account()
        self._sign_in(self.user())
        self._progress.say(f"Connecting HubSpot account “{account.name}” ({account.portal_id}) …")
        before = SystemClock().now()
        self._walk_the_redirects()
        run = self._watch(before)
        integration = self._api(_HUBSPOT, IntegrationView)
        summary = summarise(integration, run, self._crm_requests(), _seconds(run, before))
        return summary, summary_text(summary, account.name, run.steps)

    def user(self) -> UUID:
        """Name whose data it is: a user of the portal's own, the same at each run."""
        return _user_of(self._account())

    def login_link(self) -> str:
        """Make a link that signs the person's own browser in, once."""
        answer = self._http.post(
            f"{self._stage.api_url}/app/login-links", headers={"Origin": self._stage.api_url}
        )
        return self._stage.api_url + str(_good(answer).json()["path"])

    def _await_up(self, url: str, what: str) -> None:
        deadline = time.monotonic() + _UP_WITHIN
        while time.monotonic() < deadline:
            self._stage.check()
            try:
                if self._http.get(url).is_success:
                    return
            except httpx.TransportError:
                pass  # not listening yet
            time.sleep(_POLL)
        raise DemoFailed(f"The {what} does not answer at {url}. Its log is in {self._stage.logs}.")

    def _account(self) -> SandboxAccount:
        about = _good(self._http.get(f"{self._stage.sandbox_url}/_sandbox/about"))
        return msgspec.json.decode(about.content, type=About).accounts[0]

    def _sign_in(self, user: UUID) -> None:
        token = development_token(self._stage.settings, user)
        _good(self._http.post(f"{self._stage.api_url}/app/session", json={"token": token}))

    def _walk_the_redirects(self) -> None:
        """Click “Connect HubSpot”, allow it on the consent page, and land on the frontend again."""
        consent = self._followed(self._http.get(f"{self._stage.api_url}{_HUBSPOT}/authorize?force=true"))
        action, fields = _allow_form(consent)
        landed = self._followed(self._http.post(action, data=fields))
        outcome = parse_qs(urlsplit(str(landed.url)).query)
        if outcome.get("hubspot_connected") != ["true"]:
            reason = outcome.get("error", ["no reason given"])[0]
            raise DemoFailed(
                f"Connecting ended at {landed.url.path} with: {reason}. Logs: {self._stage.logs}"
            )

    def _followed(self, answer: httpx.Response) -> httpx.Response:
        while answer.is_redirect:
            answer = self._http.get(urljoin(str(answer.url), answer.headers["location"]))
        return _good(answer)

    def _watch(self, since: datetime) -> RunView:
        """Wait for the full sync that connecting asked for.

        Yesterday's connection may have been due for an increment: it then comes first.
        """
        with self._progress as bars:
            while True:
                self._stage.check()
                runs = self._api(f"{_HUBSPOT}/runs?limit=5", Page[RunView]).data
                run = _full_run(runs, since) or runs[0]
                if run.mode is SyncMode.FULL:
                    bars.show(run)
                    if run.status is RunStatus.COMPLETED:
                        return run
                if _is_stuck(run):
                    raise DemoFailed(
                        f"The sync ended as {run.status}: {run.reason}. The worker's log: "
                        f"{self._stage.logs / 'worker.log'}"
                    )
                time.sleep(_POLL)

    def _crm_requests(self) -> int:
        stats = _good(self._http.get(f"{self._stage.sandbox_url}/_sandbox/stats")).json()
        return int(stats["crm_requests"])

    def _api(self, path: str, shape: type[T]) -> T:
        return msgspec.json.decode(_good(self._http.get(self._stage.api_url + path)).content, type=shape)


class ConsentForms(HTMLParser):
    """Collects a page's forms: where each posts to, and its hidden fields."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((given.get("action", ""), {}))
        elif tag == "input" and self.forms:
            self.forms[-1][1][given.get("name", "")] = given.get("value", "")


def _allow_form(consent: httpx.Response) -> tuple[str, dict[str, str]]:
    page = ConsentForms()
    page.feed(consent.text)
    for action, fields in page.forms:
        if fields.get("decision") == "allow":
            return urljoin(str(consent.url), action), fields
    raise DemoFailed(f"{consent.url.host}{consent.url.path} shows no consent form to allow.")


def _good(answer: httpx.Response) -> httpx.Response:
    if answer.status_code >= _HTTP_ERROR:
        # The query of an OAuth URL is nobody's business.
        where = answer.url.copy_with(query=None)
        raise DemoFailed(
            f"{answer.request.method} {where} answered {answer.status_code}: {answer.text[:500]}"
        )
    return answer


def _full_run(runs: Sequence[RunView], since: datetime) -> RunView | None:
    return next(
        (
            run
            for run in runs
            if run.mode is SyncMode.FULL and (run.finished_at is None or run.finished_at >= since)
        ),
        None,
    )


def _is_stuck(run: RunView) -> bool:
    waits_for_a_person = run.status is RunStatus.PARKED and run.parked_until is None
    return waits_for_a_person or not (run.status.is_open or run.status is RunStatus.COMPLETED)


def _user_of(account: SandboxAccount) -> UUID:
    """Give every portal a user of its own, the same at each run."""
    return uuid5(NAMESPACE_URL, f"astrelo:demo:hubspot:{account.portal_id}")


def _seconds(run: RunView, since: datetime) -> float:
    """Measure from the request; a run that an interrupted demo had left open counts from our own start."""
    if run.finished_at is None:
        return 0.0
    return (run.finished_at - max(run.requested_at, since)).total_seconds()


def _stay(stage: Stage, visit: DemoVisit, progress: SyncProgress) -> None:
    progress.say(
        f"\nEverything stays up until Ctrl-C:\n"
        f"  the page     {visit.login_link()}  (signs you in, once)\n"
        f"  the API      {stage.api_url}/schema\n"
        f"  the sandbox  {stage.sandbox_url}/_sandbox/stats\n"
        f"  a token      astrelo token --user {visit.user()}\n"
        f"  logs         {stage.logs}"
    )
    try:
        while True:
            stage.check()
            time.sleep(_POLL)
    except KeyboardInterrupt:
        progress.say("\nStopping …")


@contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the demo the way Ctrl-C does: with everything stopped."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
