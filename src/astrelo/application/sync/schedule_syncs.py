"""Requesting syncs, by users and by schedule, and cancelling them."""

from collections.abc import Mapping

import structlog

from astrelo.application.messages import CANCELLED
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
    """Ensure that the connection has an open run: one at a time.

    A queued run is returned as it is. A running one may have passed records that the caller wants to be read,
    so the request is remembered, and another run is requested when it ends: an incremental one, or of the
    requested mode if the running one does not cover it. A parked run is resumed, and one that failed recently
    too, from its cursors, if its mode covers the requested one; owners and object types that were refused or
    failed are retried. Joins the caller's transaction, which must hold the connection's lock.
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
            latest = await tx.runs.lock(latest.id)  # a worker may be claiming it now
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
                await tx.runs.forget_seen(latest.id)  # of a failed run that was never resumed
            run = await self._add_run(tx, connection, mode)
        await tx.jobs.enqueue(run)
        return run

    async def _resume(self, tx: Transaction, run: SyncRun) -> SyncRun:
        resumed = run.resume()
        await tx.runs.save(resumed)
        for step in resumed.steps:
            if step not in run.steps:
                await tx.runs.advance(run.id, step)
        return resumed

    async def _add_run(self, tx: Transaction, connection: CrmConnection, mode: SyncMode) -> SyncRun:
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
    """Sync a user's CRM at the user's request."""

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
    """Request the runs that are due. To be called often, by any number of workers."""

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
            await self._request_sync(tx, connection, mode)
        return True


class CancelRun:
    """Cancel a run for good. Work in progress is fenced off: it commits nothing more."""

    def __init__(self, uow: UnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def __call__(self, user_id: UserId, run_id: SyncRunId) -> SyncRun:
        """Raise NotFound, or InvalidTransition when the run has ended."""
        async with self._uow(user_id) as tx:
            run = await tx.runs.lock(run_id)
            cancelled = run.cancel(CANCELLED.reason, self._clock.now())
            await tx.runs.save(cancelled)
            await tx.runs.forget_seen(run_id)
            return cancelled
