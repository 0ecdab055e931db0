"""Asking for syncs, by hand and by the clock, and calling them off."""

from collections.abc import Mapping

import structlog

from astrelo.domain.connection import CrmConnection
from astrelo.domain.errors import AstreloError, InvalidTransition, NotFound
from astrelo.domain.identifiers import ObjectType, Provider, SyncRunId, UserId
from astrelo.domain.ports.cross_tenant import SyncCandidate, SyncSchedule
from astrelo.domain.ports.state import Transaction, UnitOfWork
from astrelo.domain.ports.system import Clock, Randomness
from astrelo.domain.reading_version import ReadingVersions
from astrelo.domain.schedule import SyncPolicy, due_mode
from astrelo.domain.sync import (
    RunStatus,
    SyncMode,
    SyncRun,
    Window,
    incremental_windows,
    was_read_by_other_rules,
)

log = structlog.get_logger()


class RequestSync:
    """Make sure that a run of the connection is on its way: one at a time.

    A run that has not begun is returned as it is. One that is running may be past what the caller wants
    seen, so the request is remembered, and the run starts another when it ends: an incremental one, unless
    more was asked for than the run does itself. A parked run is woken, and one that failed recently goes on
    from its cursors if it does all that is asked; what was refused or failed in it is tried again. Joins the
    caller's transaction, which must hold the connection's lock.
    """

    def __init__(
        self, clock: Clock, randomness: Randomness, policy: SyncPolicy, versions: ReadingVersions
    ) -> None:
        self._clock = clock
        self._randomness = randomness
        self._policy = policy
        self._versions = versions

    async def __call__(
        self, tx: Transaction, connection: CrmConnection, mode: SyncMode = SyncMode.FULL
    ) -> SyncRun:
        """Return the run. Raise InvalidTransition unless the connection is active."""
        if not connection.is_active:
            raise InvalidTransition("connection", connection.status, "synced")
        now = self._clock.now()
        latest = await tx.runs.get_latest(connection.id)
        if latest is not None and latest.is_resumable(now, mode):
            latest = await tx.runs.lock(latest.id)  # a worker may be taking it up just now
        if latest is not None and latest.is_resumable(now, mode):
            run = await self._resume(tx, latest)
            if not run.mode.covers(mode):
                await tx.connections.remember_request(connection.id, now, mode)
        elif latest is not None and latest.status.is_open:
            if not latest.mode.covers(mode):
                await tx.connections.remember_request(connection.id, now, mode)
            elif latest.status is RunStatus.RUNNING:
                await tx.connections.remember_request(connection.id, now, SyncMode.INCREMENTAL)
            return latest
        else:
            if latest is not None:
                await tx.runs.forget_seen(latest.id)  # of one that failed and was never gone on with
            run = await self._new(tx, connection, mode)
        await tx.jobs.enqueue(run)
        return run

    async def _resume(self, tx: Transaction, run: SyncRun) -> SyncRun:
        resumed = run.resume()
        await tx.runs.save(resumed)
        for step in resumed.steps:
            if step not in run.steps:
                await tx.runs.advance(run.id, step)
        return resumed

    async def _new(self, tx: Transaction, connection: CrmConnection, mode: SyncMode) -> SyncRun:
        run_id, now = SyncRunId(self._randomness.uuid()), self._clock.now()
        windows: Mapping[ObjectType, Window] = {}
        if mode is SyncMode.INCREMENTAL:
            freshness = await tx.connections.freshness(connection.id)
            if was_read_by_other_rules(freshness, self._versions):
                mode = SyncMode.FULL
            else:
                windows = incremental_windows(freshness, now, self._policy.settle_delay)
        run = SyncRun.request(run_id, connection, now, self._versions, mode, windows)
        await tx.runs.add(run)
        return run


class SyncNow:
    """Sync a user's CRM because the user asked."""

    def __init__(self, uow: UnitOfWork, request_sync: RequestSync) -> None:
        self._uow = uow
        self._request_sync = request_sync

    async def __call__(self, user_id: UserId, provider: Provider, mode: SyncMode = SyncMode.FULL) -> SyncRun:
        """Raise NotFound without a connection, InvalidTransition when it is not active."""
        async with self._uow(user_id) as tx:
            connection = await tx.connections.lock(provider)
            if connection is None:
                raise NotFound("connection", provider)
            return await self._request_sync(tx, connection, mode)


class ScheduleDueSyncs:
    """Ask for the runs whose time has come. Meant to be called often, from any number of workers."""

    def __init__(
        self,
        schedule: SyncSchedule,
        uow: UnitOfWork,
        request_sync: RequestSync,
        policy: SyncPolicy,
        clock: Clock,
    ) -> None:
        self._schedule = schedule
        self._uow = uow
        self._request_sync = request_sync
        self._policy = policy
        self._clock = clock

    async def __call__(self) -> int:
        """Return how many runs were asked for. One connection's trouble does not stop the others."""
        requested = 0
        for candidate in await self._schedule.list_candidates():
            try:
                requested += await self._request_if_due(candidate)
            except AstreloError as error:
                log.warning("schedule.skipped", connection_id=str(candidate.connection_id), reason=str(error))
        return requested

    async def _request_if_due(self, candidate: SyncCandidate) -> bool:
        mode = self._due(candidate)
        if mode is None:
            return False
        async with self._uow(candidate.user_id) as tx:
            connection = await tx.connections.lock(candidate.provider)
            if connection is None or not connection.is_active:
                return False
            latest = await tx.runs.get_latest(connection.id)
            if latest is not None and (latest.status.is_open or _is_news(latest, candidate)):
                return False  # another worker was faster
            await self._request_sync(tx, connection, mode)
        return True

    def _due(self, candidate: SyncCandidate) -> SyncMode | None:
        return due_mode(
            candidate.connection_id,
            candidate.last_requested_at,
            candidate.last_full_requested_at,
            self._policy,
            self._clock.now(),
        )


def _is_news(latest: SyncRun, candidate: SyncCandidate) -> bool:
    """Tell whether the run was asked for since the candidates were read."""
    known = candidate.last_requested_at
    return latest.mode is not SyncMode.REFETCH and (known is None or latest.requested_at > known)


class CancelRun:
    """Stop a run for good. Work in progress is fenced off: it commits nothing more."""

    def __init__(self, uow: UnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def __call__(self, user_id: UserId, run_id: SyncRunId) -> SyncRun:
        """Raise NotFound, or InvalidTransition when the run has ended."""
        async with self._uow(user_id) as tx:
            run = await tx.runs.lock(run_id)
            cancelled = run.cancel("cancelled by the user", self._clock.now())
            await tx.runs.save(cancelled)
            await tx.runs.forget_seen(run_id)
            return cancelled
