"""Companies, as the API shows them."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import asyncpg
import msgspec

from astrelo.adapters.outbound.postgres.feed.written_since import find_written_since
from astrelo.adapters.outbound.postgres.session.columns import MAX_SEARCHED
from astrelo.adapters.outbound.postgres.session.lists import MAX_CANDIDATES, ListStatements, read_list
from astrelo.adapters.outbound.postgres.session.ranges import naics_range, prefix_range
from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.adapters.outbound.postgres.session.record_urls import with_url
from astrelo.application.read import readers, views
from astrelo.domain.icp import expand_naics
from astrelo.domain.identifiers import ObjectType, Provider, UserId
from astrelo.domain.normalization import search_key
from astrelo.domain.ports.crm import RecordUrls

_SOURCES = msgspec.json.Decoder(list[views.CompanySource])
_LIST = ListStatements(
    records=ObjectType.COMPANIES,
    page="read_companies",
    end="read_company_page_end",
    sort_keys="read_company_sort_keys",
    key_filters=frozenset({"domain", "external_id"}),
)


class PgCompanyReader(readers.CompanyReader):
    def __init__(self, reads: Reads, urls: RecordUrls) -> None:
        self._reads = reads
        self._urls = urls

    async def list(
        self, user_id: UserId, filters: readers.CompanyFilter, after: UUID | None, limit: int
    ) -> Sequence[views.CompanyView]:
        values = await self._values(user_id, filters)
        if values["source"] is not None and filters == readers.CompanyFilter(source=filters.source):
            # The ids are in the order of an index of records: a CRM's first company may be behind all of another's.
            ids = await self._reads.rows(
                "read_company_ids_of_source",
                user_id=user_id,
                source=filters.source,
                after=after,
                limit=MAX_CANDIDATES,
            )
            values |= {"source": None, "ids": [row[0] for row in ids]}
        rows = await read_list(self._reads, _LIST, values, filters, after=after, limit=limit)
        return [self.to_view(row) for row in rows]

    async def count(self, user_id: UserId, filters: readers.CompanyFilter, *, exact: bool) -> int:
        values = await self._values(user_id, filters)
        return await self._reads.count(_LIST.page, exact=exact, **{**values, "sort": "none"})

    async def get(self, user_id: UserId, company_id: UUID) -> views.CompanyView | None:
        rows = await self._reads.rows("read_companies_by_id", user_id=user_id, ids=[company_id])
        return self.to_view(rows[0]) if rows else None

    async def get_all(
        self, user_id: UserId, company_ids: Collection[UUID]
    ) -> Mapping[UUID, views.CompanyView]:
        rows = await self._reads.rows("read_companies_by_id", user_id=user_id, ids=list(company_ids))
        found = {view.id: view for view in map(self.to_view, rows)}
        for merged in set(company_ids) - found.keys():  # hardly ever any: merged since its id was read
            living = await self.living_id(user_id, merged)
            if living is not None and (company := await self.get(user_id, living)):
                found[merged] = company
        return found

    async def summary(self, user_id: UserId) -> views.CompanySummary:
        counted = await self._reads.view(views.CompanySummary, "read_company_summary", user_id=user_id)
        return counted or views.CompanySummary()

    async def living_id(self, user_id: UserId, company_id: UUID) -> UUID | None:
        found: UUID | None = await self._reads.value(
            "read_company_alias", user_id=user_id, alias_id=company_id
        )
        return found

    async def _values(self, user_id: UserId, filters: readers.CompanyFilter) -> dict[str, object]:
        name = prefix_range(filters.name and search_key(filters.name)[:MAX_SEARCHED])
        naics = naics_range(filters.naics)
        values = _LIST.narrow_nothing() | {
            "user_id": user_id,
            "name_from": name.start,
            "name_to": name.end,
            "domain": filters.domain,
            "industry": filters.industry,
            "naics_prefixes": filters.naics,
            "naics_from": naics.start,
            "naics_to": naics.end,
            "country": filters.country,
            "region": filters.region,
            "revenue_range": filters.revenue_range,
            "employees_min": filters.employees_min,
            "employees_max": filters.employees_max,
            "source": filters.source,
            "external_id": filters.external_id,
            "sources": [filters.source] if filters.source else list(Provider),
            "updated_since": filters.updated_since,
            "ids": await find_written_since(
                self._reads, user_id, ObjectType.COMPANIES, filters.updated_since
            ),
            "include_archived": filters.include_archived,
            "fits_icp": filters.fits_icp,
        }
        if filters.fits_icp is not None:
            values |= await self._criteria(user_id)
        return values

    async def _criteria(self, user_id: UserId) -> Mapping[str, object]:
        """Return the profile's criteria; without a profile, as with an empty one, everything fits."""
        rows = await self._reads.rows("read_icp_profile", user_id=user_id)
        if not rows:
            return {}
        (profile,) = rows
        prefixes = [prefix for code in profile["naics"] for prefix in expand_naics(code)] or None
        naics = naics_range(prefixes)
        return {
            "icp_industries": profile["industries"] or None,
            "icp_revenue_ranges": profile["revenue_ranges"] or None,
            "icp_countries": profile["countries"] or None,
            "icp_employee_min": profile["employee_min"],
            "icp_employee_max": profile["employee_max"],
            "icp_naics": prefixes,
            "icp_naics_from": naics.start,
            "icp_naics_to": naics.end,
        }

    def to_view(self, row: asyncpg.Record) -> views.CompanyView:
        fields = with_url(row, ObjectType.COMPANIES, self._urls)
        return msgspec.convert(fields | {"sources": _SOURCES.decode(row["sources"])}, views.CompanyView)
