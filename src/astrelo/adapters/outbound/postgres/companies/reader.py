"""Companies, as the API shows them."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import msgspec

from astrelo.adapters.outbound.postgres.session.queries import like_prefix
from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.application.read import readers, views
from astrelo.domain.identifiers import UserId
from astrelo.domain.normalization import search_key

_SOURCES = msgspec.json.Decoder(list[views.CompanySource])


class PgCompanyReader(readers.CompanyReader):
    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def list(
        self, user_id: UserId, filters: readers.CompanyFilter, after: UUID | None, limit: int
    ) -> Sequence[views.CompanyView]:
        rows = await self._reads.rows(
            "read_companies",
            user_id=user_id,
            after=after,
            limit=limit,
            name_pattern=like_prefix(filters.name and search_key(filters.name)),
            domain=filters.domain,
            industry=filters.industry,
            naics_prefixes=filters.naics,
            country=filters.country,
            region=filters.region,
            revenue_range=filters.revenue_range,
            updated_since=filters.updated_since,
            include_archived=filters.include_archived,
            source=filters.source,
        )
        return [to_view(row) for row in rows]

    async def get(self, user_id: UserId, company_id: UUID) -> views.CompanyView | None:
        rows = await self._reads.rows("read_companies_by_id", user_id=user_id, ids=[company_id])
        return to_view(rows[0]) if rows else None

    async def summary(self, user_id: UserId) -> views.CompanySummary:
        (row,) = await self._reads.rows("read_company_summary", user_id=user_id)
        return views.CompanySummary(**row)

    async def living_id(self, user_id: UserId, company_id: UUID) -> UUID | None:
        found: UUID | None = await self._reads.value(
            "read_company_alias", user_id=user_id, alias_id=company_id
        )
        return found


def to_view(row: asyncpg.Record) -> views.CompanyView:
    return msgspec.convert(dict(row) | {"sources": _SOURCES.decode(row["sources"])}, views.CompanyView)
