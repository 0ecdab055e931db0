"""The few questions that are asked across users: whose account is this, whose turn may it be."""

from collections.abc import Sequence

import asyncpg

from astrelo.adapters.outbound.postgres.session.errors import UNAVAILABLE
from astrelo.adapters.outbound.postgres.session.statements import statement
from astrelo.domain.errors import StoreUnavailable
from astrelo.domain.identifiers import ConnectionId, CrmAccountId, Provider, UserId
from astrelo.domain.ports.cross_tenant import (
    AppUninstalls,
    ConnectedUser,
    ConnectionOwners,
    CrmAccounts,
    SyncCandidate,
    SyncSchedule,
)


class PgCrmAccounts(CrmAccounts):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def find_users(self, provider: Provider, account_id: CrmAccountId) -> Sequence[ConnectedUser]:
        try:
            rows = await self._pool.fetch(statement("account_connected"), provider, account_id)
        except UNAVAILABLE as error:
            raise StoreUnavailable(type(error).__name__) from error
        return [ConnectedUser(UserId(user_id), ConnectionId(id_)) for user_id, id_ in rows]


class PgAppUninstalls(AppUninstalls):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def begin(self, provider: Provider, account_id: CrmAccountId) -> int | None:
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                # A statement of its own: the next one sees the connections that were made before.
                await connection.execute(statement("uninstall_lock"), provider, account_id)
                number = await connection.fetchval(statement("uninstall_begin"), provider, account_id)
        except UNAVAILABLE as error:
            raise StoreUnavailable(type(error).__name__) from error
        return None if number is None else int(number)

    async def end(self, provider: Provider, account_id: CrmAccountId, number: int) -> None:
        try:
            await self._pool.execute(statement("uninstall_end"), provider, account_id, number)
        except UNAVAILABLE as error:
            raise StoreUnavailable(type(error).__name__) from error


class PgConnectionOwners(ConnectionOwners):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def find_user(self, connection_id: ConnectionId) -> UserId | None:
        try:
            user_id = await self._pool.fetchval(statement("connection_owner"), connection_id)
        except UNAVAILABLE as error:
            raise StoreUnavailable(type(error).__name__) from error
        return None if user_id is None else UserId(user_id)


class PgSyncSchedule(SyncSchedule):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def list_candidates(self) -> Sequence[SyncCandidate]:
        try:
            rows = await self._pool.fetch(statement("schedule_candidates"))
        except UNAVAILABLE as error:
            raise StoreUnavailable(type(error).__name__) from error
        return [
            SyncCandidate(UserId(user_id), ConnectionId(id_), Provider(provider), requested, full_requested)
            for user_id, id_, provider, requested, full_requested in rows
        ]
