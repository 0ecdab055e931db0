"""Connections in PostgreSQL."""

from collections.abc import Collection, Mapping
from datetime import datetime

import asyncpg

from astrelo.adapters.outbound.postgres.notifications.throttle import Notification, Urgency
from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.domain import errors
from astrelo.domain.connection import ConnectionStatus, CrmAccount, CrmConnection
from astrelo.domain.identifiers import ConnectionId, CrmAccountId, ObjectType, Provider, UserId
from astrelo.domain.ports.state import Connections
from astrelo.domain.records import ReadingVersion
from astrelo.domain.sync import Freshness, SyncMode


class PgConnections(Connections):
    def __init__(
        self, connection: asyncpg.Connection, user_id: UserId, notification: Notification | None = None
    ) -> None:
        self._queries = Queries(connection, user_id=user_id)
        self._notification = notification or Notification()

    async def get(self, provider: Provider) -> CrmConnection | None:
        row = await self._queries.row("get_connection", provider=provider)
        return None if row is None else _to_connection(row)

    async def get_by_id(self, connection_id: ConnectionId) -> CrmConnection:
        row = await self._queries.row("get_connection_by_id", connection_id=connection_id)
        if row is None:
            raise errors.NotFound("connection", connection_id)
        return _to_connection(row)

    async def lock(self, provider: Provider) -> CrmConnection | None:
        # A statement of its own: the read after it sees what the former holder committed.
        await self._queries.execute("lock_connection", provider=provider)
        return await self.get(provider)

    async def save(self, connection: CrmConnection) -> None:
        account = connection.account
        self._notification.note(Urgency.NOW)
        await self._queries.execute(
            "save_connection",
            connection_id=connection.id,
            provider=connection.provider,
            account_id=account.account_id,
            account_name=account.name,
            account_currency=account.currency,
            account_time_zone=account.time_zone,
            account_domain=account.domain,
            app_url=account.app_url,
            scopes=sorted(connection.scopes),
            status=connection.status,
            reason=connection.reason,
            connected_at=connection.connected_at,
            connected_by=connection.connected_by,
        )
        if connection.is_active:
            await self._queries.execute(
                "add_to_schedule",
                connection_id=connection.id,
                provider=connection.provider,
                due_at=connection.connected_at,
            )

    async def latest_uninstall(self) -> int:
        return int(await self._queries.value("get_latest_uninstall"))

    async def is_uninstalled_since(self, provider: Provider, account_id: CrmAccountId, number: int) -> bool:
        # A statement of its own: the read after it sees what an uninstall committed when it began.
        await self._queries.execute("hold_off_uninstalls", provider=provider, account_id=account_id)
        return bool(
            await self._queries.value(
                "is_uninstalled_since", provider=provider, account_id=account_id, number=number
            )
        )

    async def freshness(self, connection_id: ConnectionId) -> Mapping[ObjectType, Freshness]:
        rows = await self._queries.rows("get_freshness", connection_id=connection_id)
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
        self._notification.note(Urgency.NOW)
        await self._queries.execute(
            "mark_complete",
            connection_id=connection_id,
            object_type=object_type,
            complete_as_of=freshness.complete_as_of,
            watermark=freshness.watermark,
            reading_version=freshness.reading_version,
        )

    async def remember_request(self, connection_id: ConnectionId, at: datetime, mode: SyncMode) -> None:
        await self._queries.execute("remember_sync_request", connection_id=connection_id, at=at, mode=mode)

    async def take_request(self, connection_id: ConnectionId) -> SyncMode | None:
        taken = await self._queries.value("take_sync_request", connection_id=connection_id)
        return None if taken is None else SyncMode(taken)

    async def delete(self, connection_id: ConnectionId) -> None:
        self._notification.note(Urgency.NOW)
        await self._queries.execute("release_accounts_of_connection", connection_id=connection_id)
        await self._queries.execute("take_off_schedule", connection_id=connection_id)
        await self._queries.execute("delete_connection", connection_id=connection_id)

    async def count_records(self, at: datetime, providers: Collection[Provider]) -> None:
        for provider in providers:
            await self._queries.execute("count_records", provider=provider, at=at)
        await self._queries.execute("count_companies", at=at)


def _to_connection(row: asyncpg.Record) -> CrmConnection:
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
            app_url=row["app_url"],
        ),
        scopes=frozenset(row["scopes"]),
        status=ConnectionStatus(row["status"]),
        reason=row["reason"],
        connected_at=row["connected_at"],
        connected_by=row["connected_by"],
    )
