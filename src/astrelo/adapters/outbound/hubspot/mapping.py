"""HubSpot's objects as records in our terms: pure, and the only place that knows which property is which."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from astrelo.adapters.outbound.crm.industries import NO_CODES, IndustryCodes
from astrelo.adapters.outbound.crm.mapping import (
    NO_ADDITIONAL_EMAILS,
    Address,
    DealStatus,
    additional_domains,
    additional_emails,
    country_and_region,
    currency_of,
    record_id,
    rejected,
    unreadable,
)
from astrelo.adapters.outbound.hubspot.api.wire import (
    CompanyObject,
    CompanyProperties,
    ContactObject,
    DealObject,
    DealProperties,
    OwnerObject,
    Pipeline,
)
from astrelo.domain.identifiers import RecordId
from astrelo.domain.normalization import (
    amount,
    currency,
    email_address,
    employee_count,
    flag,
    identity_domain,
    linkedin_page,
    probability,
    revenue_range,
    text,
    timestamp,
    web_domain,
)
from astrelo.domain.normalization.money import UsdAmount, usd_amount
from astrelo.domain.ports.reference import ReferenceData
from astrelo.domain.records import (
    CompanyAssociation,
    CompanyRecord,
    ContactRecord,
    DealRecord,
    OwnerRecord,
    RejectedRecord,
)

_COMPANY_FIELDS = (
    "domain",
    "employee_count",
    "annual_revenue",
    "annual_revenue_currency",
    "hq_country",
    "hq_region",
    "linkedin_url",
    "crm_rep_id",
)
_CONTACT_FIELDS = ("email", "crm_rep_id")
_DEAL_FIELDS = ("amount", "currency", "probability", "is_closed", "is_won", "close_date", "crm_rep_id")
_DOLLAR = "USD"


class RecordMapper:
    """Maps one account's objects. `default_currency` is the account's, for amounts told without one.

    A value that cannot be read is None in the record, and the column it was meant for is named in
    `unreadable`. A record without a usable id or modification time is rejected.
    """

    def __init__(
        self,
        reference: ReferenceData,
        industries: Mapping[str, IndustryCodes],
        default_currency: str | None,
        pipelines: Iterable[Pipeline] = (),
    ) -> None:
        self._reference = reference
        self._industries = industries
        self._default_currency = default_currency
        self._pipelines = {pipeline.id: _read_pipeline(pipeline) for pipeline in pipelines}

    def company(self, told: CompanyObject) -> CompanyRecord | RejectedRecord:
        p = told.properties
        known_id, updated_at = record_id(told.id), _modified(p.hs_lastmodifieddate, told.updated_at)
        if known_id is None or updated_at is None:
            return rejected(told.id, known_id)
        domain = web_domain(p.domain, self._reference) or web_domain(p.website, self._reference)
        identity = identity_domain(domain, self._reference)
        further = p.hs_additional_domains.split(";") if p.hs_additional_domains else ()
        industry = text(p.industry)
        naics, sic = NO_CODES if industry is None else self._industries.get(industry, NO_CODES)
        employees, revenue = employee_count(p.numberofemployees), amount(p.annualrevenue)
        told_currency = currency(p.hs_annual_revenue_currency_code)
        revenue_currency = currency_of(
            revenue, p.hs_annual_revenue_currency_code, told_currency, self._default_currency
        )
        usd, rate_date = usd_amount(revenue, revenue_currency, updated_at, self._reference)
        place = Address(p.hs_country_code, p.country, p.hs_state_code, p.state)
        country, region = country_and_region(place, self._reference)
        linkedin_url = linkedin_page(p.linkedin_company_page, p.hs_linkedin_handle)
        owner_id = record_id(p.hubspot_owner_id)
        has_revenue = revenue is not None or None
        read = (domain, employees, has_revenue, told_currency, country, region, linkedin_url, owner_id)
        return CompanyRecord(
            known_id,
            updated_at,
            text(p.name),
            domain,
            identity,
            industry,
            naics,
            sic,
            employees,
            revenue,
            revenue_currency,
            usd,
            rate_date,
            revenue_range(usd),
            country,
            region,
            text(p.city),
            text(p.description),
            text(p.phone),
            linkedin_url,
            text(p.lifecyclestage),
            owner_id,
            additional_domains(further, identity, self._reference) if further else (),
            unreadable(_COMPANY_FIELDS, _told_of_company(p), read),
        )

    def contact(
        self, told: ContactObject, company_id: RecordId | None, association: CompanyAssociation | None = None
    ) -> ContactRecord | RejectedRecord:
        """Map a person; `company_id` is the company of the associations, not of a property."""
        p = told.properties
        known_id, updated_at = record_id(told.id), _modified(p.lastmodifieddate, told.updated_at)
        if known_id is None or updated_at is None:
            return rejected(told.id, known_id)
        email = email_address(p.email, self._reference)
        address, host, registrable_domain, kind = email
        owner_id = record_id(p.hubspot_owner_id)
        further_emails, further_domains = (
            additional_emails(p.hs_additional_emails.split(";"), email, self._reference)
            if p.hs_additional_emails
            else NO_ADDITIONAL_EMAILS
        )
        return ContactRecord(
            known_id,
            updated_at,
            address,
            host,
            registrable_domain,
            kind,
            text(p.firstname),
            text(p.lastname),
            text(p.jobtitle),
            text(p.phone) or text(p.mobilephone),
            text(p.lifecyclestage),
            owner_id,
            company_id,
            association,
            further_emails,
            further_domains,
            False,  # noqa: FBT003 - by position like all fields: by name each costs as much as reading it
            unreadable(_CONTACT_FIELDS, (p.email, p.hubspot_owner_id), (address, owner_id)),
        )

    def deal(
        self,
        told: DealObject,
        company_id: RecordId | None,
        association: CompanyAssociation | None = None,
        contact_ids: Iterable[RecordId] = (),
    ) -> DealRecord | RejectedRecord:
        """Map a deal. What its own properties do not say about probability and closing, its stage says."""
        p = told.properties
        known_id, updated_at = record_id(told.id), _modified(p.hs_lastmodifieddate, told.updated_at)
        if known_id is None or updated_at is None:
            return rejected(told.id, known_id)
        pipeline_id, stage_id = text(p.pipeline), text(p.dealstage)
        pipeline = self._pipelines.get(pipeline_id or "", _UNKNOWN_PIPELINE)
        stage = pipeline.stages.get(stage_id or "", _UNKNOWN_STAGE)
        value, told_currency = amount(p.amount), currency(p.deal_currency_code)
        deal_currency = currency_of(value, p.deal_currency_code, told_currency, self._default_currency)
        shown = DealStatus(
            probability(p.hs_deal_stage_probability), flag(p.hs_is_closed), flag(p.hs_is_closed_won)
        )
        deal_status = shown.completed_by(stage.deal_status)
        close_date, owner_id = timestamp(p.closedate), record_id(p.hubspot_owner_id)
        usd, rate_date = self._deal_usd(value, deal_currency, updated_at, p.amount_in_home_currency)
        read_status = (shown.probability is not None or None, shown.is_closed, shown.is_won)
        read = (value is not None or None, told_currency, *read_status, close_date, owner_id)
        return DealRecord(
            known_id,
            updated_at,
            text(p.dealname),
            value,
            deal_currency,
            usd,
            rate_date,
            pipeline_id,
            pipeline.label,
            stage_id,
            stage.label,
            deal_status.probability,
            deal_status.is_closed,
            deal_status.is_won,
            close_date,
            owner_id,
            company_id,
            association,
            tuple(sorted(set(contact_ids))) if contact_ids else (),
            unreadable(_DEAL_FIELDS, _told_of_deal(p), read),
        )

    def _deal_usd(
        self, value: Decimal | None, deal_currency: str | None, on: datetime, told_at_home: str | None
    ) -> UsdAmount:
        """Prefer HubSpot's own conversion where the account's currency is the dollar: its rates are the customer's."""
        if (
            value
            and told_at_home
            and deal_currency not in {_DOLLAR, None}
            and self._default_currency == _DOLLAR
        ):
            at_home = amount(told_at_home)
            if at_home is not None:
                return at_home, None
        return usd_amount(value, deal_currency, on, self._reference)

    def owner(self, told: OwnerObject) -> OwnerRecord | RejectedRecord:
        known_id = record_id(told.id)
        if known_id is None:
            return rejected(told.id, known_id)
        email = email_address(told.email, self._reference)
        return OwnerRecord(
            known_id, email.address, text(told.first_name), text(told.last_name), told.archived
        )


class _Stage(NamedTuple):
    label: str | None = None
    deal_status: DealStatus = DealStatus()


class _DealPipeline(NamedTuple):
    label: str | None
    stages: Mapping[str, _Stage]


_UNKNOWN_STAGE = _Stage()
_UNKNOWN_PIPELINE = _DealPipeline(None, {})


def _read_pipeline(told: Pipeline) -> _DealPipeline:
    stages = {
        stage.id: _Stage(
            text(stage.label), _stage_status(stage.metadata.probability, stage.metadata.is_closed)
        )
        for stage in told.stages
    }
    return _DealPipeline(text(told.label), stages)


def _stage_status(told_probability: str | None, told_closed: str | None) -> DealStatus:
    """Conclude what HubSpot does: a closed stage is won at a probability of 1, and lost below it."""
    likely, closed = probability(told_probability), flag(told_closed)
    won = likely == 1 if closed and likely is not None else None
    return DealStatus(likely, closed, won)


def _modified(property_value: str | None, updated_at: str | None) -> datetime | None:
    """Prefer the property that searches filter on; `updatedAt` may differ from it."""
    return timestamp(property_value) or timestamp(updated_at)


def _told_of_company(p: CompanyProperties) -> tuple[str | None, ...]:
    """Return what each of _COMPANY_FIELDS is read from."""
    return (
        p.domain or p.website,
        p.numberofemployees,
        p.annualrevenue,
        p.hs_annual_revenue_currency_code,
        p.hs_country_code or p.country,
        p.hs_state_code or p.state,
        p.linkedin_company_page or p.hs_linkedin_handle,
        p.hubspot_owner_id,
    )


def _told_of_deal(p: DealProperties) -> tuple[str | None, ...]:
    """Return what each of _DEAL_FIELDS is read from."""
    return (
        p.amount,
        p.deal_currency_code,
        p.hs_deal_stage_probability,
        p.hs_is_closed,
        p.hs_is_closed_won,
        p.closedate,
        p.hubspot_owner_id,
    )
