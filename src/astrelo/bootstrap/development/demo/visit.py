"""One person with one browser: signs in, connects each CRM, watches the syncs."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar
from urllib.parse import parse_qs, urljoin, urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

import httpx
import msgspec

from astrelo.application.read import views
from astrelo.bootstrap.development.demo.consent import allow_form
from astrelo.bootstrap.development.demo.processes import RunningSandbox, Stage
from astrelo.bootstrap.development.demo.progress import SyncProgress
from astrelo.bootstrap.development.demo.report import SyncedCrm, summarise
from astrelo.bootstrap.development.session_tokens import development_token
from astrelo.bootstrap.problems import Problem
from astrelo.bootstrap.system import SystemClock
from astrelo.domain.identifiers import Provider
from astrelo.domain.sync import RunStatus, SyncMode

T = TypeVar("T")

_UP_WITHIN = 120.0  # seconds; a large portal takes a sandbox a while to read
_POLL = 0.2
_HTTP_ERROR = 400


class DemoFailed(Problem):
    """The demo could not be carried through; says at which step, and where the logs are."""


class SandboxAccount(msgspec.Struct):
    id: str
    name: str


class About(msgspec.Struct):
    """What we need of a sandbox's `/_sandbox/about`."""

    accounts: list[SandboxAccount]


class Outcome(NamedTuple):
    synced: Sequence[SyncedCrm]
    entities: views.CompanySummary


class DemoVisit:
    """One person with one browser. Every method may raise DemoFailed."""

    def __init__(self, stage: Stage, http: httpx.Client, progress: SyncProgress) -> None:
        self._stage = stage
        self._http = http
        self._progress = progress

    def connect_and_sync(self) -> Outcome:
        """Connect one CRM after the other; each begins to sync at once, beside the others."""
        for sandbox in self._stage.sandboxes:
            self._await_up(f"{sandbox.url}/_sandbox/about", f"{sandbox.crm.provider.label} sandbox")
        self._await_up(f"{self._stage.api_url}/health/ready", "API")
        token = development_token(self._stage.settings, self.user())
        _require_success(self._http.post(f"{self._stage.api_url}/app/session", json={"token": token}))
        since = {sandbox.crm.provider: self._connect(sandbox) for sandbox in self._stage.sandboxes}
        runs = self._watch(since)
        # Only when all are done: records of one CRM can link another's contacts.
        synced = [
            self._read_outcome(sandbox, runs[sandbox.crm.provider], since[sandbox.crm.provider])
            for sandbox in self._stage.sandboxes
        ]
        return Outcome(synced, self._api("/api/companies/summary", views.CompanySummary))

    def user(self) -> UUID:
        """Name whose data it is: each set of accounts has a user of its own, the same at each run."""
        accounts = (
            f"{sandbox.crm.provider}:{self._account(sandbox).id}" for sandbox in self._stage.sandboxes
        )
        return uuid5(NAMESPACE_URL, f"astrelo:demo:{'+'.join(accounts)}")

    def login_link(self) -> str:
        """Make a link that signs the person's own browser in, once."""
        response = self._http.post(
            f"{self._stage.api_url}/app/login-links", headers={"Origin": self._stage.api_url}
        )
        return self._stage.api_url + str(_require_success(response).json()["path"])

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
        raise DemoFailed(f"The {what} does not respond at {url}. Its log is in {self._stage.logs}.")

    def _account(self, sandbox: RunningSandbox) -> SandboxAccount:
        about = _require_success(self._http.get(f"{sandbox.url}/_sandbox/about"))
        return msgspec.json.decode(about.content, type=About).accounts[0]

    def _connect(self, sandbox: RunningSandbox) -> datetime:
        """Connect the sandbox's account; return a time before the sync that this requests."""
        account, provider = self._account(sandbox), sandbox.crm.provider
        self._progress.say(f"Connecting {provider.label} account “{account.name}” ({account.id}) …")
        before = SystemClock().now()
        self._give_consent(provider)
        return before

    def _give_consent(self, provider: Provider) -> None:
        """Click “Connect”, allow it on the CRM's consent page, and land on the frontend again."""
        start = self._stage.api_url + _path(provider, "/authorize?force=true")
        consent = self._follow_redirects(self._http.get(start))
        form = allow_form(consent.text)
        if form is None:
            raise DemoFailed(f"{consent.url.host}{consent.url.path} shows no consent form to allow.")
        landed = self._follow_redirects(
            self._http.post(urljoin(str(consent.url), form.action), data=form.fields)
        )
        outcome = parse_qs(urlsplit(str(landed.url)).query)
        if outcome.get(f"{provider}_connected") != ["true"]:
            reason = outcome.get("error", ["no reason given"])[0]
            raise DemoFailed(
                f"Connecting {provider.label} ended at {landed.url.path} with: {reason}. "
                f"Logs: {self._stage.logs}"
            )

    def _follow_redirects(self, response: httpx.Response) -> httpx.Response:
        while response.is_redirect:
            response = self._http.get(urljoin(str(response.url), response.headers["location"]))
        return _require_success(response)

    def _watch(self, since: Mapping[Provider, datetime]) -> Mapping[Provider, views.RunView]:
        """Wait for the full syncs that connecting asked for."""
        finished: dict[Provider, views.RunView] = {}
        with self._progress:
            while len(finished) < len(since):
                self._stage.check()
                for provider in [name for name in since if name not in finished]:
                    run = self._look_at(provider, since[provider])
                    if run is not None and run.status is RunStatus.COMPLETED:
                        finished[provider] = run
                time.sleep(_POLL)
        return finished

    def _look_at(self, provider: Provider, since: datetime) -> views.RunView | None:
        """Show the full run's progress; None while there is none.

        Yesterday's connection may have been due for an increment: it then comes first.
        """
        runs = self._api(_path(provider, "/runs?limit=5"), views.Page[views.RunView]).data
        full_runs = (run for run in runs if run.mode is SyncMode.FULL)
        full = next((run for run in full_runs if run.finished_at is None or run.finished_at >= since), None)
        latest = full or runs[0]
        waits_for_a_person = latest.status is RunStatus.PARKED and latest.parked_until is None
        if waits_for_a_person or not (latest.status.is_open or latest.status is RunStatus.COMPLETED):
            raise DemoFailed(
                f"The {provider.label} sync ended as {latest.status}: {latest.reason}. The worker's log: "
                f"{self._stage.logs / 'worker.log'}"
            )
        if full is not None:
            self._progress.show(full)
        return full

    def _read_outcome(self, sandbox: RunningSandbox, run: views.RunView, since: datetime) -> SyncedCrm:
        integration = self._api(_path(sandbox.crm.provider), views.IntegrationView)
        stats = _require_success(self._http.get(f"{sandbox.url}/_sandbox/stats")).json()
        unreadable = self._api(
            _path(sandbox.crm.provider, f"/runs/{run.id}/unreadable"), views.Page[views.UnreadableView]
        )
        return summarise(integration, run, int(stats["crm_requests"]), _seconds(run, since), unreadable.data)

    def _api(self, path: str, shape: type[T]) -> T:
        return msgspec.json.decode(
            _require_success(self._http.get(self._stage.api_url + path)).content, type=shape
        )


def _path(provider: Provider, rest: str = "") -> str:
    return f"/api/integrations/{provider}{rest}"


def _require_success(response: httpx.Response) -> httpx.Response:
    if response.status_code >= _HTTP_ERROR:
        # The query of an OAuth URL holds secrets.
        where = response.url.copy_with(query=None)
        raise DemoFailed(
            f"{response.request.method} {where} answered {response.status_code}: {response.text[:500]}"
        )
    return response


def _seconds(run: views.RunView, since: datetime) -> float:
    """Measure from the request; a run that an interrupted demo had left open counts from our own start."""
    if run.finished_at is None:
        return 0.0
    return (run.finished_at - max(run.requested_at, since)).total_seconds()
