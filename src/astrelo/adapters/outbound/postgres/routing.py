"""The few questions that are asked across users: whose account is this, whose turn may it be."""

from collections.abc import Sequence

import asyncpg

from astrelo.adapters.outbound.postgres.failures import UNAVAILABLE
from astrelo.adapters.outbound.postgres.statements import statement
from astrelo.domain.errors import StoreUnavailable
from astrelo.domain.identifiers import ConnectionId, CrmAccountId, Provider, UserId
from astrelo.domain.routing import ConnectedUser, ConnectionOwners, CrmAccounts, SyncCandidate, SyncSchedule


class PgCrmAccounts(CrmAccounts):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def connected(self, provider: Provider, account_id: CrmAccountId) -> Sequence[ConnectedUser]:
        try:
            rows = await self._pool.fetch(statement("account_connected"), provider, account_id)
        except UNAVAILABLE as error:
            raise StoreUnavailable(type(error).__name__) from error
        return [ConnectedUser(UserId(user_id), ConnectionId(id_)) for user_id, id_ in rows]


class PgConnectionOwners(ConnectionOwners):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def owner_of(self, connection_id: ConnectionId) -> UserId | None:
        try:
            user_id = await self._pool.fetchval(statement("connection_owner"), connection_id)
        except UNAVAILABLE as error:
            raise StoreUnavailable(type(error).__name__) from error
        return None if user_id is None else UserId(user_id)


class PgSyncSchedule(SyncSchedule):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def candidates(self) -> Sequence[SyncCandidate]:
        try:
            rows = await self._pool.fetch(statement("schedule_candidates"))
        except UNAVAILABLE as error:
            raise StoreUnavailable(type(error).__name__) from error
        return [
            SyncCandidate(UserId(user_id), ConnectionId(id_), Provider(provider), requested, full_requested)
            for user_id, id_, provider, requested, full_requested in rows
        ]
