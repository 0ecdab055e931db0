"""Connections, tokens, started authorizations and profiles in PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from astrelo.adapters.outbound.postgres.connections.oauth_states import PgOAuthStates
from astrelo.adapters.outbound.postgres.connections.repository import PgConnections
from astrelo.adapters.outbound.postgres.icp_profiles.repository import PgIcpProfiles
from astrelo.adapters.outbound.postgres.session.pool import REFRESH_LIMITS, open_pool
from astrelo.adapters.outbound.postgres.session.unit_of_work import PgUnitOfWork
from astrelo.adapters.outbound.postgres.tokens.repository import PgTokenStore
from astrelo.adapters.outbound.token_cipher import AesGcmTokenCipher
from astrelo.domain.connection import ConnectionStatus, CrmAccount, CrmConnection, Grant
from astrelo.domain.errors import NotFound, SecretUnreadable, StoreUnavailable
from astrelo.domain.icp import IcpProfile
from astrelo.domain.identifiers import ConnectionId, CrmAccountId, IcpProfileId, ObjectType, Provider, UserId
from astrelo.domain.ports.state import OAuthStates, TokenStore
from astrelo.domain.records import ReadingVersion
from astrelo.domain.sync import Freshness
from tests.support.contracts.oauth_states import PENDING, OAuthStatesContract
from tests.support.contracts.token_store import FIRST, SECOND, TokenStoreContract
from tests.support.fakes.randomness import FakeRandomness

pytestmark = pytest.mark.anyio

USER = UserId(UUID(int=1))
STRANGER = UserId(UUID(int=2))
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ACCOUNT = CrmAccount(account_id=CrmAccountId("123"), name="Acme", currency="EUR", time_zone="Europe/Vienna")
CIPHER = AesGcmTokenCipher([("test", bytes(32))])

READ_SO = ReadingVersion(b"test")


def make_connection(user_id: UserId = USER, provider: Provider = Provider.HUBSPOT) -> CrmConnection:
    grant = Grant(tokens=FIRST, account=ACCOUNT)
    return CrmConnection.establish(ConnectionId(uuid4()), user_id, provider, grant, NOW)


class TestPgTokenStore(TokenStoreContract):
    @pytest.fixture
    async def store(self, pool: asyncpg.Pool, connection_id: ConnectionId) -> AsyncIterator[TokenStore]:
        async with pool.acquire() as session, session.transaction():
            await PgConnections(session, USER).save(replace(make_connection(), id=connection_id))
            yield PgTokenStore(session, USER, CIPHER)


class TestPgOAuthStates(OAuthStatesContract):
    @pytest.fixture
    async def states(self, pool: asyncpg.Pool) -> OAuthStates:
        return PgOAuthStates(pool, CIPHER)


async def test_a_connection_comes_back_as_it_was_saved(pool: asyncpg.Pool) -> None:
    connections = PgConnections(pool, USER)
    connection = make_connection().mark_needs_reauthorization("revoked there")
    await connections.save(connection)
    assert await connections.get(Provider.HUBSPOT) == connection
    assert await connections.get_by_id(connection.id) == connection


async def test_saving_a_connection_again_changes_it(pool: asyncpg.Pool) -> None:
    connections = PgConnections(pool, USER)
    connection = make_connection()
    await connections.save(connection)
    await connections.save(connection.disconnect())
    stored = await connections.get_by_id(connection.id)
    assert stored.status is ConnectionStatus.DISCONNECTED


async def test_another_users_connection_is_not_there(pool: asyncpg.Pool) -> None:
    connection = make_connection()
    await PgConnections(pool, USER).save(connection)
    theirs = PgConnections(pool, STRANGER)
    assert await theirs.get(Provider.HUBSPOT) is None
    with pytest.raises(NotFound):
        await theirs.get_by_id(connection.id)
    await theirs.delete(connection.id)
    assert await PgConnections(pool, USER).get(Provider.HUBSPOT) == connection


async def test_completeness_never_moves_back(pool: asyncpg.Pool) -> None:
    connections = PgConnections(pool, USER)
    connection = make_connection()
    await connections.save(connection)
    for as_of in (NOW, NOW - timedelta(hours=1)):
        await connections.mark_complete(
            connection.id,
            ObjectType.CONTACTS,
            Freshness(complete_as_of=as_of, watermark=as_of, reading_version=READ_SO),
        )
    stored = await pool.fetch("select object_type, complete_as_of from connection_freshness")
    assert [tuple(row) for row in stored] == [("contacts", NOW)]


async def test_tokens_go_with_their_connection(pool: asyncpg.Pool) -> None:
    connection = make_connection()
    await PgConnections(pool, USER).save(connection)
    store = PgTokenStore(pool, USER, CIPHER)
    await store.put(connection.id, FIRST)
    await PgConnections(pool, USER).delete(connection.id)
    with pytest.raises(NotFound):
        await store.get(connection.id)


async def test_the_database_holds_no_secret_in_the_clear(pool: asyncpg.Pool) -> None:
    connection = make_connection()
    await PgConnections(pool, USER).save(connection)
    await PgTokenStore(pool, USER, CIPHER).put(connection.id, FIRST)
    await PgOAuthStates(pool, CIPHER).add(PENDING)
    rows = [*await pool.fetch("select * from crm_tokens"), *await pool.fetch("select * from oauth_states")]
    stored = b"".join(value for row in rows for value in row.values() if isinstance(value, bytes))
    for secret in (FIRST.access_token, FIRST.refresh_token, PENDING.code_verifier):
        assert secret.encode() not in stored


SWAPPED_COLUMNS = "update crm_tokens set refresh_token = access_token"
SWAPPED_ROWS = """
    update crm_tokens set refresh_token = (select refresh_token from crm_tokens where generation = 2)
    where generation = 1
"""


@pytest.mark.parametrize("move", [SWAPPED_COLUMNS, SWAPPED_ROWS])
async def test_a_ciphertext_moved_to_another_column_or_row_does_not_open(
    pool: asyncpg.Pool, move: str
) -> None:
    mine, theirs = make_connection(), make_connection(STRANGER)
    for connection, tokens in ((mine, FIRST), (theirs, SECOND)):
        await PgConnections(pool, connection.user_id).save(connection)
        await PgTokenStore(pool, connection.user_id, CIPHER).put(connection.id, tokens)
    await PgTokenStore(pool, STRANGER, CIPHER).put(theirs.id, SECOND)
    await pool.execute(move)
    with pytest.raises(SecretUnreadable):
        await PgTokenStore(pool, USER, CIPHER).get(mine.id)


async def test_who_waits_for_the_token_lock_sees_what_the_holder_stored(pool: asyncpg.Pool) -> None:
    uow = PgUnitOfWork(pool, CIPHER, FakeRandomness())
    connection = make_connection()
    async with uow(USER) as tx:
        await tx.connections.save(connection)
        await tx.tokens.put(connection.id, FIRST)
    seen = []

    async def wait_for_the_lock() -> None:
        async with uow(USER) as tx:
            seen.append((await tx.tokens.lock(connection.id)).tokens)

    async with asyncio.TaskGroup() as group, uow(USER) as tx:
        await tx.tokens.lock(connection.id)
        group.create_task(wait_for_the_lock())
        await _someone_waits(pool)
        await tx.tokens.put(connection.id, SECOND)
    assert seen == [SECOND]


async def test_a_token_lock_not_had_in_time_is_transient(database: str, pool: asyncpg.Pool) -> None:
    impatient = replace(REFRESH_LIMITS, lock=timedelta(milliseconds=50))
    connection = make_connection()
    async with open_pool(database, "impatient", max_size=2, limits=impatient) as hasty:
        uow = PgUnitOfWork(hasty, CIPHER, FakeRandomness())
        async with PgUnitOfWork(pool, CIPHER, FakeRandomness())(USER) as tx:
            await tx.connections.save(connection)
            await tx.tokens.put(connection.id, FIRST)
        async with PgUnitOfWork(pool, CIPHER, FakeRandomness())(USER) as holder:
            await holder.tokens.lock(connection.id)
            with pytest.raises(StoreUnavailable, match="LockNotAvailable"):
                async with uow(USER) as tx:
                    await tx.tokens.lock(connection.id)


async def test_sessions_carry_their_limits_and_report_times_in_utc(database: str) -> None:
    async with open_pool(database, "astrelo-test", max_size=1, limits=REFRESH_LIMITS) as opened:
        names = ("application_name", "TimeZone", "lock_timeout", "idle_in_transaction_session_timeout")
        settings = [await opened.fetchval("select current_setting($1)", name) for name in names]
    assert settings == ["astrelo-test", "UTC", "20s", "18s"]


async def test_the_default_profile_is_made_once(pool: asyncpg.Pool) -> None:
    profiles = PgIcpProfiles(pool, USER)
    for number in (1, 2):
        await profiles.add_default(IcpProfile.default(IcpProfileId(UUID(int=number)), USER))
    stored = await pool.fetch("select id, name, is_default, naics from icp_profiles")
    assert [tuple(row) for row in stored] == [(UUID(int=1), "Default", True, [])]


async def test_saving_a_profile_replaces_the_default_one_and_keeps_its_id(pool: asyncpg.Pool) -> None:
    profiles = PgIcpProfiles(pool, USER)
    await profiles.add_default(IcpProfile.default(IcpProfileId(UUID(int=1)), USER))
    narrowed = replace(
        IcpProfile.default(IcpProfileId(UUID(int=2)), USER), name="Mid-market", naics=("31", "32")
    )
    await profiles.save(narrowed)
    stored = await pool.fetch("select id, name, naics from icp_profiles")
    assert [tuple(row) for row in stored] == [(UUID(int=1), "Mid-market", ["31", "32"])]


async def _someone_waits(pool: asyncpg.Pool) -> None:
    waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    while not await pool.fetchval(waiting):
        pass
