"""Companies, contacts, deals and owners: lists and single ones."""

from typing import Annotated
from uuid import UUID

from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect

from astrelo.adapters.inbound.http.pagination import decode_cursor, page_of
from astrelo.adapters.inbound.http.problem_kinds import NOT_FOUND
from astrelo.adapters.inbound.http.problems import describe_problems
from astrelo.adapters.inbound.http.records.parameters import (
    DEFAULT_LIMIT,
    Country,
    EmailPrefix,
    Flag,
    Id,
    IncludeArchived,
    Limit,
    Naics,
    NamePrefix,
    PageCursor,
    Region,
    RevenueRange,
    Site,
    Source,
    Text,
    UpdatedSince,
    naics_prefixes,
    to_utc,
)
from astrelo.application import messages
from astrelo.application.read.readers import (
    CompanyFilter,
    CompanyReader,
    ContactFilter,
    ContactReader,
    DealFilter,
    DealReader,
    OwnerReader,
)
from astrelo.application.read.views import CompanySummary, CompanyView, ContactView, DealView, OwnerView, Page
from astrelo.domain.contact import UnlinkedReason
from astrelo.domain.errors import InvalidInput, NotFound
from astrelo.domain.identifiers import UserId
from astrelo.domain.normalization import web_domain
from astrelo.domain.ports.reference import ReferenceData

MERGED = {
    308: ResponseSpec(data_container=None, description="The company was merged into the one at Location.")
}


class Companies(Controller):
    path = "/api/companies"
    tags = ("companies",)

    @get(responses=describe_problems(), summary="List companies")
    @inject
    async def list_companies(
        self,
        reader: FromDishka[CompanyReader],
        reference: FromDishka[ReferenceData],
        user_id: NamedDependency[UserId],
        *,
        name: NamePrefix = None,
        domain: Site = None,
        industry: Text = None,
        naics: Naics = None,
        country: Country = None,
        region: Region = None,
        revenue_range: Annotated[RevenueRange | None, QueryParameter()] = None,
        source: Source = None,
        updated_since: UpdatedSince = None,
        include_archived: IncludeArchived = False,
        limit: Limit = DEFAULT_LIMIT,
        cursor: PageCursor = None,
    ) -> Page[CompanyView]:
        """In order of id; filters narrow together. Those gone at the source only with `include_archived`."""
        filters = CompanyFilter(
            name=name,
            domain=_parse_domain(domain, reference),
            industry=industry,
            naics=naics_prefixes(naics),
            country=country,
            region=region,
            revenue_range=revenue_range,
            source=source,
            updated_since=to_utc("updated_since", updated_since),
            include_archived=include_archived,
        )
        return page_of(await reader.list(user_id, filters, decode_cursor(cursor), limit + 1), limit)

    @get("/summary", responses=describe_problems(), summary="Count the companies")
    @inject
    async def summarize_companies(
        self, reader: FromDishka[CompanyReader], user_id: NamedDependency[UserId]
    ) -> CompanySummary:
        """How many firms there are, and how many of them more than one CRM knows. Archived ones do not count."""
        return await reader.summary(user_id)

    @get("/{company_id:uuid}", responses=describe_problems(NOT_FOUND) | MERGED, summary="Get a company")
    @inject
    async def get_company(
        self, reader: FromDishka[CompanyReader], user_id: NamedDependency[UserId], company_id: FromPath[UUID]
    ) -> Response[CompanyView]:
        """Return one company. The id of one that was merged into another leads there with 308."""
        found = await reader.get(user_id, company_id)
        if found is not None:
            return Response(found)
        living = await reader.living_id(user_id, company_id)
        if living is None:
            raise NotFound("company", company_id)
        return Redirect(f"{self.path}/{living}", status_code=308)


class Contacts(Controller):
    path = "/api/contacts"
    tags = ("contacts",)

    @get(responses=describe_problems(), summary="List contacts")
    @inject
    async def list_contacts(
        self,
        reader: FromDishka[ContactReader],
        user_id: NamedDependency[UserId],
        *,
        name: NamePrefix = None,
        email: EmailPrefix = None,
        company_id: Id = None,
        linked: Flag = None,
        unlinked_reason: Annotated[UnlinkedReason | None, QueryParameter()] = None,
        updated_since: UpdatedSince = None,
        include_archived: IncludeArchived = False,
        limit: Limit = DEFAULT_LIMIT,
        cursor: PageCursor = None,
    ) -> Page[ContactView]:
        """In order of id; filters narrow together. `name` begins the first, the last or the whole name."""
        filters = ContactFilter(
            name=name,
            email=email,
            company_id=company_id,
            linked=linked,
            unlinked_reason=unlinked_reason,
            updated_since=to_utc("updated_since", updated_since),
            include_archived=include_archived,
        )
        return page_of(await reader.list(user_id, filters, decode_cursor(cursor), limit + 1), limit)

    @get("/{contact_id:uuid}", responses=describe_problems(NOT_FOUND), summary="Get a contact")
    @inject
    async def get_contact(
        self, reader: FromDishka[ContactReader], user_id: NamedDependency[UserId], contact_id: FromPath[UUID]
    ) -> ContactView:
        if found := await reader.get(user_id, contact_id):
            return found
        raise NotFound("contact", contact_id)


class Deals(Controller):
    path = "/api/deals"
    tags = ("deals",)

    @get(responses=describe_problems(), summary="List deals")
    @inject
    async def list_deals(
        self,
        reader: FromDishka[DealReader],
        user_id: NamedDependency[UserId],
        *,
        company_id: Id = None,
        pipeline: Text = None,
        stage: Text = None,
        is_closed: Flag = None,
        is_won: Flag = None,
        updated_since: UpdatedSince = None,
        include_archived: IncludeArchived = False,
        limit: Limit = DEFAULT_LIMIT,
        cursor: PageCursor = None,
    ) -> Page[DealView]:
        """In order of id; filters narrow together. `pipeline` and `stage` are an id or a label."""
        filters = DealFilter(
            company_id=company_id,
            pipeline=pipeline,
            stage=stage,
            is_closed=is_closed,
            is_won=is_won,
            updated_since=to_utc("updated_since", updated_since),
            include_archived=include_archived,
        )
        return page_of(await reader.list(user_id, filters, decode_cursor(cursor), limit + 1), limit)

    @get("/{deal_id:uuid}", responses=describe_problems(NOT_FOUND), summary="Get a deal")
    @inject
    async def get_deal(
        self, reader: FromDishka[DealReader], user_id: NamedDependency[UserId], deal_id: FromPath[UUID]
    ) -> DealView:
        if found := await reader.get(user_id, deal_id):
            return found
        raise NotFound("deal", deal_id)


class Owners(Controller):
    path = "/api/owners"
    tags = ("owners",)

    @get(responses=describe_problems(), summary="List the CRM's owners")
    @inject
    async def list_owners(
        self,
        reader: FromDishka[OwnerReader],
        user_id: NamedDependency[UserId],
        *,
        limit: Limit = DEFAULT_LIMIT,
        cursor: PageCursor = None,
    ) -> Page[OwnerView]:
        """In order of id, archived ones too: records may still name them."""
        return page_of(await reader.list(user_id, decode_cursor(cursor), limit + 1), limit)


def _parse_domain(value: str | None, reference: ReferenceData) -> str | None:
    """Parse a domain as the sync does, so that every way of typing it in a CRM finds the company."""
    if value is None:
        return None
    if (domain := web_domain(value, reference)) is None:
        raise InvalidInput("domain", messages.NO_WEB_DOMAIN)
    return domain
