"""Keeps PgQueuer's loop running on a connection of its own, for as long as the process lives.

PgQueuer ends when its connection does (a restart of PostgreSQL, a failover), and waits for running jobs
without limit when asked to stop. Both are handled here.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import structlog
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.models import Job

from astrelo.domain.errors import StoreUnavailable
from astrelo.domain.ports.system import Clock

_log = structlog.get_logger(__name__)

FIRST_PAUSE = 0.2
MAX_PAUSE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOptions:
    concurrency: int
    heartbeat: timedelta
    """After this long without a sign of life another worker takes a job over."""
    poll: timedelta
    """How long to wait for a notification before looking by itself; at most 2 s, notifications get lost."""
    drain: timedelta
    """How long running jobs may take to stop by themselves before they are cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """Something that every worker does again and again beside its jobs; harmless from several at once."""

    name: str
    every: timedelta
    perform: Callable[[], Awaitable[int]]
    """Returns how much it found to do."""


class Health:
    """`ready` while the queue is being listened to; `draining` from the first signal to stop."""

    def __init__(self) -> None:
        self.ready = False
        self.draining = False


class Supervisor:
    """Runs the queue's jobs until asked to stop.

    `connect` opens a connection for the queue alone; each of the `duties` is performed as soon as there is a
    connection and then at its own pace. `stop` and the loss of the connection both make `should_stop` true,
    on which a running job is to requeue itself and end.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        duties: Sequence[Duty],
        options: QueueOptions,
        clock: Clock,
    ) -> None:
        self.health = Health()
        self._connect = connect
        self._duties = duties
        self._options = options
        self._clock = clock
        self._entrypoints: dict[str, Callable[[Job], Awaitable[None]]] = {}
        self._stopping = asyncio.Event()
        self._lost = asyncio.Event()

    def register(self, name: str, handle: Callable[[Job], Awaitable[None]]) -> None:
        self._entrypoints[name] = handle

    def stop(self) -> None:
        """End after the running jobs have. Idempotent; safe from a signal handler of the loop."""
        self.health.draining = True
        self._stopping.set()

    def should_stop(self) -> bool:
        return self._stopping.is_set() or self._lost.is_set()

    async def run(self) -> None:
        """Work until `stop`; reconnect with growing pauses for as long as it takes."""
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            started = self._clock.monotonic()
            try:
                await self._session()
            except Exception as error:  # noqa: BLE001 - a lost connection has many faces, asyncpg's internal errors among them
                _log.warning("queue.session_ended", error=repr(error), next_try_in=pause)
            else:
                continue
            if self._clock.monotonic() - started > MAX_PAUSE:
                pause = FIRST_PAUSE
            await self._pause(pause)
            pause = min(pause * 2, MAX_PAUSE)

    async def _session(self) -> None:
        async with self._connection() as connection:
            manager = QueueManager(Queries.from_asyncpg_connection(connection))
            for name, handle in self._entrypoints.items():
                manager.entrypoint(name, accepts_context=False)(handle)
            working = asyncio.create_task(self._work(manager))
            endings = [asyncio.create_task(event.wait()) for event in (self._stopping, self._lost)]
            watching = asyncio.create_task(self._watch(connection))
            duties = [asyncio.create_task(self._perform_regularly(duty)) for duty in self._duties]
            try:
                await asyncio.wait({working, *endings}, return_when=asyncio.FIRST_COMPLETED)
                self.health.ready = False
                await self._drain(manager, working)
            finally:
                self.health.ready = False
                await _cancel(working, watching, *duties, *endings)
            if not working.cancelled():
                working.result()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await self._connect()
        self._lost.clear()
        try:
            yield connection
        finally:
            with suppress(Exception):
                await connection.close(timeout=5)

    async def _watch(self, connection: asyncpg.Connection) -> None:
        # Polled: asyncpg calls no termination listener when the end of a session
        # reaches it between two messages, and PgQueuer notices only after its running jobs.
        while not connection.is_closed():
            await self._clock.sleep(self._options.poll.total_seconds())
        self._lost.set()

    async def _work(self, manager: QueueManager) -> None:
        self.health.ready = True
        _log.info("queue.listening", concurrency=self._options.concurrency)
        await manager.run(
            dequeue_timeout=self._options.poll,
            batch_size=max(1, self._options.concurrency // 2),
            max_concurrent_tasks=max(2, self._options.concurrency),  # PgQueuer wants twice the batch
            heartbeat_timeout=self._options.heartbeat,
            shutdown_on_listener_failure=True,
        )

    async def _drain(self, manager: QueueManager, working: asyncio.Task[None]) -> None:
        manager.shutdown.set()
        await asyncio.wait({working}, timeout=self._options.drain.total_seconds())
        if not working.done():
            # The runs stay open in their rows; the next sweep, ours or another worker's, asks for them.
            _log.warning("queue.jobs_cancelled", after_seconds=self._options.drain.total_seconds())

    async def _perform_regularly(self, duty: Duty) -> None:
        while True:
            try:
                found = await duty.perform()
            except StoreUnavailable as error:
                _log.warning("duty.postponed", duty=duty.name, reason=error.reason)
            except Exception:  # noqa: BLE001 - the next time may succeed, and jobs must go on meanwhile
                _log.exception("duty.failed", duty=duty.name)
            else:
                if found:
                    _log.info("duty.performed", duty=duty.name, found=found)
            await self._clock.sleep(duty.every.total_seconds())

    async def _pause(self, seconds: float) -> None:
        waiting = asyncio.create_task(self._clock.sleep(seconds))
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await _cancel(waiting, stopping)


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
