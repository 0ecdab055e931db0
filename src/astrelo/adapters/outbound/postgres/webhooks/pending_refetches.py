"""Records that webhooks named, waiting to be read again."""

from collections.abc import Collection, Mapping
from datetime import datetime

import asyncpg

from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.domain.identifiers import ConnectionId, ObjectType, RecordId, UserId
from astrelo.domain.ports.state import PendingRefetches
from astrelo.domain.records import PendingRefetch


class PgPendingRefetches(PendingRefetches):
    def __init__(self, connection: asyncpg.Connection, user_id: UserId) -> None:
        self._queries = Queries(connection, user_id=user_id)

    async def add(
        self, connection_id: ConnectionId, pending_refetches: Collection[PendingRefetch], at: datetime
    ) -> None:
        # In one order everywhere, so that two calls about the same records wait instead of deadlocking.
        ordered = sorted(set(pending_refetches))
        await self._queries.execute(
            "add_pending_refetches",
            connection_id=connection_id,
            at=at,
            object_types=[refetch.object_type for refetch in ordered],
            record_ids=[refetch.record_id for refetch in ordered],
        )

    async def list_waiting(
        self, connection_id: ConnectionId, object_type: ObjectType, limit: int
    ) -> Mapping[RecordId, datetime]:
        rows = await self._queries.rows(
            "list_pending_refetches", connection_id=connection_id, object_type=object_type, limit=limit
        )
        return {RecordId(row["record_id"]): row["received_at"] for row in rows}

    async def remove_read(
        self, connection_id: ConnectionId, object_type: ObjectType, read: Mapping[RecordId, datetime]
    ) -> None:
        await self._queries.execute(
            "settle_pending_refetches",
            connection_id=connection_id,
            object_type=object_type,
            record_ids=list(read),
            received_at=list(read.values()),
        )

    async def has_waiting(self, connection_id: ConnectionId) -> bool:
        return bool(await self._queries.value("has_pending_refetches", connection_id=connection_id))
