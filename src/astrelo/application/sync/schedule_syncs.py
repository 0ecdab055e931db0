"""Requesting syncs, by users and by schedule, and cancelling them."""

from datetime import datetime, timedelta

import structlog

from astrelo.application.messages import CANCELLED
from astrelo.application.sync.run_lifecycle import RunLifecycle
from astrelo.domain.connection import ConnectionStatus
from astrelo.domain.errors import AstreloError, NotConnected
from astrelo.domain.identifiers import Provider, SyncRunId, UserId
from astrelo.domain.ports.cross_tenant import ScheduledConnection, SyncSchedule
from astrelo.domain.ports.state import UnitOfWork
from astrelo.domain.ports.system import Clock
from astrelo.domain.schedule import MAX_CHECK_INTERVAL, SyncPolicy, due_mode, next_check
from astrelo.domain.sync import SyncMode, SyncRun

log = structlog.get_logger()


class SyncNow:
    """Sync a user's CRM at the user's request."""

    def __init__(self, uow: UnitOfWork, lifecycle: RunLifecycle) -> None:
        self._uow = uow
        self._lifecycle = lifecycle

    async def __call__(self, user_id: UserId, provider: Provider, mode: SyncMode = SyncMode.FULL) -> SyncRun:
        """Raise NotConnected without a connection, InvalidTransition when it needs a reauthorization."""
        async with self._uow(user_id) as tx:
            connection = await tx.connections.lock(provider)
            if connection is None or connection.status is ConnectionStatus.DISCONNECTED:
                raise NotConnected(provider)
            return await self._lifecycle.request(tx, connection, mode)


PAGE_SIZE = 100
"""Connections that one worker looks at before it asks for more."""

CLAIM_DURATION = timedelta(minutes=2)
"""How long a worker may take for a page; after that others look at what is left of it."""


class ScheduleDueSyncs:
    """Request the runs that are due. To be called often, by any number of workers: each takes other connections."""

    def __init__(
        self,
        schedule: SyncSchedule,
        uow: UnitOfWork,
        lifecycle: RunLifecycle,
        policy: SyncPolicy,
        clock: Clock,
    ) -> None:
        self._schedule = schedule
        self._uow = uow
        self._lifecycle = lifecycle
        self._policy = policy
        self._clock = clock

    async def __call__(self) -> int:
        """Request due runs and return their number. An error of one connection does not stop the others."""
        requested = 0
        while True:
            now = self._clock.now()
            until = now + CLAIM_DURATION
            page = await self._schedule.claim(now, until, PAGE_SIZE)
            looks = {}
            for scheduled in page:
                try:
                    is_requested, looks[scheduled.connection_id] = await self._check(scheduled)
                    requested += is_requested
                except AstreloError as error:
                    log.warning(
                        "schedule.skipped", connection_id=str(scheduled.connection_id), reason=str(error)
                    )
            await self._schedule.reschedule(looks, until)
            if len(page) < PAGE_SIZE:
                return requested

    async def add_missing(self) -> int:
        """Schedule active connections that are not, and return how many there were. Harmless from several at once."""
        return await self._schedule.add_missing(self._clock.now())

    async def _check(self, scheduled: ScheduledConnection) -> tuple[bool, datetime]:
        """Request the run that is due, if one is; return whether, and when to look again."""
        async with self._uow(scheduled.user_id) as tx:
            connection = await tx.connections.lock(scheduled.provider)
            now = self._clock.now()
            if connection is None or connection.id != scheduled.connection_id or not connection.is_active:
                return False, now + MAX_CHECK_INTERVAL
            requests = await tx.runs.get_last_requests(connection.id)
            mode = due_mode(connection.id, requests, self._policy, now)
            if mode is not None:
                await self._lifecycle.request(tx, connection, mode)
            return mode is not None, next_check(connection.id, requests, self._policy, now)


class CancelRun:
    """Cancel a run for good. Work in progress is fenced off: it commits nothing more."""

    def __init__(self, uow: UnitOfWork, lifecycle: RunLifecycle) -> None:
        self._uow = uow
        self._lifecycle = lifecycle

    async def __call__(self, user_id: UserId, run_id: SyncRunId) -> SyncRun:
        """Raise NotFound, or InvalidTransition when the run has ended."""
        async with self._uow(user_id) as tx:
            return await self._lifecycle.cancel(tx, run_id, CANCELLED.reason)
