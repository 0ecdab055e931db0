import asyncio
import shutil
from pathlib import Path

import asyncpg
import pytest

from astrelo.adapters.outbound.postgres.session import migrate as module
from astrelo.adapters.outbound.postgres.session.migrate import _LOCK_KEY, MIGRATIONS, migrate
from astrelo.bootstrap.database import DatabaseUnusable, bring_up_to_date
from tests.support.sql import checksums

pytestmark = pytest.mark.anyio

BEFORE_REFETCHES = """
insert into crm_connections (user_id, id, provider, account_id, account_name, scopes, status, connected_at,
                             sync_requested_at, sync_requested_mode)
values (gen_random_uuid(), gen_random_uuid(), 'hubspot', '1', 'One', '{}', 'active', now(), now(), 'events');
insert into sync_hints (user_id, connection_id, object_type, record_id, received_at)
select user_id, id, 'contacts', '7', now() from crm_connections;
insert into sync_runs (user_id, id, connection_id, provider, account_id, mode, status, requested_at, attempts)
select user_id, gen_random_uuid(), id, provider, account_id, 'events', 'queued', now(), 0 from crm_connections;
"""


async def test_a_second_migration_finds_nothing_to_do(database: str) -> None:
    assert await migrate(database) == ()


async def test_records_that_wait_to_be_read_again_go_on_waiting_under_the_new_name(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in MIGRATIONS.glob("000[1-7]_*.sql"):
        shutil.copy(file, tmp_path)
    with monkeypatch.context() as earlier:
        earlier.setattr(module, "MIGRATIONS", tmp_path)
        await migrate(empty_database)
    connection = await asyncpg.connect(empty_database)
    try:
        await connection.execute(BEFORE_REFETCHES)
        assert (await migrate(empty_database))[0] == "0008_pending_refetches"
        assert await connection.fetchval("select record_id from pending_refetches") == "7"
        assert await connection.fetchval("select mode from sync_runs") == "refetch"
        assert await connection.fetchval("select sync_requested_mode from crm_connections") == "refetch"
    finally:
        await connection.close()


async def test_two_at_once_apply_each_migration_once(empty_database: str) -> None:
    first, second = await asyncio.gather(migrate(empty_database), migrate(empty_database))
    assert () in {first, second}
    assert await migrate(empty_database) == ()


async def test_the_queue_is_installed_with_the_schema(pool: asyncpg.Pool) -> None:
    assert await pool.fetchval("select count(*) from pgqueuer") == 0


def test_released_migrations_never_change() -> None:
    assert checksums.compute_checksums() == checksums.read_recorded(), (
        "A migration differs from its record. A released one must not change: write a new one beside it. "
        "A new one, or one that no release contains yet: run `make checksums`."
    )


def test_a_changed_migration_is_noticed(tmp_path: Path) -> None:
    migration, record = tmp_path / "0001_first.sql", tmp_path / "checksums.txt"
    migration.write_text("create table a ();")
    checksums.write(record)
    migration.write_text("create table b ();")
    assert checksums.compute_checksums(tmp_path) != checksums.read_recorded(record)


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
