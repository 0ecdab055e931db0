"""Map HubSpot's objects to records: pure, and the only place that knows which property is which."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Self

from astrelo.adapters.outbound.crm.industries import NO_CODES, IndustryCodes, read_codes
from astrelo.adapters.outbound.crm.mapping import (
    NO_ADDITIONAL_EMAILS,
    Address,
    DealStatus,
    additional_domains,
    additional_emails,
    country_and_region,
    currency_or_default,
    find_unreadable,
    record_id,
    reject_record,
)
from astrelo.adapters.outbound.hubspot.api import wire
from astrelo.domain import normalization, records
from astrelo.domain.identifiers import RecordId
from astrelo.domain.normalization.money import UsdAmount, usd_amount
from astrelo.domain.ports.reference import ReferenceData

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


def load_industries() -> Mapping[str, IndustryCodes]:
    """Read the crosswalk from HubSpot's 148 options. The mapping is our judgement: none is published.

    CONSTRUCTION is broad, but the sector 23; RETAIL is 44-45; INTERNET fits no one code.
    """
    return read_codes(__package__, "hubspot_value")


class RecordMapper:
    """Maps one account's objects. `default_currency` is the account's, for amounts that name none.

    A value that cannot be parsed is None in the record, and the record's `unreadable` names its
    column. A record without a usable id or modification time is rejected.
    """

    def __init__(
        self,
        reference: ReferenceData,
        industries: Mapping[str, IndustryCodes],
        default_currency: str | None,
        pipelines: Iterable[wire.Pipeline] = (),
    ) -> None:
        self._reference = reference
        self._industries = industries
        self._default_currency = default_currency
        self._pipelines = {pipeline.id: _DealPipeline.read(pipeline) for pipeline in pipelines}

    def company(self, company: wire.CompanyObject) -> records.CompanyRecord | records.RejectedRecord:
        p, reference = company.properties, self._reference
        known_id, updated_at = record_id(company.id), _modified(p.hs_lastmodifieddate, company.updated_at)
        if known_id is None or updated_at is None:
            return reject_record(company.id, known_id)
        domain = normalization.web_domain(p.domain, reference)
        domain = domain or normalization.web_domain(p.website, reference)
        identity = normalization.identity_domain(domain, reference)
        further = p.hs_additional_domains.split(";") if p.hs_additional_domains else ()
        industry = normalization.text(p.industry)
        naics, sic = NO_CODES if industry is None else self._industries.get(industry, NO_CODES)
        employees = normalization.employee_count(p.numberofemployees)
        revenue = normalization.amount(p.annualrevenue)
        own_currency = normalization.currency(p.hs_annual_revenue_currency_code)
        revenue_currency = currency_or_default(
            revenue, p.hs_annual_revenue_currency_code, own_currency, self._default_currency
        )
        usd, rate_date = usd_amount(revenue, revenue_currency, updated_at, reference)
        place = Address(p.hs_country_code, p.country, p.hs_state_code, p.state)
        country, region = country_and_region(place, reference)
        linkedin_url = normalization.linkedin_page(p.linkedin_company_page, p.hs_linkedin_handle)
        owner_id = record_id(p.hubspot_owner_id)
        has_revenue = revenue is not None or None
        parsed = (domain, employees, has_revenue, own_currency, country, region, linkedin_url, owner_id)
        return records.CompanyRecord(
            known_id,
            updated_at,
            normalization.text(p.name),
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
            normalization.revenue_range(usd),
            country,
            region,
            normalization.text(p.city),
            normalization.text(p.description),
            normalization.text(p.phone),
            linkedin_url,
            normalization.text(p.lifecyclestage),
            owner_id,
            additional_domains(further, identity, reference) if further else (),
            find_unreadable(_COMPANY_FIELDS, _raw_company_values(p), parsed),
        )

    def contact(
        self,
        contact: wire.ContactObject,
        company_id: RecordId | None,
        association: records.CompanyAssociation | None = None,
    ) -> records.ContactRecord | records.RejectedRecord:
        """Map a contact; `company_id` comes from the associations, not from a property."""
        p = contact.properties
        known_id, updated_at = record_id(contact.id), _modified(p.lastmodifieddate, contact.updated_at)
        if known_id is None or updated_at is None:
            return reject_record(contact.id, known_id)
        email = normalization.email_address(p.email, self._reference)
        address, host, registrable_domain, kind = email
        owner_id = record_id(p.hubspot_owner_id)
        further_emails, further_domains = (
            additional_emails(p.hs_additional_emails.split(";"), email, self._reference)
            if p.hs_additional_emails
            else NO_ADDITIONAL_EMAILS
        )
        return records.ContactRecord(
            known_id,
            updated_at,
            address,
            host,
            registrable_domain,
            kind,
            normalization.text(p.firstname),
            normalization.text(p.lastname),
            normalization.text(p.jobtitle),
            normalization.text(p.phone) or normalization.text(p.mobilephone),
            normalization.text(p.lifecyclestage),
            owner_id,
            company_id,
            association,
            further_emails,
            further_domains,
            False,  # noqa: FBT003 - by position like all fields: by name each costs as much as reading it
            find_unreadable(_CONTACT_FIELDS, (p.email, p.hubspot_owner_id), (address, owner_id)),
        )

    def deal(
        self,
        deal: wire.DealObject,
        company_id: RecordId | None,
        association: records.CompanyAssociation | None = None,
        contact_ids: Iterable[RecordId] = (),
    ) -> records.DealRecord | records.RejectedRecord:
        """Map a deal. Its stage fills what its own properties leave open about probability and closing."""
        p = deal.properties
        known_id, updated_at = record_id(deal.id), _modified(p.hs_lastmodifieddate, deal.updated_at)
        if known_id is None or updated_at is None:
            return reject_record(deal.id, known_id)
        pipeline_id, stage_id = normalization.text(p.pipeline), normalization.text(p.dealstage)
        pipeline = self._pipelines.get(pipeline_id or "", _UNKNOWN_PIPELINE)
        stage = pipeline.stages.get(stage_id or "", _UNKNOWN_STAGE)
        value, own_currency = normalization.amount(p.amount), normalization.currency(p.deal_currency_code)
        deal_currency = currency_or_default(value, p.deal_currency_code, own_currency, self._default_currency)
        own_status = DealStatus(
            normalization.probability(p.hs_deal_stage_probability),
            normalization.flag(p.hs_is_closed),
            normalization.flag(p.hs_is_closed_won),
        )
        deal_status = own_status.fill_from(stage.deal_status)
        close_date, owner_id = normalization.timestamp(p.closedate), record_id(p.hubspot_owner_id)
        usd, rate_date = self._deal_usd(value, deal_currency, updated_at, p.amount_in_home_currency)
        parsed_status = (own_status.probability is not None or None, own_status.is_closed, own_status.is_won)
        parsed = (value is not None or None, own_currency, *parsed_status, close_date, owner_id)
        return records.DealRecord(
            known_id,
            updated_at,
            normalization.text(p.dealname),
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
            find_unreadable(_DEAL_FIELDS, _raw_deal_values(p), parsed),
        )

    def _deal_usd(
        self, value: Decimal | None, deal_currency: str | None, on: datetime, raw_home_amount: str | None
    ) -> UsdAmount:
        """Prefer HubSpot's own conversion where the account's currency is the dollar: its rates are the customer's."""
        if (
            value
            and raw_home_amount
            and deal_currency not in {_DOLLAR, None}
            and self._default_currency == _DOLLAR
        ):
            home_amount = normalization.amount(raw_home_amount)
            if home_amount is not None:
                return home_amount, None
        return usd_amount(value, deal_currency, on, self._reference)

    def owner(self, owner: wire.OwnerObject) -> records.OwnerRecord | records.RejectedRecord:
        known_id = record_id(owner.id)
        if known_id is None:
            return reject_record(owner.id, known_id)
        email = normalization.email_address(owner.email, self._reference)
        return records.OwnerRecord(
            known_id,
            email.address,
            normalization.text(owner.first_name),
            normalization.text(owner.last_name),
            owner.archived,
        )


class _Stage(NamedTuple):
    label: str | None = None
    deal_status: DealStatus = DealStatus()


class _DealPipeline(NamedTuple):
    label: str | None
    stages: Mapping[str, _Stage]

    @classmethod
    def read(cls, pipeline: wire.Pipeline) -> Self:
        """Interpret stages as HubSpot does: a closed stage is won at a probability of 1, and lost below it."""
        stages: dict[str, _Stage] = {}
        for stage in pipeline.stages:
            likely, closed = (
                normalization.probability(stage.metadata.probability),
                normalization.flag(stage.metadata.is_closed),
            )
            won = likely == 1 if closed and likely is not None else None
            stages[stage.id] = _Stage(normalization.text(stage.label), DealStatus(likely, closed, won))
        return cls(normalization.text(pipeline.label), stages)


_UNKNOWN_STAGE = _Stage()
_UNKNOWN_PIPELINE = _DealPipeline(None, {})


def _modified(property_value: str | None, updated_at: str | None) -> datetime | None:
    """Prefer the property that searches filter on; `updatedAt` may differ from it."""
    return normalization.timestamp(property_value) or normalization.timestamp(updated_at)


def _raw_company_values(p: wire.CompanyProperties) -> tuple[str | None, ...]:
    """Return the raw value of each of _COMPANY_FIELDS."""
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


def _raw_deal_values(p: wire.DealProperties) -> tuple[str | None, ...]:
    """Return the raw value of each of _DEAL_FIELDS."""
    return (
        p.amount,
        p.deal_currency_code,
        p.hs_deal_stage_probability,
        p.hs_is_closed,
        p.hs_is_closed_won,
        p.closedate,
        p.hubspot_owner_id,
    )
