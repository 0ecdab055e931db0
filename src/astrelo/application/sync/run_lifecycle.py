"""Every change of a run's state: requested, claimed, postponed, yielded, parked, finished, failed or cancelled.

This is the only module that writes it, and the one that publishes RunEnded, in the transaction that ends the run.
"""

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from astrelo.application import messages
from astrelo.application.connection_lifecycle import ConnectionLifecycle
from astrelo.domain import errors
from astrelo.domain.connection import CrmConnection
from astrelo.domain.identifiers import ObjectType, Provider, SyncRunId, UserId
from astrelo.domain.ports.state import Transaction, UnitOfWork
from astrelo.domain.ports.system import Clock, Randomness
from astrelo.domain.reading_version import ReadingVersions
from astrelo.domain.schedule import SyncPolicy
from astrelo.domain.sync import (
    MAX_ATTEMPTS,
    OwnersStep,
    RunStatus,
    StepStatus,
    SyncMode,
    SyncRun,
    Window,
    incremental_windows,
    was_read_by_other_rules,
)

log = structlog.get_logger()

MIN_PAUSE = timedelta(seconds=5)
"""Used when a CRM states a shorter pause or none, so that it is not called again at once."""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run is completed, partial, failed or cancelled. A failed run may be resumed, and then ends again."""

    run: SyncRun


@dataclass(frozen=True, slots=True)
class RunEndedSubscribers:
    """Called with each RunEnded, in the transaction that ends the run: an error of theirs keeps the run open."""

    subscribers: tuple[Callable[[Transaction, RunEnded], Awaitable[None]], ...] = ()

    async def publish(self, tx: Transaction, event: RunEnded) -> None:
        for subscriber in self.subscribers:
            await subscriber(tx, event)


class CountRecords:
    """A subscriber of RunEnded: counts the run's CRM anew, unless a run of part of the records has changed nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, tx: Transaction, event: RunEnded) -> None:
        has_changes = any(step.counts.changes for step in event.run.steps)
        if event.run.mode is not SyncMode.FULL and not has_changes:
            return
        # The other CRM's contacts may have been linked to companies of this one.
        await tx.connections.count_records(self._clock.now(), list(Provider))


class RunLifecycle:
    """Changes of a run's state.

    `request` and `cancel` join the caller's transaction. Each of the others is one transaction, which writes nothing
    if another worker owns the run by now: `finish` and `yield_worker` then raise RunTakenOver; `park`,
    `park_for_reauthorization` and `fail` ignore it.
    """

    def __init__(
        self,
        uow: UnitOfWork,
        policy: SyncPolicy,
        clock: Clock,
        randomness: Randomness,
        versions: ReadingVersions,
        run_ended: RunEndedSubscribers,
        connections: ConnectionLifecycle,
    ) -> None:
        self._uow = uow
        self._policy = policy
        self._clock = clock
        self._randomness = randomness
        self._versions = versions
        self._run_ended = run_ended
        self._connections = connections

    async def request(
        self, tx: Transaction, connection: CrmConnection, mode: SyncMode = SyncMode.FULL
    ) -> SyncRun:
        """Return the open run, one at a time, that does what the mode says. The connection must be locked.

        An open run whose mode does not cover the requested one is cancelled: the new one reads everything that it
        would have read. A queued run is returned as it is. A running one may have passed records that the caller
        wants to be read, so the request is remembered, and an incremental run is requested when it ends. A parked
        run is resumed, and one that failed recently too, from its cursors; owners and object types that were refused
        or failed are retried. Raises InvalidTransition unless the connection is active.
        """
        if not connection.is_active:
            raise errors.InvalidTransition("connection", connection.status, "synced")
        now = self._clock.now()
        latest = await tx.runs.get_latest(connection.id)
        is_superseded = latest is not None and latest.status.is_open and not latest.mode.covers(mode)
        if latest is not None and (is_superseded or latest.is_resumable(now, mode)):
            latest = await tx.runs.lock(latest.id)  # a worker may be claiming it now
        if latest is not None and is_superseded and latest.status.is_open:
            latest = await self.cancel(tx, latest.id, messages.SUPERSEDED.reason)
            await tx.connections.take_request(connection.id)
        if latest is not None and latest.is_resumable(now, mode):
            run = await self._resume(tx, latest)
        elif latest is not None and latest.status.is_open:
            if latest.status is RunStatus.RUNNING:
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

    async def claim(self, user_id: UserId, run_id: SyncRunId) -> tuple[SyncRun, CrmConnection] | None:
        """Start or take over the run for this worker; return it with its connection.

        Returns None for a run that has ended or waits for a reauthorization, and for one that crashed too many
        workers, which fails. Raises NotFound for a purged run, AccountBusy while the CRM account has another one.
        """
        async with self._uow(user_id) as tx:
            run = await tx.runs.lock(run_id)
            needs_reauthorization = run.status is RunStatus.PARKED and run.parked_until is None
            if not run.status.is_open or needs_reauthorization:
                log.info("sync.nothing_to_do", status=run.status)
                return None
            if run.attempts < MAX_ATTEMPTS:
                run = run.claim(self._clock.now())
                await tx.runs.save(run)
                log.info("sync.claimed", attempt=run.attempts)
                return run, await tx.connections.get_by_id(run.connection_id)
        log.error("sync.given_up", attempts=run.attempts)
        await self.fail(run, messages.WORKER_LOST.format(attempts=MAX_ATTEMPTS).reason)
        return None

    async def give_back_attempt(self, run: SyncRun) -> None:
        """Not count the claim: attempts are for workers that vanish, and this one is there."""
        with suppress(errors.RunTakenOver):
            async with self._uow(run.user_id) as tx:
                current = await lock_if_owner(tx, run)
                await tx.runs.save(current.give_back_attempt())

    async def record_owners(self, tx: Transaction, run: SyncRun, owners: OwnersStep) -> None:
        """Store how the owners' part of the run ended. Raises RunTakenOver."""
        current = await lock_if_owner(tx, run)
        await tx.runs.save(replace(current, owners=owners))

    async def postpone(self, user_id: UserId, run_id: SyncRunId) -> None:
        """Retry when the other run of the CRM account may have ended or yielded its worker. Raises NotFound."""
        async with self._uow(user_id) as tx:
            run = await tx.runs.lock(run_id)
            if run.status.is_open:
                postponed = run.postpone()
                await tx.runs.save(postponed)
                await tx.jobs.enqueue(postponed, delay=self._policy.account_retry)
        log.info("sync.postponed")

    async def is_owner(self, run: SyncRun) -> bool:
        """Return whether the run is still this worker's: not cancelled, purged, or taken over. Takes no lock."""
        try:
            async with self._uow(run.user_id) as tx:
                return (await tx.runs.get(run.id)).epoch == run.epoch
        except errors.NotFound:
            return False

    async def yield_worker(self, run: SyncRun) -> None:
        """Queue the rest of the run for any worker, behind a waiting run of the same CRM account."""
        async with self._uow(run.user_id) as tx:
            current = await lock_if_owner(tx, run)
            await tx.runs.save(current.requeue())
            waiting = await tx.runs.find_other_statuses(run.provider, run.account_id, besides=run.id)
            await tx.jobs.enqueue(current, delay=self._policy.account_yield if waiting else None)
        log.info("sync.worker_yielded", behind_other_run=bool(waiting))

    async def park(self, run: SyncRun, error: errors.RateLimited) -> None:
        """Park the run for the pause that the CRM asks for."""
        reason = messages.describe(error).reason
        pause = max(error.retry_after, MIN_PAUSE)
        with suppress(errors.RunTakenOver):
            async with self._uow(run.user_id) as tx:
                current = await lock_if_owner(tx, run)
                await tx.runs.save(current.park(reason, self._clock.now() + pause))
                await tx.jobs.enqueue(current, delay=pause)
            log.info("sync.parked", reason=reason)

    async def park_for_reauthorization(
        self, run: SyncRun, error: errors.ReauthorizationRequired, connected_at: datetime
    ) -> None:
        """Mark the connection as needing reauthorization, and park the run until then.

        A refused refresh marks the connection by itself; here the CRM has refused a fresh token. `connected_at` is
        that of the connection with these tokens: if the user has connected again since, the run is requeued.
        """
        reason = messages.describe(error).reason
        with suppress(errors.RunTakenOver):
            async with self._uow(run.user_id) as tx:
                connection = await tx.connections.lock(run.provider)
                current = await lock_if_owner(tx, run)
                if connection is not None and connection.is_active:
                    if connection.connected_at != connected_at:
                        await tx.runs.save(current.requeue())
                        await tx.jobs.enqueue(current)
                        return
                    ended = connection.mark_needs_reauthorization(reason)
                    await self._connections.save(tx, ended, former=connection)
                await tx.runs.save(current.park(reason, until=None))
            log.warning("sync.parked_for_reauthorization", reason=error.reason)

    async def finish(self, run: SyncRun) -> None:
        """Recompute all links, store the freshness, end the run, and request the run that was requested meanwhile."""
        async with self._uow(run.user_id) as tx:
            connection = await tx.connections.lock(run.provider)
            current = await lock_if_owner(tx, run)
            await tx.companies.lock()
            now = self._clock.now()
            relinked = await tx.links.relink(only_if_changed=current.mode is not SyncMode.FULL)
            for step in current.steps:
                is_streamed = current.mode is not SyncMode.REFETCH and step.status is StepStatus.COMPLETED
                if is_streamed and current.started_at is not None:
                    freshness = step.freshness(current.started_at, self._policy.settle_delay)
                    await tx.connections.mark_complete(current.connection_id, step.object_type, freshness)
            finished = current.finish(now)
            await self._end(tx, finished)
            await self._request_next(tx, connection, finished)
        log_end(finished, relinked=relinked)

    async def fail(self, run: SyncRun, reason: str) -> None:
        """End the run as failed, and request the run that was requested meanwhile."""
        with suppress(errors.RunTakenOver):
            async with self._uow(run.user_id) as tx:
                connection = await tx.connections.lock(run.provider)
                current = await lock_if_owner(tx, run)
                if not current.status.is_open:
                    return  # given up by another worker
                failed = current.fail(reason, self._clock.now())
                await self._end(tx, failed)
                await self._request_next(tx, connection, failed)
            log_end(failed)

    async def cancel(self, tx: Transaction, run_id: SyncRunId, reason: str) -> SyncRun:
        """End the run for good. Work in progress is fenced off: it commits nothing more.

        Raises NotFound, or InvalidTransition when the run has ended.
        """
        run = await tx.runs.lock(run_id)
        cancelled = run.cancel(reason, self._clock.now())
        await self._end(tx, cancelled)
        return cancelled

    async def _end(self, tx: Transaction, run: SyncRun) -> None:
        await tx.runs.save(run)
        if run.status is not RunStatus.FAILED:
            await tx.runs.forget_seen(run.id)  # a failed run may be resumed
        await self._run_ended.publish(tx, RunEnded(run))

    async def _request_next(self, tx: Transaction, connection: CrmConnection | None, ended: SyncRun) -> None:
        """Request the run that was requested during this one: one run for any number of requests.

        Also after a failure: a user who connected again during the run does not wait for the schedule. Pending
        refetches do, after a failure: a CRM that is down would otherwise be called without a pause.
        """
        if connection is None or not connection.is_active:
            return
        requested = await tx.connections.take_request(connection.id)
        if requested is not None:
            await self.request(tx, connection, requested)
        elif ended.status is not RunStatus.FAILED and await tx.pending_refetches.has_waiting(connection.id):
            await self.request(tx, connection, SyncMode.REFETCH)


async def lock_if_owner(tx: Transaction, run: SyncRun) -> SyncRun:
    """Lock the run and return its current state. Raises RunTakenOver when its epoch was raised or it was purged."""
    try:
        current = await tx.runs.lock(run.id)
    except errors.NotFound as error:
        raise errors.RunTakenOver(run.id) from error
    if current.epoch != run.epoch:
        raise errors.RunTakenOver(run.id)
    return current


def log_end(run: SyncRun, **more: object) -> None:
    """Write the one line with which a support case begins; who the user is and which run, the context says."""
    counted = {
        step.object_type.value: {
            name: count for name, count in dataclasses.asdict(step.counts).items() if count
        }
        for step in run.steps
    }
    started = run.started_at or run.requested_at
    log.info(
        "sync.finished",
        provider=run.provider,
        connection_id=str(run.connection_id),
        account_id=run.account_id,
        mode=run.mode,
        status=run.status,
        reason=run.reason,
        attempts=run.attempts,
        seconds=None if run.finished_at is None else round((run.finished_at - started).total_seconds(), 3),
        waited_seconds=round((started - run.requested_at).total_seconds(), 3),
        counts=counted,
        **more,
    )
