"""A stack of its own for the cases: a HubSpot of the folder's portal, an API and a worker, and persons who use them."""

import hashlib
import hmac
import shutil
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from urllib.parse import urljoin
from uuid import uuid4

import httpx
import jwt

from astrelo.bootstrap.development.demo.crms import DEMO_CRMS
from astrelo.bootstrap.development.demo.processes import Stage, start_stage
from astrelo.bootstrap.development.session_tokens import signing_secret
from astrelo.bootstrap.problems import Problem
from astrelo.domain.identifiers import Provider
from tests.support.environ import child_environ

_HUBSPOT = DEMO_CRMS[Provider.HUBSPOT]
_INTEGRATION = "/api/integrations/hubspot"
_UP_WITHIN = 90.0  # seconds
_RUN_WITHIN = 90.0
_ANSWER_WITHIN = 60.0
_POLL = 0.2
_TOKEN_LIFE = 3600
_ENTITIES = ("companies", "contacts", "deals")


class NotUp(Exception):
    """The stack did not come up; says where its logs are."""


@contextmanager
def run_stack(portal: Path) -> Iterator["Stack"]:
    """Start everything, wait until it answers, and stop it all when the block ends.

    Enter it in the main thread. Raises NotUp; then the logs are kept.
    """
    home = Path(tempfile.mkdtemp(prefix="astrelo-cases-"))
    home.chmod(0o711)  # as root, the database server runs as another user, who must pass through
    with ExitStack() as parts:
        parts.enter_context(_remove_unless_not_up(home))
        yield _enter(parts, portal, home / "state")


@contextmanager
def _remove_unless_not_up(home: Path) -> Iterator[None]:
    keep = False
    try:
        yield
    except NotUp:
        keep = True
        raise
    finally:
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


def _enter(parts: ExitStack, portal: Path, state: Path) -> "Stack":
    environ = child_environ({"ASTRELO_STATE_DIR": str(state)})
    try:
        stage = parts.enter_context(start_stage([_HUBSPOT], portal, 0, environ))
        stack = parts.enter_context(Stack(stage))
        stack.await_up()
    except (Problem, OSError) as error:
        raise NotUp(f"the stack did not come up; its logs are in {state / 'logs'}: {error}") from error
    return stack


class Stack:
    """What is up, and the first person whose portal is looked at."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._http = httpx.Client(timeout=_ANSWER_WITHIN)
        self.api_url = stage.api_url
        self.crm_url = stage.sandboxes[0].url
        self._secret = signing_secret(stage.settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_of_error: object) -> None:
        self._http.close()

    def await_up(self) -> None:
        for url in (f"{self.crm_url}/_sandbox/about", f"{self.api_url}/health/ready"):
            deadline = time.monotonic() + _UP_WITHIN
            while not self._answers(url):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"nothing answers at {url}")
                time.sleep(_POLL)

    def check(self) -> None:
        """Raise Problem for a part that has ended: no later case means anything."""
        self._stage.check()

    @cached_property
    def first(self) -> "Person":
        """Connect the person whose records are looked at; their first run is over."""
        person = self.newcomer()
        person.connect()
        person.wait_for_run()
        return person

    @cached_property
    def seen(self) -> Mapping[str, Mapping[str, Any]]:
        """Hold all that the API shows, by what it is and by the CRM's ids."""
        return {
            what: {crm_id: one for one in self.first.all(what) for crm_id in crm_ids(one)}
            for what in _ENTITIES
        }

    @cached_property
    def account_id(self) -> str:
        return str(self._http.get(f"{self.crm_url}/_sandbox/about").json()["accounts"][0]["id"])

    def newcomer(self) -> "Person":
        return Person(self, self._http)

    def token(self, user: str, offsets: Mapping[str, float]) -> str:
        """Sign a token whose claims lie so many seconds from now."""
        now = int(time.time())
        usual = {"sub": user, "iat": now, "exp": now + _TOKEN_LIFE}
        return jwt.encode(usual | {name: now + away for name, away in offsets.items()}, self._secret, "HS256")

    def call_admin_api(self, method: str, path: str, body: object = None) -> None:
        answer = self._http.request(method, f"{self.crm_url}/_sandbox/{path}", json=body)
        answer.raise_for_status()

    def delivered(self, path: str, body: str, signed_path: str) -> int:
        """Deliver a webhook call as HubSpot does, and return the answer's status."""
        content, at = body.encode(), str(int(time.time() * 1000))
        signed = b"POST" + f"{self.api_url}{signed_path}".encode() + content + at.encode()
        signature = hmac.digest(_HUBSPOT.client_secret.encode(), signed, hashlib.sha256)
        headers = {
            "X-HubSpot-Signature-v3": b64encode(signature).decode(),
            "X-HubSpot-Request-Timestamp": at,
            "Content-Type": "application/json",
        }
        return self._http.post(self.api_url + path, content=content, headers=headers).status_code

    def _answers(self, url: str) -> bool:
        self.check()
        try:
            return self._http.get(url).is_success
        except httpx.TransportError:
            return False  # not listening yet


class Person:
    """A user of the API with a connection of their own."""

    def __init__(self, stack: Stack, http: httpx.Client) -> None:
        self._stack = stack
        self._http = http
        self.user = str(uuid4())

    def connect(self) -> None:
        """Connect the portal, which asks for a first run, by allowing it on the consent page."""
        started = self._api("POST", f"{_INTEGRATION}/authorize?force=true")
        consent = started.json()["authorize_url"]
        allowed = self._http.post(consent, data={"decision": "allow"})
        browser = "; ".join(f"{name}={value}" for name, value in started.cookies.items())
        self._http.get(urljoin(consent, allowed.headers["Location"]), headers={"Cookie": browser})

    def wait_for_run(self) -> Mapping[str, Any]:
        """Wait for the latest run, and return it as it is when the patience ends."""
        deadline = time.monotonic() + _RUN_WITHIN
        while True:
            run: Mapping[str, Any] = self._api("GET", f"{_INTEGRATION}/runs?limit=1").json()["data"][0]
            if run["status"] not in {"queued", "running"} or time.monotonic() > deadline:
                return run
            time.sleep(_POLL)

    def full_sync(self) -> Mapping[str, Any]:
        self._api("POST", f"{_INTEGRATION}/sync?mode=full")
        return self.wait_for_run()

    def leave(self) -> None:
        self._api("DELETE", f"{_INTEGRATION}?purge=true")

    def all(self, what: str, query: Mapping[str, str] | None = None) -> Sequence[Mapping[str, Any]]:
        """Return every record that the query finds. Raises HTTPStatusError where it is refused."""
        found: list[Mapping[str, Any]] = []
        cursor: Mapping[str, str] = {}
        while True:
            answer = self._api("GET", f"/api/{what}", {"limit": "100", **(query or {}), **cursor})
            page = answer.raise_for_status().json()
            found += page["data"]
            if not page["next_cursor"]:
                return found
            cursor = {"cursor": page["next_cursor"]}

    def status_with(self, offsets: Mapping[str, float]) -> int:
        """Ask for the owners with a token of these claims."""
        return self._api("GET", "/api/owners", offsets=offsets).status_code

    def _api(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        offsets: Mapping[str, float] | None = None,
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._stack.token(self.user, offsets or {})}"}
        return self._http.request(method, self._stack.api_url + path, params=query, headers=headers)


def crm_ids(record: Mapping[str, Any]) -> list[str]:
    """Return a record's ids in the CRM; a company may come from several records."""
    sources = record.get("sources", [record])
    return [source["external_provider_id"] for source in sources]
