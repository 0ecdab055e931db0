"""Requesting syncs, by users and by schedule, and cancelling them."""

import structlog

from astrelo.application.messages import CANCELLED
from astrelo.application.sync.run_lifecycle import RunLifecycle
from astrelo.domain.connection import ConnectionStatus
from astrelo.domain.errors import AstreloError, NotConnected
from astrelo.domain.identifiers import Provider, SyncRunId, UserId
from astrelo.domain.ports.cross_tenant import SyncCandidate, SyncSchedule
from astrelo.domain.ports.state import UnitOfWork
from astrelo.domain.ports.system import Clock
from astrelo.domain.schedule import SyncPolicy, due_mode
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


class ScheduleDueSyncs:
    """Request the runs that are due. To be called often, by any number of workers."""

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
        for candidate in await self._schedule.list_candidates():
            try:
                requested += await self._request_if_due(candidate)
            except AstreloError as error:
                log.warning("schedule.skipped", connection_id=str(candidate.connection_id), reason=str(error))
        return requested

    async def _request_if_due(self, candidate: SyncCandidate) -> bool:
        mode = due_mode(
            candidate.connection_id,
            candidate.last_requested_at,
            candidate.last_full_requested_at,
            self._policy,
            self._clock.now(),
        )
        if mode is None:
            return False
        async with self._uow(candidate.user_id) as tx:
            connection = await tx.connections.lock(candidate.provider)
            if connection is None or not connection.is_active:
                return False
            latest = await tx.runs.get_latest(connection.id)
            known = candidate.last_requested_at
            if latest is not None and (
                latest.status.is_open
                or (latest.mode is not SyncMode.REFETCH and (known is None or latest.requested_at > known))
            ):
                return False  # requested by another worker after the candidates were read
            await self._lifecycle.request(tx, connection, mode)
        return True


class CancelRun:
    """Cancel a run for good. Work in progress is fenced off: it commits nothing more."""

    def __init__(self, uow: UnitOfWork, lifecycle: RunLifecycle) -> None:
        self._uow = uow
        self._lifecycle = lifecycle

    async def __call__(self, user_id: UserId, run_id: SyncRunId) -> SyncRun:
        """Raise NotFound, or InvalidTransition when the run has ended."""
        async with self._uow(user_id) as tx:
            return await self._lifecycle.cancel(tx, run_id, CANCELLED.reason)
