"""Map Salesforce's rows to records: pure, and the only place that knows which field is which."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from astrelo.adapters.outbound.crm.industries import NO_CODES, IndustryCodes, naics_code, read_codes, sic_code
from astrelo.adapters.outbound.crm.mapping import (
    Address,
    DealStatus,
    country_and_region,
    currency_or_default,
    find_unreadable,
    record_id,
    reject_record,
)
from astrelo.adapters.outbound.salesforce.api import wire
from astrelo.domain import normalization, records
from astrelo.domain.identifiers import ObjectType
from astrelo.domain.normalization.money import usd_amount
from astrelo.domain.ports.reference import ReferenceData

OBJECTS: Mapping[ObjectType, str] = {
    ObjectType.COMPANIES: "Account",
    ObjectType.CONTACTS: "Contact",
    ObjectType.DEALS: "Opportunity",
}
FIELDS: Mapping[ObjectType, tuple[str, ...]] = {
    object_type: wire.field_names(row) for object_type, row in wire.ROWS.items()
}
"""The fields that we want of each object; its describe lists those that an org has."""

EVERY_ORG_HAS: Mapping[ObjectType, Mapping[str, str]] = {
    ObjectType.COMPANIES: {
        "Name": "company_name",
        "Website": "domain",
        "Industry": "industry",
        "NumberOfEmployees": "employee_count",
        "AnnualRevenue": "annual_revenue",
        "BillingCountry": "hq_country",
        "BillingState": "hq_region",
        "BillingCity": "hq_city",
        "Description": "description",
        "Phone": "phone",
        "OwnerId": "crm_rep_id",
    },
    ObjectType.CONTACTS: {
        "Email": "email",
        "FirstName": "first_name",
        "LastName": "last_name",
        "Title": "job_title",
        "Phone": "phone",
        "AccountId": "provider_company_id",
        "OwnerId": "crm_rep_id",
    },
    ObjectType.DEALS: {
        "Name": "name",
        "Amount": "amount",
        "StageName": "stage_id",
        "Probability": "probability",
        "CloseDate": "close_date",
        "AccountId": "provider_company_id",
        "OwnerId": "crm_rep_id",
    },
}
"""The columns of fields that every org has, so that their absence from a describe means that they are hidden.

Other fields come with features.
"""

_CACHED_SHARES = 1_024
_COMPANY_FIELDS = (
    "domain",
    "naics",
    "sic",
    "employee_count",
    "annual_revenue",
    "annual_revenue_currency",
    "hq_country",
    "hq_region",
    "crm_rep_id",
)
_CONTACT_FIELDS = ("email", "crm_rep_id", "provider_company_id")
_DEAL_FIELDS = (
    "amount",
    "currency",
    "probability",
    "is_closed",
    "is_won",
    "close_date",
    "crm_rep_id",
    "provider_company_id",
)


def load_industries() -> Mapping[str, IndustryCodes]:
    """Read the crosswalk from the 32 values that a new org has. The mapping is our judgement.

    The values are wide, so most have a short NAICS code and no SIC code. Where several industries fit
    (Energy, Food & Beverage, Shipping, Technology) there is none. An org may add values of its own.
    """
    return read_codes(__package__, "salesforce_value")


class RecordMapper:
    """Maps one org's rows. `default_currency` is the org's, for amounts that name none.

    A value that cannot be parsed is None in the record, and the record's `unreadable` names its
    column. A row without a modification time is rejected. An account's own industry codes, for NAICS and SIC
    separately, come before those of its industry.
    """

    def __init__(
        self,
        reference: ReferenceData,
        industries: Mapping[str, IndustryCodes],
        default_currency: str | None,
        stages: Iterable[wire.StageRow] = (),
    ) -> None:
        self._reference = reference
        self._industries = industries
        self._default_currency = default_currency
        self._stages: dict[str | None, _Stage] = {}
        for stage in stages:
            status = DealStatus(
                _share(stage.default_probability),
                normalization.flag(stage.is_closed),
                normalization.flag(stage.is_won),
            )
            self._stages[stage.api_name or stage.master_label] = _Stage(
                normalization.text(stage.master_label), status
            )

    def company(self, row: wire.AccountRow) -> records.CompanyRecord | records.RejectedRecord:
        if (updated_at := row.modified) is None:
            return reject_record(row.id, row.id)
        domain = normalization.web_domain(row.website, self._reference)
        industry = normalization.text(row.industry)
        usual = NO_CODES if industry is None else self._industries.get(industry, NO_CODES)
        naics, sic = naics_code(row.naics_code) or usual.naics, sic_code(row.sic) or usual.sic
        employees = normalization.employee_count(row.number_of_employees)
        revenue = normalization.amount(row.annual_revenue)
        own_currency = normalization.currency(row.currency_iso_code)
        revenue_currency = currency_or_default(
            revenue, row.currency_iso_code, own_currency, self._default_currency
        )
        usd, rate_date = usd_amount(revenue, revenue_currency, updated_at, self._reference)
        place = Address(
            row.billing_country_code, row.billing_country, row.billing_state_code, row.billing_state
        )
        country, region = country_and_region(place, self._reference)
        # A bulk job (lineEnding LF) may send a line break as '\n', where REST sends '\r\n'.
        description = row.description.replace("\r\n", "\n") if row.description else None
        owner_id = record_id(row.owner_id)
        own_codes = (naics if row.naics_code else None, sic if row.sic else None)
        has_revenue = revenue is not None or None
        parsed = (domain, *own_codes, employees, has_revenue, own_currency, country, region, owner_id)
        return records.CompanyRecord(
            row.id,
            updated_at,
            normalization.text(row.name),
            domain,
            normalization.identity_domain(domain, self._reference),
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
            normalization.text(row.billing_city),
            normalization.text(description),
            normalization.text(row.phone),
            None,
            normalization.text(row.type),
            owner_id,
            (),
            find_unreadable(_COMPANY_FIELDS, _raw_company_values(row), parsed),
        )

    def contact(self, row: wire.ContactRow) -> records.ContactRecord | records.RejectedRecord:
        if (updated_at := row.modified) is None:
            return reject_record(row.id, row.id)
        address, host, registrable_domain, kind = normalization.email_address(row.email, self._reference)
        owner_id, company_id = record_id(row.owner_id), record_id(row.account_id)
        return records.ContactRecord(
            row.id,
            updated_at,
            address,
            host,
            registrable_domain,
            kind,
            normalization.text(row.first_name),
            normalization.text(row.last_name),
            normalization.text(row.title),
            normalization.text(row.phone) or normalization.text(row.mobile_phone),
            None,
            owner_id,
            company_id,
            records.CompanyAssociation.PRIMARY if company_id is not None else None,
            (),
            (),
            row.is_person_account is not None and normalization.flag(row.is_person_account) is True,
            find_unreadable(
                _CONTACT_FIELDS,
                (row.email, row.owner_id, row.account_id),
                (address, owner_id, company_id),
            ),
        )

    def deal(
        self, row: wire.OpportunityRow, contact_ids: Iterable[str] = ()
    ) -> records.DealRecord | records.RejectedRecord:
        """Map an opportunity. Its stage fills what its own fields leave open about probability and closing.

        Salesforce's own conversion (convertCurrency) is not used: it converts into the currency of the user who
        connected, and in most orgs at today's rate whatever the record's time.
        """
        if (updated_at := row.modified) is None:
            return reject_record(row.id, row.id)
        stage_id = normalization.text(row.stage_name)
        stage = self._stages.get(stage_id, _UNKNOWN_STAGE)
        value, own_currency = normalization.amount(row.amount), normalization.currency(row.currency_iso_code)
        deal_currency = currency_or_default(
            value, row.currency_iso_code, own_currency, self._default_currency
        )
        own_status = DealStatus(
            _share(row.probability), normalization.flag(row.is_closed), normalization.flag(row.is_won)
        )
        close_date = normalization.timestamp(row.close_date)
        owner_id, company_id = record_id(row.owner_id), record_id(row.account_id)
        usd, rate_date = usd_amount(value, deal_currency, updated_at, self._reference)
        deal_status = own_status.fill_from(stage.deal_status)
        parsed_status = (own_status.probability is not None or None, own_status.is_closed, own_status.is_won)
        parsed = (value is not None or None, own_currency, *parsed_status, close_date, owner_id, company_id)
        return records.DealRecord(
            row.id,
            updated_at,
            normalization.text(row.name),
            value,
            deal_currency,
            usd,
            rate_date,
            None,
            None,
            stage_id,
            stage.label,
            deal_status.probability,
            deal_status.is_closed,
            deal_status.is_won,
            close_date,
            owner_id,
            company_id,
            records.CompanyAssociation.PRIMARY if company_id is not None else None,
            tuple(sorted(set(filter(None, map(record_id, contact_ids))))),
            find_unreadable(_DEAL_FIELDS, _raw_deal_values(row), parsed),
        )

    def owner(self, row: wire.UserRow) -> records.OwnerRecord:
        email = normalization.email_address(row.email, self._reference)
        archived = normalization.flag(row.is_active) is False
        return records.OwnerRecord(
            row.id,
            email.address,
            normalization.text(row.first_name),
            normalization.text(row.last_name),
            archived,
        )


class _Stage(NamedTuple):
    label: str | None = None
    deal_status: DealStatus = DealStatus()


_UNKNOWN_STAGE = _Stage()


@lru_cache(_CACHED_SHARES)
def _share(percentage: str | None) -> Decimal | None:
    """Return a percentage as a share from 0 to 1. There are few different ones: most are those of the stages."""
    value = normalization.amount(percentage)
    return None if value is None else normalization.probability(str(value / 100))


def _raw_company_values(row: wire.AccountRow) -> tuple[str | None, ...]:
    """Return the raw value of each of _COMPANY_FIELDS."""
    return (
        row.website,
        row.naics_code,
        row.sic,
        row.number_of_employees,
        row.annual_revenue,
        row.currency_iso_code,
        row.billing_country_code or row.billing_country,
        row.billing_state_code or row.billing_state,
        row.owner_id,
    )


def _raw_deal_values(row: wire.OpportunityRow) -> tuple[str | None, ...]:
    """Return the raw value of each of _DEAL_FIELDS."""
    return (
        row.amount,
        row.currency_iso_code,
        row.probability,
        row.is_closed,
        row.is_won,
        row.close_date,
        row.owner_id,
        row.account_id,
    )
