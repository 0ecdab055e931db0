"""Enqueue jobs in PgQueuer's queue, in the caller's transaction."""

from datetime import timedelta

import asyncpg
from pgqueuer.adapters.persistence.queries import Queries as JobQueries

from astrelo.adapters.outbound.postgres.session.queries import Queries


async def enqueue_once(
    connection: asyncpg.Connection,
    entrypoint: str,
    payload: bytes,
    dedupe_key: str,
    delay: timedelta | None = None,
) -> None:
    """Enqueue a job unless one with its key is queued or running; of two times the earlier counts."""
    jobs = JobQueries.from_asyncpg_connection(connection)
    (job,) = await jobs.enqueue(
        entrypoint, payload, execute_after=delay, dedupe_key=dedupe_key, on_conflict="skip"
    )
    if job is None:
        await Queries(connection).execute("hasten_job", dedupe_key=dedupe_key, delay=delay or timedelta())
