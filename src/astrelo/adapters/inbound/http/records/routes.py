"""Companies, contacts, deals and owners: lists and single ones."""

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.response import Redirect

from astrelo.adapters.inbound.http import pagination
from astrelo.adapters.inbound.http.disconnects import cancel_on_disconnect
from astrelo.adapters.inbound.http.records import expansion, parameters
from astrelo.adapters.inbound.http.responses import etags
from astrelo.application.read import readers, views
from astrelo.domain import errors
from astrelo.domain.icp import expand_naics
from astrelo.domain.identifiers import UserId
from astrelo.domain.ports.reference import ReferenceData

MERGED = {
    308: ResponseSpec(data_container=None, description="The company was merged into the one at Location.")
}


class Companies(Controller):
    path = "/api/companies"
    middleware = (cancel_on_disconnect,)
    tags = ("companies",)

    @get(summary="List companies")
    @inject
    async def list_companies(
        self,
        reader: FromDishka[readers.CompanyReader],
        reference: FromDishka[ReferenceData],
        user_id: NamedDependency[UserId],
        *,
        name: parameters.NamePrefix = None,
        domain: parameters.Site = None,
        industry: parameters.Industry = None,
        naics: parameters.Naics = None,
        country: parameters.Country = None,
        region: parameters.Region = None,
        revenue_range: parameters.Revenue = None,
        employees_min: parameters.Employees = None,
        employees_max: parameters.Employees = None,
        fits_icp: parameters.FitsIcp = None,
        source: parameters.Source = None,
        external_id: parameters.ExternalId = None,
        updated_since: parameters.UpdatedSince = None,
        include_archived: parameters.IncludeArchived = False,
        sort: parameters.CompanySort = None,
        count: parameters.Count = None,
        limit: parameters.Limit = parameters.DEFAULT_LIMIT,
        cursor: parameters.PageCursor = None,
    ) -> views.Page[views.CompanyView]:
        """In order of id unless sorted; filters narrow together. Those gone at the source only with `include_archived`."""
        filters = readers.CompanyFilter(
            name=name,
            domain=parameters.parse_domain(domain, reference),
            industry=industry,
            naics=None if naics is None else expand_naics(naics),
            country=country,
            region=region,
            revenue_range=revenue_range,
            employees_min=employees_min,
            employees_max=employees_max,
            fits_icp=fits_icp,
            source=source,
            external_id=external_id,
            updated_since=parameters.to_utc("updated_since", updated_since),
            include_archived=include_archived,
            sort=sort,
        )
        cursors = pagination.Cursors.of("companies", user_id, filters)
        found = await reader.list(user_id, filters, cursors.decode(cursor), limit + 1)
        total = await reader.count(user_id, filters, exact=count == "exact") if count else msgspec.UNSET
        return msgspec.structs.replace(cursors.page_of(found, limit), total=total)

    @get("/summary", summary="Count the companies")
    @inject
    async def summarize_companies(
        self, reader: FromDishka[readers.CompanyReader], user_id: NamedDependency[UserId]
    ) -> views.CompanySummary:
        """How many firms there are, and how many of them more than one CRM knows. Archived ones do not count."""
        return await reader.summary(user_id)

    @get(
        "/{company_id:uuid}",
        responses=MERGED,
        middleware=[etags.conditional],
        summary="Get a company",
    )
    @inject
    async def get_company(
        self,
        reader: FromDishka[readers.CompanyReader],
        user_id: NamedDependency[UserId],
        company_id: parameters.CompanyPath,
    ) -> Response[views.CompanyView]:
        """Return one company. The id of one that was merged into another leads there with 308."""
        found = await reader.get(user_id, company_id)
        if found is not None:
            return Response(found)
        living = await reader.living_id(user_id, company_id)
        if living is None:
            raise errors.NotFound("company", company_id)
        return Redirect(f"{self.path}/{living}", status_code=308)


class Contacts(Controller):
    path = "/api/contacts"
    middleware = (cancel_on_disconnect,)
    tags = ("contacts",)

    @get(summary="List contacts")
    @inject
    async def list_contacts(
        self,
        reader: FromDishka[readers.ContactReader],
        companies: FromDishka[readers.CompanyReader],
        user_id: NamedDependency[UserId],
        *,
        name: parameters.NamePrefix = None,
        email: parameters.EmailPrefix = None,
        company_id: parameters.OfCompany = None,
        linked: parameters.Linked = None,
        unlinked_reason: parameters.Unlinked = None,
        rep: parameters.Rep = None,
        source: parameters.Source = None,
        external_id: parameters.ExternalId = None,
        updated_since: parameters.UpdatedSince = None,
        include_archived: parameters.IncludeArchived = False,
        sort: parameters.ContactSort = None,
        expand: expansion.Expand = None,
        count: parameters.Count = None,
        limit: parameters.Limit = parameters.DEFAULT_LIMIT,
        cursor: parameters.PageCursor = None,
    ) -> views.Page[views.ContactView]:
        """In order of id unless sorted; filters narrow together. `name` begins the first, the last or the whole name."""
        filters = readers.ContactFilter(
            name=name,
            email=email,
            company_id=company_id,
            linked=linked,
            unlinked_reason=unlinked_reason,
            rep=rep,
            source=source,
            external_id=external_id,
            updated_since=parameters.to_utc("updated_since", updated_since),
            include_archived=include_archived,
            sort=sort,
        )
        cursors = pagination.Cursors.of("contacts", user_id, filters)
        found = await reader.list(user_id, filters, cursors.decode(cursor), limit + 1)
        total = await reader.count(user_id, filters, exact=count == "exact") if count else msgspec.UNSET
        page = cursors.page_of(found, limit)
        data = await expansion.expand(page.data, expand, companies, user_id)
        return msgspec.structs.replace(page, data=data, total=total)

    @get("/{contact_id:uuid}", middleware=[etags.conditional], summary="Get a contact")
    @inject
    async def get_contact(
        self,
        reader: FromDishka[readers.ContactReader],
        companies: FromDishka[readers.CompanyReader],
        user_id: NamedDependency[UserId],
        contact_id: parameters.ContactPath,
        *,
        expand: expansion.Expand = None,
    ) -> views.ContactView:
        if found := await reader.get(user_id, contact_id):
            return (await expansion.expand([found], expand, companies, user_id))[0]
        raise errors.NotFound("contact", contact_id)


class Deals(Controller):
    path = "/api/deals"
    middleware = (cancel_on_disconnect,)
    tags = ("deals",)

    @get(summary="List deals")
    @inject
    async def list_deals(
        self,
        reader: FromDishka[readers.DealReader],
        companies: FromDishka[readers.CompanyReader],
        user_id: NamedDependency[UserId],
        *,
        company_id: parameters.OfCompany = None,
        linked: parameters.Linked = None,
        contact: parameters.Contact = None,
        pipeline: parameters.Pipeline = None,
        stage: parameters.Stage = None,
        is_closed: parameters.IsClosed = None,
        is_won: parameters.IsWon = None,
        rep: parameters.Rep = None,
        source: parameters.Source = None,
        external_id: parameters.ExternalId = None,
        updated_since: parameters.UpdatedSince = None,
        include_archived: parameters.IncludeArchived = False,
        sort: parameters.DealSort = None,
        expand: expansion.Expand = None,
        count: parameters.Count = None,
        limit: parameters.Limit = parameters.DEFAULT_LIMIT,
        cursor: parameters.PageCursor = None,
    ) -> views.Page[views.DealView]:
        """In order of id unless sorted; filters narrow together. `pipeline` and `stage` are an id or a label."""
        filters = readers.DealFilter(
            company_id=company_id,
            linked=linked,
            contact_id=contact,
            pipeline=pipeline,
            stage=stage,
            is_closed=is_closed,
            is_won=is_won,
            rep=rep,
            source=source,
            external_id=external_id,
            updated_since=parameters.to_utc("updated_since", updated_since),
            include_archived=include_archived,
            sort=sort,
        )
        cursors = pagination.Cursors.of("deals", user_id, filters)
        found = await reader.list(user_id, filters, cursors.decode(cursor), limit + 1)
        total = await reader.count(user_id, filters, exact=count == "exact") if count else msgspec.UNSET
        page = cursors.page_of(found, limit)
        data = await expansion.expand(page.data, expand, companies, user_id)
        return msgspec.structs.replace(page, data=data, total=total)

    @get("/{deal_id:uuid}", middleware=[etags.conditional], summary="Get a deal")
    @inject
    async def get_deal(
        self,
        reader: FromDishka[readers.DealReader],
        companies: FromDishka[readers.CompanyReader],
        user_id: NamedDependency[UserId],
        deal_id: parameters.DealPath,
        *,
        expand: expansion.Expand = None,
    ) -> views.DealView:
        if found := await reader.get(user_id, deal_id):
            return (await expansion.expand([found], expand, companies, user_id))[0]
        raise errors.NotFound("deal", deal_id)


class Owners(Controller):
    path = "/api/owners"
    middleware = (cancel_on_disconnect,)
    tags = ("owners",)

    @get(summary="List the CRM's owners")
    @inject
    async def list_owners(
        self,
        reader: FromDishka[readers.OwnerReader],
        user_id: NamedDependency[UserId],
        *,
        limit: parameters.Limit = parameters.DEFAULT_LIMIT,
        cursor: parameters.PageCursor = None,
    ) -> views.Page[views.OwnerView]:
        """In order of id, archived ones too: records may still name them."""
        cursors = pagination.Cursors.of("owners", user_id)
        return cursors.page_of(await reader.list(user_id, cursors.decode(cursor), limit + 1), limit)

    @get("/{owner_id:uuid}", middleware=[etags.conditional], summary="Get an owner")
    @inject
    async def get_owner(
        self,
        reader: FromDishka[readers.OwnerReader],
        user_id: NamedDependency[UserId],
        owner_id: parameters.OwnerPath,
    ) -> views.OwnerView:
        if found := await reader.get(user_id, owner_id):
            return found
        raise errors.NotFound("owner", owner_id)
