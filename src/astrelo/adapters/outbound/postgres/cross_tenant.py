"""The few queries across users: who has connected an account, whose connection this is, uninstalls, due syncs."""

from collections.abc import Sequence

import asyncpg

from astrelo.adapters.outbound.postgres.session.errors import translate_outages
from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.domain.identifiers import ConnectionId, CrmAccountId, Provider, UserId
from astrelo.domain.ports import cross_tenant


class PgCrmAccounts(cross_tenant.CrmAccounts):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._queries = Queries(pool)

    async def find_users(
        self, provider: Provider, account_id: CrmAccountId
    ) -> Sequence[cross_tenant.ConnectedUser]:
        with translate_outages():
            rows = await self._queries.rows("list_connected_users", provider=provider, account_id=account_id)
        return [cross_tenant.ConnectedUser(UserId(user_id), ConnectionId(id_)) for user_id, id_ in rows]


class PgConnectionOwners(cross_tenant.ConnectionOwners):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._queries = Queries(pool)

    async def find_user(self, connection_id: ConnectionId) -> UserId | None:
        with translate_outages():
            user_id = await self._queries.value("get_user_of_connection", connection_id=connection_id)
        return None if user_id is None else UserId(user_id)


class PgSyncSchedule(cross_tenant.SyncSchedule):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._queries = Queries(pool)

    async def list_candidates(self) -> Sequence[cross_tenant.SyncCandidate]:
        with translate_outages():
            rows = await self._queries.rows("list_schedule_candidates")
        return [
            cross_tenant.SyncCandidate(
                UserId(user_id), ConnectionId(id_), Provider(provider), requested, full_requested
            )
            for user_id, id_, provider, requested, full_requested in rows
        ]


class PgAppUninstalls(cross_tenant.AppUninstalls):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def begin(self, provider: Provider, account_id: CrmAccountId, since: int) -> int | None:
        with translate_outages():
            async with self._pool.acquire() as connection, connection.transaction():
                queries = Queries(connection, provider=provider, account_id=account_id)
                # A statement of its own: the next one sees the connections that were made before.
                await queries.execute("lock_account_for_uninstall")
                number = await queries.value("begin_uninstall", since=since)
        return None if number is None else int(number)

    async def end(self, provider: Provider, account_id: CrmAccountId, number: int) -> None:
        with translate_outages():
            await Queries(self._pool).execute(
                "end_uninstall", provider=provider, account_id=account_id, number=number
            )
