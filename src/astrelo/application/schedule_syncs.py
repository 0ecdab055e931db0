"""Asking for syncs, and calling them off."""

from astrelo.domain.connection import CrmConnection
from astrelo.domain.errors import InvalidTransition, NotFound
from astrelo.domain.identifiers import Provider, SyncRunId, UserId
from astrelo.domain.ports import Clock, Randomness, Transaction, UnitOfWork
from astrelo.domain.sync import SyncRun


class RequestSync:
    """Make sure that a run of the connection is on its way: one at a time.

    An open run is returned as it is; a parked one is woken, and one that failed recently goes on
    from its cursors. Joins the caller's transaction, which must hold the connection's lock.
    """

    def __init__(self, clock: Clock, randomness: Randomness) -> None:
        self._clock = clock
        self._randomness = randomness

    async def __call__(self, tx: Transaction, connection: CrmConnection) -> SyncRun:
        """Raise InvalidTransition unless the connection is active."""
        if not connection.is_active:
            raise InvalidTransition("connection", connection.status, "synced")
        now = self._clock.now()
        latest = await tx.runs.latest(connection.id)
        if latest is not None and latest.is_resumable(now):
            run = latest.requeued()
            await tx.runs.save(run)
        elif latest is not None and latest.status.is_open:
            return latest
        else:
            run_id = SyncRunId(self._randomness.uuid())
            run = SyncRun.request(run_id, connection.user_id, connection.id, connection.provider, now)
            await tx.runs.add(run)
        await tx.jobs.enqueue(run)
        return run


class SyncNow:
    """Sync a user's CRM because the user asked."""

    def __init__(self, uow: UnitOfWork, request_sync: RequestSync) -> None:
        self._uow = uow
        self._request_sync = request_sync

    async def __call__(self, user_id: UserId, provider: Provider) -> SyncRun:
        """Raise NotFound without a connection, InvalidTransition when it is not active."""
        async with self._uow(user_id) as tx:
            connection = await tx.connections.lock(provider)
            if connection is None:
                raise NotFound("connection", provider)
            return await self._request_sync(tx, connection)


class CancelRun:
    """Stop a run for good. Work in progress is fenced off: it commits nothing more."""

    def __init__(self, uow: UnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def __call__(self, user_id: UserId, run_id: SyncRunId) -> SyncRun:
        """Raise NotFound, or InvalidTransition when the run has ended."""
        async with self._uow(user_id) as tx:
            run = await tx.runs.lock(run_id)
            if not run.status.is_open:
                raise InvalidTransition("sync run", run.status, "cancelled")
            cancelled = run.cancelled("cancelled by the user", self._clock.now())
            await tx.runs.save(cancelled)
            await tx.runs.forget_seen(run_id)
            return cancelled
