"""How a run leaves its worker: finished, handed on, deferred, parked or failed.

Each is one transaction, which writes nothing when somebody else owns the run by now. A run that is finished or handed
on then raises RunTakenOver; for one that is parked or failed there is nothing more to tell.
"""

from contextlib import suppress
from datetime import datetime, timedelta

import structlog

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
"""A CRM that asks for no pause at all, again and again, would otherwise be asked without one."""


class RunLifecycle:
    def __init__(self, uow: UnitOfWork, request_sync: RequestSync, policy: SyncPolicy, clock: Clock) -> None:
        self._uow = uow
        self._request_sync = request_sync
        self._policy = policy
        self._clock = clock

    async def finish(self, run: SyncRun) -> None:
        """Decide every link, note how fresh the data is, and start what was asked for meanwhile."""
        async with self._uow(run.user_id) as tx:
            connection = await tx.connections.lock(run.provider)
            current = await lock_if_owner(tx, run)
            await tx.companies.lock()
            now = self._clock.now()
            relinked = await tx.links.relink(now)
            await self._mark_complete(tx, current)
            finished = current.finish(now)
            await tx.runs.save(finished)
            if finished.status is not RunStatus.FAILED:
                await tx.runs.forget_seen(run.id)
            if connection is not None and connection.is_active:
                await self._request_following(tx, connection, finished)
        log.info("sync.finished", status=finished.status, relinked=relinked)

    async def _mark_complete(self, tx: Transaction, run: SyncRun) -> None:
        if run.mode is SyncMode.REFETCH or run.started_at is None:
            return
        for step in run.steps:
            if step.status is StepStatus.COMPLETED:
                freshness = step.freshness(run.started_at, self._policy.settle_delay)
                await tx.connections.mark_complete(run.connection_id, step.object_type, freshness)

    async def _request_following(self, tx: Transaction, connection: CrmConnection, ended: SyncRun) -> None:
        """Start what was asked for while the run was under way: exactly one run for any number of requests.

        Whoever connects again while it fails, perhaps because the CRM had moved, waits for no schedule. Hints that
        wait are then left to one, or a CRM that is down would be asked without a pause.
        """
        if await self._request_asked(tx, connection) or ended.status is RunStatus.FAILED:
            return
        if await tx.pending_refetches.has_waiting(connection.id):
            await self._request_sync(tx, connection, SyncMode.REFETCH)

    async def _request_asked(self, tx: Transaction, connection: CrmConnection) -> bool:
        asked = await tx.connections.take_request(connection.id)
        if asked is not None:
            await self._request_sync(tx, connection, asked)
        return asked is not None

    async def yield_worker(self, run: SyncRun) -> None:
        """Leave the rest to whichever worker comes next, but let another run of the CRM account go first."""
        async with self._uow(run.user_id) as tx:
            current = await lock_if_owner(tx, run)
            await tx.runs.save(current.requeue())
            waiting = await tx.runs.find_other_statuses(run.provider, run.account_id, besides=run.id)
            await tx.jobs.enqueue(current, delay=self._policy.account_yield if waiting else None)
        log.info("sync.handed_on", yielded=bool(waiting))

    async def park(self, run: SyncRun, error: RateLimited) -> None:
        reason = f"{error.provider.label}: {error.why}; the sync goes on by itself ({error.policy})"
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
        """Have the connection say that it needs a new grant, and the run wait for it.

        Whoever renews tokens says so by itself; here it is fresh ones that are refused. `connected_at` is that of the
        connection whose tokens they were: a user who has connected again since is waited for no more.
        """
        with suppress(RunTakenOver):
            async with self._uow(run.user_id) as tx:
                connection = await tx.connections.lock(run.provider)
                current = await lock_if_owner(tx, run)
                if connection is not None and connection.is_active:
                    if connection.connected_at != connected_at:
                        await tx.runs.save(current.requeue())
                        await tx.jobs.enqueue(current)
                        return
                    await tx.connections.save(connection.mark_needs_reauthorization(error.reason))
                await tx.runs.save(current.park(str(error), until=None))
            log.warning("sync.waits_for_a_person", reason=error.reason)

    async def fail(self, run: SyncRun, reason: str) -> None:
        with suppress(RunTakenOver):
            async with self._uow(run.user_id) as tx:
                connection = await tx.connections.lock(run.provider)
                current = await lock_if_owner(tx, run)
                failed = current.fail(reason, self._clock.now())
                await tx.runs.save(failed)
                if connection is not None and connection.is_active:
                    await self._request_following(tx, connection, failed)

    async def postpone(self, user_id: UserId, run_id: SyncRunId) -> None:
        """Come back when the other run of the CRM account may have ended or handed on."""
        async with self._uow(user_id) as tx:
            run = await tx.runs.lock(run_id)
            if run.status.is_open:
                postponed = run.postpone()
                await tx.runs.save(postponed)
                await tx.jobs.enqueue(postponed, delay=self._policy.account_retry)
        log.info("sync.deferred")


async def lock_if_owner(tx: Transaction, run: SyncRun) -> SyncRun:
    """Lock the run and return it as it is now. Raises RunTakenOver when its epoch has moved or it was purged."""
    try:
        current = await tx.runs.lock(run.id)
    except NotFound as error:
        raise RunTakenOver(run.id) from error
    if current.epoch != run.epoch:
        raise RunTakenOver(run.id)
    return current
