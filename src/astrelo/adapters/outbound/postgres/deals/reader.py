"""Deals, as the API shows them."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import msgspec

from astrelo.adapters.outbound.postgres.feed.written_since import find_written_since
from astrelo.adapters.outbound.postgres.session.lists import ListStatements, find_facets, read_list
from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.adapters.outbound.postgres.session.record_urls import with_url
from astrelo.application.read import readers, views
from astrelo.domain.identifiers import ObjectType, Provider, UserId
from astrelo.domain.ports.crm import RecordUrls

_LIST = ListStatements(
    records=ObjectType.DEALS,
    page="read_deals",
    end="read_deal_page_end",
    sort_keys="read_deal_sort_keys",
    facets="list_deal_facets",
    facet_filters=frozenset({"linked", "pipeline", "stage", "is_closed", "is_won", "rep", "source"}),
    key_filters=frozenset({"contact_id", "external_id"}),
)


class PgDealReader(readers.DealReader):
    def __init__(self, reads: Reads, urls: RecordUrls) -> None:
        self._reads = reads
        self._urls = urls

    async def list(
        self, user_id: UserId, filters: readers.DealFilter, after: UUID | None, limit: int
    ) -> Sequence[views.DealView]:
        values = await self._values(user_id, filters)
        rows = await read_list(self._reads, _LIST, values, filters, after=after, limit=limit)
        return [self.to_view(row) for row in rows]

    async def count(self, user_id: UserId, filters: readers.DealFilter, *, exact: bool) -> int:
        values = await self._values(user_id, filters)
        return await self._reads.count(_LIST.page, exact=exact, **{**values, "sort": "none"})

    async def get(self, user_id: UserId, deal_id: UUID) -> views.DealView | None:
        rows = await self._reads.rows("read_deals_by_id", user_id=user_id, ids=[deal_id])
        return self.to_view(rows[0]) if rows else None

    def to_view(self, row: asyncpg.Record) -> views.DealView:
        return msgspec.convert(with_url(row, ObjectType.DEALS, self._urls), views.DealView)

    async def _values(self, user_id: UserId, filters: readers.DealFilter) -> dict[str, object]:
        return _LIST.narrow_nothing() | {
            "user_id": user_id,
            "company_id": filters.company_id,
            "linked": filters.linked,
            "contact_id": filters.contact_id,
            "facets": await find_facets(
                self._reads,
                _LIST,
                user_id,
                {name: getattr(filters, name) for name in _LIST.facet_filters},
                include_archived=filters.include_archived,
            ),
            "external_id": filters.external_id,
            "sources": list(Provider),
            "updated_since": filters.updated_since,
            "ids": await find_written_since(self._reads, user_id, ObjectType.DEALS, filters.updated_since),
            "include_archived": filters.include_archived,
        }
