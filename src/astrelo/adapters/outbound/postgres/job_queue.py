"""Enqueue jobs in PgQueuer's queue, in the caller's transaction."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

import asyncpg
from pgqueuer.adapters.persistence.queries import Queries as JobQueries

from astrelo.adapters.outbound.postgres.session.queries import Queries

MAX_RENEWED = 1_000
"""Jobs that one look for lost ones renews."""


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


async def find_without_job(
    connection: asyncpg.Connection, entrypoint: str, ids: Collection[UUID]
) -> set[UUID]:
    """Return the first MAX_RENEWED of the ids that no job is under way for.

    The queue is asked by itself: it stays on one server when the tables of tenants are distributed over several.
    """
    rows = await Queries(connection).rows(
        "list_ids_without_job", entrypoint=entrypoint, ids=list(ids), limit=MAX_RENEWED
    )
    return {row["id"] for row in rows}
