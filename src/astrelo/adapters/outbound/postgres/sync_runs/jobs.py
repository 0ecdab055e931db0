"""Asking a worker for work: PgQueuer's queue, in the caller's transaction."""

from datetime import timedelta

import asyncpg
import msgspec

from astrelo.adapters.outbound.postgres.job_queue import enqueue_once, find_without_job
from astrelo.adapters.outbound.postgres.session.errors import translate_outages
from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.adapters.outbound.postgres.sync_runs.repository import PgSyncRuns
from astrelo.domain.identifiers import SyncRunId, UserId
from astrelo.domain.ports.state import JobQueue
from astrelo.domain.sync import SyncRun

SYNC_ENTRYPOINT = "sync"
"""The queue's name for the job that takes up a sync run."""


def sync_payload(run: SyncRun) -> bytes:
    """Return the job's payload: JSON with the strings `user_id` and `run_id`."""
    return msgspec.json.encode({"user_id": str(run.user_id), "run_id": str(run.id)})


class PgJobQueue(JobQueue):
    """One job per run and epoch.

    PgQueuer's key is unique over queued *and* running jobs, so a run that parks itself could not ask
    for its own continuation under a key of the run alone.
    """

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def enqueue(self, run: SyncRun, delay: timedelta | None = None) -> None:
        """Hasten the job that a parked run has left for the end of its pause, if there is one."""
        key = f"{run.id}/{run.epoch}"
        await enqueue_once(self._connection, SYNC_ENTRYPOINT, sync_payload(run), key, delay)


class LostRuns:
    """Runs whose job got lost: a queue that was emptied, a job that failed unexpectedly.

    `sync_runs` is the truth and the queue only a reminder: this renews reminders that are gone.

    Looks across users, as the queue itself does; what it reads are ids alone.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def requeue(self) -> int:
        """Enqueue each of them again and return how many there were. Harmless from several workers at once."""
        with translate_outages():
            return await self._requeue()

    async def _requeue(self) -> int:
        async with self._pool.acquire() as connection, connection.transaction():
            users = {run_id: user for user, run_id in await Queries(connection).rows("list_open_runs")}
            lost = await find_without_job(connection, SYNC_ENTRYPOINT, users)
            for run_id in lost:
                run = await PgSyncRuns(connection, UserId(users[run_id])).get(SyncRunId(run_id))
                await PgJobQueue(connection).enqueue(run)
            return len(lost)
