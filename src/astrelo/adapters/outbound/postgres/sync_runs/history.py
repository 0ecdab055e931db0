"""How long runs, and what the queue noted of its jobs, are kept."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from astrelo.adapters.outbound.postgres.session.errors import translate_outages
from astrelo.adapters.outbound.postgres.session.queries import Queries

BATCH_SIZE = 500
"""Runs, each with all that belongs to it."""

LOG_BATCH_SIZE = 5_000
"""Lines of the queue's log, of which a run has three."""

MAX_BATCHES = 20
"""In one go, so that the others' work comes between."""

LOCK_KEY = 0x686973746F7279  # "history"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    runs: timedelta
    """Of runs that changed something, or did not end well."""
    idle_runs: timedelta
    """Of those that found everything as it was; then only their number a day is left."""
    queue_log: timedelta = timedelta(days=1)


class RunHistory:
    """Deletes runs that are old, by PostgreSQL's clock. Looks across users; what it reads are ids alone.

    The latest run of a connection and mode stays, however old.
    """

    def __init__(self, pool: asyncpg.Pool, retention: Retention) -> None:
        self._pool = pool
        self._retention = retention

    async def prune(self) -> int:
        """Delete up to MAX_BATCHES batches, each in a transaction of its own; return how many rows went.

        While another worker does it, nothing.
        """
        pruned = 0
        with translate_outages():
            for _ in range(MAX_BATCHES):
                gone = await self._prune_batch()
                pruned += gone
                if gone < BATCH_SIZE:
                    break
        return pruned

    async def _prune_batch(self) -> int:
        async with self._pool.acquire() as connection, connection.transaction():
            queries = Queries(connection, lock_key=LOCK_KEY, limit=BATCH_SIZE)
            if not await queries.value("try_history_lock"):
                return 0
            now: datetime = await connection.fetchval("select now()")
            pruned = await queries.execute(
                "prune_queue_log", before=now - self._retention.queue_log, limit=LOG_BATCH_SIZE
            )
            for changed_nothing, kept in ((True, self._retention.idle_runs), (False, self._retention.runs)):
                rows = await queries.rows("list_old_runs", changed_nothing=changed_nothing, before=now - kept)
                by_user: dict[UUID, list[UUID]] = defaultdict(list)
                for user_id, run_id in rows:
                    by_user[user_id].append(run_id)
                for user_id, run_ids in by_user.items():
                    await queries.execute("delete_runs", user_id=user_id, run_ids=run_ids)
                pruned += len(rows)
            return pruned
