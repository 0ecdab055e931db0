"""Webhooks: events batched, signed, delivered at least once, in no order, and retried.

Bodies and signatures are HubSpot's (https://developers.hubspot.com/docs/api/webhooks): an array of 1 to 100
events, `X-HubSpot-Signature-v3` over method, URI, body and timestamp. What a deployment sees of HubSpot's
24 hours of retries is shorten to `retry_seconds`.
"""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Annotated

import httpx
import msgspec

from crm_sandbox.clock import SandboxClock
from crm_sandbox.http.responses import encode_json
from crm_sandbox.hubspot.webhooks.events import Event

APP_ID = 4_210_001
FIRST_SUBSCRIPTION_ID = 2_700_001
FIRST_EVENT_ID = 3_100_000_001
MAX_BATCH_SIZE = 100
MAX_PAUSE_SECONDS = 0.1

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class WebhookSettings(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Where events go. Without a `target_url` none are kept."""

    target_url: str | None = None
    public_url: str | None = None
    """What is signed, when a proxy makes the receiver's own address another than the one that is called."""
    paused: bool = False
    """Events are kept until this ends, or until they are flushed."""
    batch_size: Annotated[int, msgspec.Meta(ge=1, le=MAX_BATCH_SIZE)] = MAX_BATCH_SIZE
    duplicates: Share = 0.0
    """Share of the events that are sent twice, with one `eventId`."""
    disorder: Share = 0.0
    """Share of the events that come in another place than their own."""
    timeout_seconds: float = 5.0
    retry_seconds: tuple[float, ...] = (0.5, 1, 2, 4, 8, 15, 30, 60, 60, 60)
    """Waits before each further attempt at a batch; behind the last, the batch is given up."""
    seed: int = 0


@dataclass(slots=True, kw_only=True)
class Counts:
    """Events: received from the account, delivered (repeats too), and given up; and the attempts that failed."""

    received: int = 0
    delivered: int = 0
    given_up: int = 0
    failed_attempts: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class _Batch:
    events: Sequence[dict[str, object]]
    attempt: int = 0
    due_at: float = 0.0


@dataclass(slots=True)
class _Backlog:
    """Events of no batch yet, and batches that wait for their next attempt."""

    events: list[dict[str, object]] = field(default_factory=list)
    batches: list[_Batch] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.events or self.batches)


def signature(secret: str, url: str, body: bytes, timestamp_ms: str) -> str:
    """Return the value of `X-HubSpot-Signature-v3` for a POST to `url`."""
    message = b"POST" + url.encode() + body + timestamp_ms.encode()
    return base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode("ascii")


class Webhooks:
    """Deliveries run in the loop that serves the sandbox, begun by `wake`; `flush` waits for them."""

    def __init__(
        self, client_secret: str, clock: SandboxClock, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._secret = client_secret
        self._clock = clock
        self._transport = transport
        self._backlog = _Backlog()
        self._subscriptions: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None
        self.counts = Counts()
        self.configure(WebhookSettings())

    def configure(self, settings: WebhookSettings) -> None:
        """Take over every setting; what waits keeps waiting, for the new target."""
        self.settings = settings
        self._rng = Random(f"webhooks:{settings.seed}")

    def enqueue(self, event: Event) -> None:
        """Keep an event for delivery."""
        if self.settings.target_url is None:
            return
        document = self._document(event)
        self.counts.received += 1
        self._backlog.events.append(document)
        if self._rng.random() < self.settings.duplicates:
            self._backlog.events.append(document)

    def wake(self) -> None:
        """Begin delivering in the running loop, if there is something to deliver and no task that does."""
        if self.settings.paused or self.settings.target_url is None or not self._backlog:
            return
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._task = loop.create_task(self._deliver_all())

    async def flush(self) -> None:
        """Attempt now, once, everything that waits, paused or not, whenever it is due."""
        await self.stop()
        self._form_batches()
        async with self._client() as client:
            for batch in list(self._backlog.batches):
                await self._attempt(client, batch)

    async def stop(self) -> None:
        """End the delivering task; what waits keeps waiting."""
        task, self._task = self._task, None
        if task is not None and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def clear(self) -> None:
        """Forget everything that waits."""
        self._backlog = _Backlog()

    def status(self) -> dict[str, object]:
        waiting = len(self._backlog.events) + sum(len(batch.events) for batch in self._backlog.batches)
        return {
            "settings": msgspec.to_builtins(self.settings),
            "waiting": waiting,
            **asdict(self.counts),
        }

    async def _deliver_all(self) -> None:
        async with self._client() as client:
            while self._backlog and not self.settings.paused:
                self._form_batches()
                batch = min(self._backlog.batches, key=lambda one: one.due_at)
                wait = batch.due_at - self._clock.now()
                if wait > 0:
                    await asyncio.sleep(min(wait, MAX_PAUSE_SECONDS))
                else:
                    await self._attempt(client, batch)

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=self._transport, timeout=None, trust_env=False)  # noqa: S113 - see _post

    def _form_batches(self) -> None:
        events, self._backlog.events = self._shuffle_share(self._backlog.events), []
        size = self.settings.batch_size
        self._backlog.batches += [
            _Batch(events=events[start : start + size]) for start in range(0, len(events), size)
        ]

    def _shuffle_share(self, events: Sequence[dict[str, object]]) -> list[dict[str, object]]:
        """Exchange the places of as many as `disorder` says."""
        moving = [place for place in range(len(events)) if self._rng.random() < self.settings.disorder]
        shuffled = list(events)
        for place, drawn in zip(moving, self._rng.sample(moving, k=len(moving)), strict=True):
            shuffled[place] = events[drawn]
        return shuffled

    async def _attempt(self, client: httpx.AsyncClient, batch: _Batch) -> None:
        """Deliver a batch. It waits on until it is accepted, or until its attempts are used up."""
        if await self._post(client, batch):
            self.counts.delivered += len(batch.events)
        else:
            self.counts.failed_attempts += 1
            if batch.attempt < len(self.settings.retry_seconds):
                batch.due_at = self._clock.now() + self.settings.retry_seconds[batch.attempt]
                batch.attempt += 1
                return
            self.counts.given_up += len(batch.events)
        if batch in self._backlog.batches:
            self._backlog.batches.remove(batch)

    async def _post(self, client: httpx.AsyncClient, batch: _Batch) -> bool:
        """Return whether the target responded 2xx within the time that a response may take, all in all."""
        url = self.settings.target_url
        if url is None:
            return False
        body = encode_json([event | {"attemptNumber": batch.attempt} for event in batch.events])
        try:
            async with asyncio.timeout(self.settings.timeout_seconds):
                response = await client.post(url, content=body, headers=self._headers(url, body))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
            return False
        return response.is_success

    def _headers(self, url: str, body: bytes) -> dict[str, str]:
        timestamp = str(int(self._clock.now() * 1000))
        return {
            "content-type": "application/json",
            "user-agent": "HubSpot Webhooks (sandbox)",
            "x-hubspot-request-timestamp": timestamp,
            "x-hubspot-signature-v3": signature(
                self._secret, self.settings.public_url or url, body, timestamp
            ),
        }

    def _document(self, event: Event) -> dict[str, object]:
        known = self._subscriptions
        return {
            "eventId": FIRST_EVENT_ID + self.counts.received,
            "subscriptionId": known.setdefault(event.subscription, FIRST_SUBSCRIPTION_ID + len(known)),
            "portalId": event.portal_id,
            "appId": APP_ID,
            "occurredAt": int(event.occurred_at * 1000),
            "subscriptionType": event.subscription,
            "changeSource": "CRM_UI",
            "sourceId": "userId:7001",
            **event.details,
        }
