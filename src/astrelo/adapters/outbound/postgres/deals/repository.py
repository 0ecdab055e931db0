"""Deals in PostgreSQL, with the ids of their contacts."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import asyncpg

from astrelo.adapters.outbound.postgres.session.encoding import as_array, as_text, by_field, join_columns
from astrelo.adapters.outbound.postgres.session.statements import affected_rows, statement
from astrelo.domain.change_classification import KnownRecord, UpsertResult
from astrelo.domain.deal import Deal
from astrelo.domain.identifiers import ObjectType, Provider, RecordId, SyncRunId, UserId
from astrelo.domain.ports.records import DealRepository

_TEXTS = (
    "record_id", "name", "amount", "currency", "amount_usd", "amount_rate_date", "pipeline_id",
    "pipeline_label", "stage_id", "stage_label", "probability", "owner_id", "company_id", "company_association",
)  # fmt: skip
"""What deal_put.sql takes as joined columns, in its order; the link's two and the contacts' ids follow."""
_NOT_TEXTS = frozenset({"amount", "amount_usd", "amount_rate_date", "probability"})


class PgDeals(DealRepository):
    def __init__(self, connection: asyncpg.Connection, user_id: UserId) -> None:
        self._connection = connection
        self._user_id = user_id

    async def find_known(self, source: Provider, ids: Collection[RecordId]) -> Mapping[RecordId, KnownRecord]:
        rows = await self._connection.fetch(
            statement("deal_known"), self._user_id, source, *join_columns(list(ids))
        )
        return {record_id: KnownRecord(*stored) for record_id, *stored in rows}

    async def put(self, source: Provider, deals: Sequence[tuple[Deal, bytes]], at: datetime) -> UpsertResult:
        if not deals:
            return {}
        await self._lock(source)
        told = by_field([deal.record for deal, _ in deals])
        link = by_field([deal.link for deal, _ in deals])
        rows = await self._connection.fetch(
            statement("deal_put"),
            self._user_id,
            source,
            at,
            [deal.id for deal, _ in deals],
            told["source_updated_at"],
            [content_hash for _, content_hash in deals],
            told["is_closed"],
            told["is_won"],
            told["close_date"],
            link["company_id"],
            *join_columns(
                *(as_text(told[name]) if name in _NOT_TEXTS else told[name] for name in _TEXTS),
                link["match"],
                link["unlinked_reason"],
                [as_array(contact_ids) for contact_ids in told["contact_ids"]],
            ),
        )
        return {RecordId(record_id): was_insert for record_id, was_insert in rows}

    async def list_unseen(self, source: Provider, run_id: SyncRunId) -> Sequence[RecordId]:
        rows = await self._connection.fetch(
            statement("deal_unseen"), self._user_id, source, run_id, ObjectType.DEALS
        )
        return [RecordId(row["record_id"]) for row in rows]

    async def count_live(self, source: Provider) -> int:
        return int(await self._connection.fetchval(statement("deal_live"), self._user_id, source))

    async def archive(self, source: Provider, ids: Collection[RecordId], at: datetime) -> int:
        if not ids:
            return 0
        await self._lock(source)
        return affected_rows(
            await self._connection.execute(statement("deal_archive"), self._user_id, source, list(ids), at)
        )

    async def purge(self, source: Provider) -> None:
        await self._connection.execute(statement("deal_purge"), self._user_id, source)

    async def _lock(self, source: Provider) -> None:
        """Keep contacts from leaving these deals: an order of rows would not do where two statements write."""
        await self._connection.execute(statement("deal_lock"), self._user_id, source)
