"""Companies, contacts, deals, owners and the ICP profile, as the API shows them."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import msgspec

from astrelo.adapters.outbound.postgres.session.reading import Reads, like_prefix
from astrelo.application.read.readers import (
    CompanyFilter,
    CompanyReader,
    ContactFilter,
    ContactReader,
    DealFilter,
    DealReader,
    IcpProfileReader,
    OwnerReader,
)
from astrelo.application.read.views import (
    CompanySource,
    CompanySummary,
    CompanyView,
    ContactView,
    DealView,
    IcpProfileView,
    OwnerView,
)
from astrelo.domain.identifiers import UserId
from astrelo.domain.normalization import search_email, search_key

_SOURCES = msgspec.json.Decoder(list[CompanySource])


class PgCompanyReader(CompanyReader):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._reads = Reads(pool)

    async def list(
        self, user_id: UserId, filters: CompanyFilter, after: UUID | None, limit: int
    ) -> Sequence[CompanyView]:
        rows = await self._reads.rows(
            "read_companies",
            user_id,
            after,
            limit,
            like_prefix(filters.name and search_key(filters.name)),
            filters.domain,
            filters.industry,
            filters.naics,
            filters.country,
            filters.region,
            filters.revenue_range,
            filters.updated_since,
            filters.include_archived,
            filters.source,
        )
        return [_company(row) for row in rows]

    async def get(self, user_id: UserId, company_id: UUID) -> CompanyView | None:
        rows = await self._reads.rows("read_company", user_id, company_id)
        return _company(rows[0]) if rows else None

    async def summary(self, user_id: UserId) -> CompanySummary:
        (row,) = await self._reads.rows("read_company_summary", user_id)
        return CompanySummary(**row)

    async def living_id(self, user_id: UserId, company_id: UUID) -> UUID | None:
        found: UUID | None = await self._reads.value("read_company_alias", user_id, company_id)
        return found


class PgContactReader(ContactReader):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._reads = Reads(pool)

    async def list(
        self, user_id: UserId, filters: ContactFilter, after: UUID | None, limit: int
    ) -> Sequence[ContactView]:
        return await self._reads.views(
            ContactView,
            "read_contacts",
            user_id,
            after,
            limit,
            like_prefix(filters.name and search_key(filters.name)),
            like_prefix(filters.email and search_email(filters.email)),
            filters.company_id,
            filters.linked,
            filters.unlinked_reason,
            filters.updated_since,
            filters.include_archived,
        )

    async def get(self, user_id: UserId, contact_id: UUID) -> ContactView | None:
        return await self._reads.view(ContactView, "read_contact", user_id, contact_id)


class PgDealReader(DealReader):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._reads = Reads(pool)

    async def list(
        self, user_id: UserId, filters: DealFilter, after: UUID | None, limit: int
    ) -> Sequence[DealView]:
        return await self._reads.views(
            DealView,
            "read_deals",
            user_id,
            after,
            limit,
            filters.company_id,
            filters.pipeline,
            filters.stage,
            filters.is_closed,
            filters.is_won,
            filters.updated_since,
            filters.include_archived,
        )

    async def get(self, user_id: UserId, deal_id: UUID) -> DealView | None:
        return await self._reads.view(DealView, "read_deal", user_id, deal_id)


class PgOwnerReader(OwnerReader):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._reads = Reads(pool)

    async def list(self, user_id: UserId, after: UUID | None, limit: int) -> Sequence[OwnerView]:
        return await self._reads.views(OwnerView, "read_owners", user_id, after, limit)


class PgIcpProfileReader(IcpProfileReader):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._reads = Reads(pool)

    async def default(self, user_id: UserId) -> IcpProfileView | None:
        return await self._reads.view(IcpProfileView, "read_icp_profile", user_id)


def _company(row: asyncpg.Record) -> CompanyView:
    return msgspec.convert(dict(row) | {"sources": _SOURCES.decode(row["sources"])}, CompanyView)
