"""Deals in PostgreSQL, with the ids of their contacts."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import asyncpg

from astrelo.adapters.outbound.postgres.deals.columns import DEAL_COLUMNS
from astrelo.adapters.outbound.postgres.session.columns import encode_columns, join_columns, transpose
from astrelo.adapters.outbound.postgres.session.queries import Queries, Revision
from astrelo.domain.change_classification import KnownRecord, UpsertResult
from astrelo.domain.deal import Deal
from astrelo.domain.identifiers import ObjectType, Provider, RecordId, SyncRunId, UserId
from astrelo.domain.ports.records import DealRepository


class PgDeals(DealRepository):
    def __init__(self, connection: asyncpg.Connection, user_id: UserId, revision: Revision) -> None:
        self._queries = Queries(connection, user_id=user_id, revision=revision)

    async def find_known(self, source: Provider, ids: Collection[RecordId]) -> Mapping[RecordId, KnownRecord]:
        rows = await self._queries.rows(
            "get_known_deals", source=source, **join_columns(record_ids=list(ids))
        )
        return {record_id: KnownRecord(*stored) for record_id, *stored in rows}

    async def put(self, source: Provider, deals: Sequence[tuple[Deal, bytes]]) -> UpsertResult:
        if not deals:
            return {}
        await self._lock(source)
        records = transpose([deal.record for deal, _ in deals])
        batch = {
            **records,
            **transpose([deal.link for deal, _ in deals]),
            "id": [deal.id for deal, _ in deals],
            "content_hash": [content_hash for _, content_hash in deals],
            "provider_company_id": records["company_id"],
        }
        rows = await self._queries.rows("upsert_deals", source=source, **encode_columns(DEAL_COLUMNS, batch))
        return {RecordId(record_id): was_insert for record_id, was_insert in rows}

    async def list_unseen(self, source: Provider, run_id: SyncRunId) -> Sequence[RecordId]:
        rows = await self._queries.rows(
            "list_unseen_deals", source=source, run_id=run_id, object_type=ObjectType.DEALS
        )
        return [RecordId(row["record_id"]) for row in rows]

    async def count_live(self, source: Provider) -> int:
        return int(await self._queries.value("count_live_deals", source=source))

    async def archive(self, source: Provider, ids: Collection[RecordId], at: datetime) -> int:
        if not ids:
            return 0
        await self._lock(source)
        archived = await self._queries.value("archive_deals", source=source, record_ids=list(ids), at=at)
        return int(archived)

    async def purge(self, source: Provider) -> None:
        await self._queries.execute("delete_deals", source=source)

    async def _lock(self, source: Provider) -> None:
        """Keep contacts from leaving these deals: ordering the rows does not do where two statements write."""
        await self._queries.execute("lock_deals", source=source)
