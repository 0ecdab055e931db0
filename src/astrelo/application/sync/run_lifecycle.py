"""How a run leaves its worker: finished, yielded, postponed, parked or failed.

Each is one transaction, which writes nothing if another worker owns the run by now. `finish` and `yield_worker` then
raise RunTakenOver; `park`, `park_for_reauthorization` and `fail` ignore it.
"""

from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from astrelo.application.messages import describe
from astrelo.application.sync.schedule_syncs import RequestSync
from astrelo.domain.connection import CrmConnection
from astrelo.domain.errors import NotFound, RateLimited, ReauthorizationRequired, RunTakenOver
from astrelo.domain.identifiers import SyncRunId, UserId
from astrelo.domain.ports.state import Transaction, UnitOfWork
from astrelo.domain.ports.system import Clock
from astrelo.domain.schedule import SyncPolicy
from astrelo.domain.sync import RunStatus, StepStatus, SyncMode, SyncRun

log = structlog.get_logger()

MIN_PAUSE = timedelta(seconds=5)
"""Used when a CRM states a shorter pause or none, so that it is not called again at once."""


class RunLifecycle:
    def __init__(self, uow: UnitOfWork, request_sync: RequestSync, policy: SyncPolicy, clock: Clock) -> None:
        self._uow = uow
        self._request_sync = request_sync
        self._policy = policy
        self._clock = clock

    async def finish(self, run: SyncRun) -> None:
        """Recompute all links, store the freshness, end the run, and request the run that was requested meanwhile."""
        async with self._uow(run.user_id) as tx:
            connection = await tx.connections.lock(run.provider)
            current = await lock_if_owner(tx, run)
            await tx.companies.lock()
            now = self._clock.now()
            relinked = await tx.links.relink(now)
            for step in current.steps:
                is_streamed = current.mode is not SyncMode.REFETCH and step.status is StepStatus.COMPLETED
                if is_streamed and current.started_at is not None:
                    freshness = step.freshness(current.started_at, self._policy.settle_delay)
                    await tx.connections.mark_complete(current.connection_id, step.object_type, freshness)
            finished = current.finish(now)
            await tx.runs.save(finished)
            if finished.status is not RunStatus.FAILED:
                await tx.runs.forget_seen(run.id)
            if connection is not None and connection.is_active:
                await self._request_next(tx, connection, finished)
        log.info("sync.finished", status=finished.status, relinked=relinked)

    async def _request_next(self, tx: Transaction, connection: CrmConnection, ended: SyncRun) -> None:
        """Request the run that was requested during this one: one run for any number of requests.

        Also after a failure: a user who connected again during the run does not wait for the schedule. Pending
        refetches do, after a failure: a CRM that is down would otherwise be called without a pause.
        """
        requested = await tx.connections.take_request(connection.id)
        if requested is not None:
            await self._request_sync(tx, connection, requested)
        elif ended.status is not RunStatus.FAILED and await tx.pending_refetches.has_waiting(connection.id):
            await self._request_sync(tx, connection, SyncMode.REFETCH)

    async def yield_worker(self, run: SyncRun) -> None:
        """Queue the rest of the run for any worker, behind a waiting run of the same CRM account."""
        async with self._uow(run.user_id) as tx:
            current = await lock_if_owner(tx, run)
            await tx.runs.save(current.requeue())
            waiting = await tx.runs.find_other_statuses(run.provider, run.account_id, besides=run.id)
            await tx.jobs.enqueue(current, delay=self._policy.account_yield if waiting else None)
        log.info("sync.worker_yielded", behind_other_run=bool(waiting))

    async def park(self, run: SyncRun, error: RateLimited) -> None:
        """Park the run for the pause that the CRM asks for."""
        reason = describe(error).reason
        pause = max(error.retry_after, MIN_PAUSE)
        with suppress(RunTakenOver):
            async with self._uow(run.user_id) as tx:
                current = await lock_if_owner(tx, run)
                await tx.runs.save(current.park(reason, self._clock.now() + pause))
                await tx.jobs.enqueue(current, delay=pause)
            log.info("sync.parked", reason=reason)

    async def park_for_reauthorization(
        self, run: SyncRun, error: ReauthorizationRequired, connected_at: datetime
    ) -> None:
        """Mark the connection as needing reauthorization, and park the run until then.

        A refused refresh marks the connection by itself; here the CRM has refused a fresh token. `connected_at` is
        that of the connection with these tokens: if the user has connected again since, the run is requeued.
        """
        reason = describe(error).reason
        with suppress(RunTakenOver):
            async with self._uow(run.user_id) as tx:
                connection = await tx.connections.lock(run.provider)
                current = await lock_if_owner(tx, run)
                if connection is not None and connection.is_active:
                    if connection.connected_at != connected_at:
                        await tx.runs.save(current.requeue())
                        await tx.jobs.enqueue(current)
                        return
                    await tx.connections.save(connection.mark_needs_reauthorization(reason))
                await tx.runs.save(current.park(reason, until=None))
            log.warning("sync.parked_for_reauthorization", reason=error.reason)

    async def fail(self, run: SyncRun, reason: str) -> None:
        """End the run as failed, and request the run that was requested meanwhile."""
        with suppress(RunTakenOver):
            async with self._uow(run.user_id) as tx:
                connection = await tx.connections.lock(run.provider)
                current = await lock_if_owner(tx, run)
                failed = current.fail(reason, self._clock.now())
                await tx.runs.save(failed)
                if connection is not None and connection.is_active:
                    await self._request_next(tx, connection, failed)

    async def postpone(self, user_id: UserId, run_id: SyncRunId) -> None:
        """Retry when the other run of the CRM account may have ended or yielded its worker."""
        async with self._uow(user_id) as tx:
            run = await tx.runs.lock(run_id)
            if run.status.is_open:
                postponed = run.postpone()
                await tx.runs.save(postponed)
                await tx.jobs.enqueue(postponed, delay=self._policy.account_retry)
        log.info("sync.postponed")


async def lock_if_owner(tx: Transaction, run: SyncRun) -> SyncRun:
    """Lock the run and return its current state. Raises RunTakenOver when its epoch was raised or it was purged."""
    try:
        current = await tx.runs.lock(run.id)
    except NotFound as error:
        raise RunTakenOver(run.id) from error
    if current.epoch != run.epoch:
        raise RunTakenOver(run.id)
    return current
