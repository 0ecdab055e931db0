import asyncio
from pathlib import Path

import asyncpg
import pytest

from astrelo.adapters.outbound.postgres.session.migrate import _LOCK_KEY, migrate
from astrelo.bootstrap.database import DatabaseUnusable, bring_up_to_date
from tests.support import checksums

pytestmark = pytest.mark.anyio


async def test_a_second_migration_finds_nothing_to_do(database: str) -> None:
    assert await migrate(database) == ()


async def test_two_at_once_apply_each_migration_once(empty_database: str) -> None:
    first, second = await asyncio.gather(migrate(empty_database), migrate(empty_database))
    assert () in {first, second}
    assert await migrate(empty_database) == ()


async def test_the_queue_is_installed_with_the_schema(pool: asyncpg.Pool) -> None:
    assert await pool.fetchval("select count(*) from pgqueuer") == 0


def test_released_migrations_never_change() -> None:
    assert checksums.found() == checksums.recorded(), (
        "A migration differs from its record. A released one must not change: write a new one beside it. "
        "A new one, or one that no release contains yet: run `make checksums`."
    )


def test_a_changed_migration_is_noticed(tmp_path: Path) -> None:
    migration, record = tmp_path / "0001_first.sql", tmp_path / "checksums.txt"
    migration.write_text("create table a ();")
    checksums.write(record)
    migration.write_text("create table b ();")
    assert checksums.found(tmp_path) != checksums.recorded(record)


async def test_a_database_that_goes_away_while_its_schema_is_looked_at_is_explained(database: str) -> None:
    watcher = await asyncpg.connect(database)
    await watcher.execute("select pg_advisory_lock($1)", _LOCK_KEY)
    waiting = asyncio.create_task(bring_up_to_date(database))
    cut = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
    while not await watcher.fetch(cut + "and pid <> pg_backend_pid() and query like '%advisory%'"):  # noqa: ASYNC110 - the event is in another process
        await asyncio.sleep(0)
    with pytest.raises(DatabaseUnusable, match="No PostgreSQL answers"):
        await waiting
    await watcher.close()
