"""Bring a database to the schema this code expects: our migrations, then PgQueuer's own tables.

A migration is a file `migrations/NNNN_what_it_does.sql` of this shape, applied in one transaction:

    -- What it does, in one line
    -- depends: NNNN_the_one_before        (empty after the colon for the first)

    -- migrate: apply

    create table …;

    -- migrate: rollback

    drop table …;

A released file never changes; `make checksums` records a new one.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from pgqueuer.queries import Queries as JobQueries
from pogo_core.util import migrate as pogo
from pogo_core.util import sql as pogo_tables

from astrelo.adapters.outbound.postgres.session.queries import Queries

MIGRATIONS = Path(__file__).parents[1] / "migrations"
_LOCK_KEY = 0x61737472656C6F  # "astrelo"
_LOCK_POLL = 0.1  # seconds
_SCHEMA = "public"
# The result names what was applied; pogo would announce it as warnings.
_SILENT = logging.Logger("pogo", level=logging.CRITICAL)  # noqa: LOG001 - outside of the tree on purpose


async def migrate(target: str | asyncpg.Connection) -> tuple[str, ...]:
    """Apply what is missing and name it, in order of name; empty when nothing was due.

    `target` is a DSN or an open connection outside of any transaction. Idempotent, and safe for any number
    of processes at once: one works, the others wait and find nothing to do.
    """
    if not isinstance(target, str):
        return await _migrate(target)
    connection = await asyncpg.connect(target)
    try:
        return await _migrate(connection)
    finally:
        await connection.close()


async def _migrate(connection: asyncpg.Connection) -> tuple[str, ...]:
    async with _hold_migration_lock(connection):
        await pogo_tables.ensure_pogo_sync(connection)
        before = await _list_applied(connection)
        await pogo.apply(connection, MIGRATIONS, schema_name=_SCHEMA, logger=_SILENT)
        queue = JobQueries.from_asyncpg_connection(connection)
        await (queue.upgrade() if await queue.schema_is_installed() else queue.install())
        return tuple(sorted(await _list_applied(connection) - before))


async def _list_applied(connection: asyncpg.Connection) -> set[str]:
    return await pogo_tables.get_applied_migrations(connection, schema_name=_SCHEMA)


@asynccontextmanager
async def _hold_migration_lock(connection: asyncpg.Connection) -> AsyncIterator[None]:
    queries = Queries(connection, lock_key=_LOCK_KEY)
    # Polled, not waited for: a waiting statement holds a snapshot, and CREATE INDEX CONCURRENTLY in the
    # process that works would wait for that snapshot for ever.
    while not await queries.value("try_migration_lock"):  # noqa: ASYNC110 - the event is in another process
        await asyncio.sleep(_LOCK_POLL)
    try:
        yield
    finally:
        await queries.execute("release_migration_lock")
