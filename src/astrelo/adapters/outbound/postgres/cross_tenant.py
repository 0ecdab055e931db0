"""The few queries across users: who has connected an account, whose connection this is, uninstalls, due syncs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from astrelo.adapters.outbound.postgres.session.errors import translate_outages
from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.domain.identifiers import ConnectionId, CrmAccountId, Provider, UserId
from astrelo.domain.ports import cross_tenant

_NOBODY = UUID(int=0)
"""Before every id."""


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


_PAGE_SIZE = 10_000


class PgSyncSchedule(cross_tenant.SyncSchedule):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._queries = Queries(pool)

    async def claim(
        self, now: datetime, until: datetime, limit: int
    ) -> Sequence[cross_tenant.ScheduledConnection]:
        with translate_outages():
            rows = await self._queries.rows("claim_scheduled", now=now, until=until, limit=limit)
        return [
            cross_tenant.ScheduledConnection(UserId(user_id), ConnectionId(id_), Provider(provider))
            for user_id, id_, provider in rows
        ]

    async def reschedule(self, due: Mapping[ConnectionId, datetime], until: datetime) -> None:
        if due:
            with translate_outages():
                await self._queries.execute(
                    "reschedule", connection_ids=list(due), due_ats=list(due.values()), until=until
                )

    async def add_missing(self, due_at: datetime) -> int:
        added, user_id, after = 0, _NOBODY, _NOBODY
        with translate_outages():
            while rows := await self._queries.rows(
                "list_active_connections", after_user=user_id, after=after, limit=_PAGE_SIZE
            ):
                ids, users, providers = zip(*rows, strict=True)
                added += await self._queries.execute(
                    "add_missing_to_schedule",
                    connection_ids=ids,
                    user_ids=users,
                    providers=providers,
                    due_at=due_at,
                )
                user_id, after = users[-1], ids[-1]
        return added


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
