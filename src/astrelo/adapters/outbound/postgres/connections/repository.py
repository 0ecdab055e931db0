"""Connections in PostgreSQL."""

from collections.abc import Mapping
from datetime import datetime

import asyncpg

from astrelo.adapters.outbound.postgres.session.statements import statement
from astrelo.domain.connection import ConnectionStatus, CrmAccount, CrmConnection
from astrelo.domain.errors import NotFound
from astrelo.domain.identifiers import ConnectionId, CrmAccountId, ObjectType, Provider, UserId
from astrelo.domain.ports.state import Connections
from astrelo.domain.records import ReadingVersion
from astrelo.domain.sync import Freshness, SyncMode


class PgConnections(Connections):
    def __init__(self, connection: asyncpg.Connection, user_id: UserId) -> None:
        self._connection = connection
        self._user_id = user_id

    async def get(self, provider: Provider) -> CrmConnection | None:
        row = await self._connection.fetchrow(statement("connection_get"), self._user_id, provider)
        return None if row is None else _connection(row)

    async def get_by_id(self, connection_id: ConnectionId) -> CrmConnection:
        row = await self._connection.fetchrow(statement("connection_by_id"), self._user_id, connection_id)
        if row is None:
            raise NotFound("connection", connection_id)
        return _connection(row)

    async def lock(self, provider: Provider) -> CrmConnection | None:
        # A statement of its own: the read after it sees what the former holder committed.
        await self._connection.execute(statement("connection_lock"), self._user_id, provider)
        return await self.get(provider)

    async def save(self, connection: CrmConnection) -> None:
        account = connection.account
        await self._connection.execute(
            statement("connection_save"),
            self._user_id,
            connection.id,
            connection.provider,
            account.account_id,
            account.name,
            account.currency,
            account.time_zone,
            sorted(connection.scopes),
            connection.status,
            connection.reason,
            connection.connected_at,
            account.domain,
            connection.connected_by,
        )

    async def latest_uninstall(self) -> int:
        return int(await self._connection.fetchval(statement("uninstall_latest")))

    async def is_uninstalled_since(self, provider: Provider, account_id: CrmAccountId, number: int) -> bool:
        # A statement of its own: the read after it sees what an uninstall committed when it began.
        await self._connection.execute(statement("uninstall_share"), provider, account_id)
        since = await self._connection.fetchval(statement("uninstall_since"), provider, account_id, number)
        return bool(since)

    async def freshness(self, connection_id: ConnectionId) -> Mapping[ObjectType, Freshness]:
        rows = await self._connection.fetch(statement("connection_freshness"), self._user_id, connection_id)
        return {
            ObjectType(row["object_type"]): Freshness(
                complete_as_of=row["complete_as_of"],
                watermark=row["watermark"],
                reading_version=ReadingVersion(row["reading_version"]),
            )
            for row in rows
        }

    async def mark_complete(
        self, connection_id: ConnectionId, object_type: ObjectType, freshness: Freshness
    ) -> None:
        await self._connection.execute(
            statement("connection_mark_complete"),
            self._user_id,
            connection_id,
            object_type,
            freshness.complete_as_of,
            freshness.watermark,
            freshness.reading_version,
        )

    async def remember_request(self, connection_id: ConnectionId, at: datetime, mode: SyncMode) -> None:
        await self._connection.execute(
            statement("connection_remember_request"), self._user_id, connection_id, at, mode
        )

    async def take_request(self, connection_id: ConnectionId) -> SyncMode | None:
        taken = await self._connection.fetchval(
            statement("connection_take_request"), self._user_id, connection_id
        )
        return None if taken is None else SyncMode(taken)

    async def delete(self, connection_id: ConnectionId) -> None:
        await self._connection.execute(statement("connection_delete"), self._user_id, connection_id)


def _connection(row: asyncpg.Record) -> CrmConnection:
    return CrmConnection(
        id=ConnectionId(row["id"]),
        user_id=UserId(row["user_id"]),
        provider=Provider(row["provider"]),
        account=CrmAccount(
            account_id=CrmAccountId(row["account_id"]),
            name=row["account_name"],
            currency=row["account_currency"],
            time_zone=row["account_time_zone"],
            domain=row["account_domain"],
        ),
        scopes=frozenset(row["scopes"]),
        status=ConnectionStatus(row["status"]),
        reason=row["reason"],
        connected_at=row["connected_at"],
        connected_by=row["connected_by"],
    )
