"""Runs whose job got lost: a queue that was emptied, a job that failed unexpectedly."""

import asyncpg

from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.adapters.outbound.postgres.sync_runs.jobs import PgJobQueue
from astrelo.adapters.outbound.postgres.sync_runs.repository import PgSyncRuns
from astrelo.domain.identifiers import SyncRunId, UserId


class LostRuns:
    """`sync_runs` is the truth and the queue only a reminder: this renews reminders that are gone.

    Looks across users, as the queue itself does; what it reads are ids alone.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def requeue(self) -> int:
        """Enqueue each of them again and return how many there were. Harmless from several workers at once."""
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await Queries(connection).rows("list_runs_without_job")
            for row in rows:
                run = await PgSyncRuns(connection, UserId(row["user_id"])).get(SyncRunId(row["id"]))
                await PgJobQueue(connection).enqueue(run)
            return len(rows)
