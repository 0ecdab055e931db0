"""What webhooks named, waiting to be read again."""

from collections.abc import Collection, Mapping
from datetime import datetime

import asyncpg

from astrelo.adapters.outbound.postgres.session.statements import statement
from astrelo.domain.identifiers import ConnectionId, ObjectType, RecordId, UserId
from astrelo.domain.ports.state import PendingRefetches
from astrelo.domain.records import PendingRefetch


class PgPendingRefetches(PendingRefetches):
    def __init__(self, connection: asyncpg.Connection, user_id: UserId) -> None:
        self._connection = connection
        self._user_id = user_id

    async def add(
        self, connection_id: ConnectionId, pending_refetches: Collection[PendingRefetch], at: datetime
    ) -> None:
        # In one order everywhere, so that two calls about the same records wait instead of deadlocking.
        ordered = sorted(set(pending_refetches))
        await self._connection.execute(
            statement("hint_add"),
            self._user_id,
            connection_id,
            at,
            [refetch.object_type for refetch in ordered],
            [refetch.record_id for refetch in ordered],
        )

    async def list_waiting(
        self, connection_id: ConnectionId, object_type: ObjectType, limit: int
    ) -> Mapping[RecordId, datetime]:
        rows = await self._connection.fetch(
            statement("hint_waiting"), self._user_id, connection_id, object_type, limit
        )
        return {RecordId(row["record_id"]): row["received_at"] for row in rows}

    async def remove_read(
        self, connection_id: ConnectionId, object_type: ObjectType, read: Mapping[RecordId, datetime]
    ) -> None:
        await self._connection.execute(
            statement("hint_settle"),
            self._user_id,
            connection_id,
            object_type,
            list(read),
            list(read.values()),
        )

    async def has_waiting(self, connection_id: ConnectionId) -> bool:
        return bool(
            await self._connection.fetchval(statement("hint_any_waiting"), self._user_id, connection_id)
        )
