"""Why a company shows what it shows, and why a contact or deal is linked as it is: computed when asked."""

from abc import abstractmethod
from enum import StrEnum
from typing import Annotated, Protocol
from uuid import UUID

from msgspec import Meta, Struct, field

from astrelo.application.read import views
from astrelo.domain.company import RecordKey
from astrelo.domain.contact import UnlinkedReason
from astrelo.domain.deal import DealUnlinkedReason
from astrelo.domain.golden_record import FieldGroup
from astrelo.domain.identifiers import UserId
from astrelo.domain.records import CompanyAssociation

Value = str | int | None


class GroupExplanation(Struct, frozen=True, kw_only=True):
    """Columns that are taken from one record as a whole; `source` is null where no record has them.

    `pinned` says that a person decided for this record; else it is the freshest that has them.
    """

    group: Annotated[FieldGroup, Meta(description="The columns.")]
    values: Annotated[dict[str, Value], Meta(description="Their values, by column.")]
    source: Annotated[
        views.CompanySource | None,
        Meta(description="The record that they come from; null where no record has them."),
    ]
    pinned: Annotated[bool, Meta(description="Whether a person decided for this record.")]


class RecordExplanation(Struct, frozen=True, kw_only=True):
    """What one CRM record says. Columns in `hidden` may hold a value that the user who connected may not see."""

    external_source: views.ExternalSource
    external_provider_id: views.ExternalId
    source_updated_at: views.SourceUpdatedAt
    values: Annotated[dict[str, Value], Meta(description="What the record says, by column.")]
    hidden: Annotated[
        list[str], Meta(description="Columns that may hold a value which the user who connected may not see.")
    ] = field(default_factory=list)


class PinStatus(StrEnum):
    EFFECTIVE = "effective"
    SUPERSEDED = "superseded"
    """A later pin of the same group belongs to the company, too."""
    EMPTY = "empty"
    """The record does not have the group at present: the freshest one that has it is shown."""
    ARCHIVED = "archived"
    """The record is gone at the CRM."""


class PinView(Struct, frozen=True, kw_only=True):
    """A person's decision that a group of columns comes from a certain record."""

    group: Annotated[FieldGroup, Meta(description="The columns.")]
    external_source: views.ExternalSource
    external_provider_id: views.ExternalId
    pinned_at: Annotated[views.UtcTime, Meta(description="When the person decided.")]
    status: Annotated[PinStatus, Meta(description="Whether the pin has an effect at present.")]


class IcpCriterion(StrEnum):
    INDUSTRIES = "industries"
    NAICS = "naics"
    EMPLOYEES = "employees"
    REVENUE_RANGES = "revenue_ranges"
    COUNTRIES = "countries"


class CriterionOutcome(StrEnum):
    ANY = "any"
    """The profile asks for nothing here."""
    MET = "met"
    NOT_MET = "not_met"
    UNKNOWN = "unknown"
    """The company has no such value, so it does not fit."""


class CriterionExplanation(Struct, frozen=True, kw_only=True):
    """Whether a company meets one criterion of the profile, and its value there."""

    criterion: Annotated[IcpCriterion, Meta(description="What the profile asks for.")]
    outcome: Annotated[CriterionOutcome, Meta(description="Whether the company meets it.")]
    value: Annotated[Value, Meta(description="What the company has there; null if nothing.")]


class IcpExplanation(Struct, frozen=True, kw_only=True):
    """Whether a company fits the stored ideal customer profile: it does when no criterion is unmet or unknown."""

    fits: Annotated[bool, Meta(description="Whether no criterion is unmet or unknown.")]
    criteria: Annotated[list[CriterionExplanation], Meta(description="Each criterion of the profile.")]


class CompanyExplanation(Struct, frozen=True, kw_only=True):
    """Where each group of a company's columns comes from, and what all its records say, the freshest first.

    `records` are a page of them; `next_cursor` is there exactly when `has_more` is true.
    """

    company_id: Annotated[UUID, Meta(description="The company.")]
    groups: Annotated[list[GroupExplanation], Meta(description="Where each group of columns comes from.")]
    icp: Annotated[IcpExplanation, Meta(description="Whether it fits the stored profile, and why.")]
    pins: Annotated[list[PinView], Meta(description="What people decided.")]
    records: Annotated[
        list[RecordExplanation], Meta(description="The CRM records that make it up, the freshest first.")
    ]
    has_more: Annotated[bool, Meta(description="Whether another page of records follows.")]
    next_cursor: Annotated[
        str | None, Meta(description="Send it as `cursor` for the next page; null on the last page.")
    ] = None


class LinkRule(StrEnum):
    COMPANY_ASSOCIATION = "company_association"
    """The company that the CRM associates; the value is its record id."""
    EMAIL_HOST = "email_host"
    EMAIL_REGISTRABLE_DOMAIN = "email_registrable_domain"
    ADDITIONAL_EMAIL_DOMAIN = "additional_email_domain"
    """The host or registrable domain of a further address."""


class LinkOutcome(StrEnum):
    LINKED = "linked"
    NOT_ASSOCIATED = "not_associated"
    AMBIGUOUS = "ambiguous"
    """The CRM associates several companies and marks none as primary."""
    NO_COMPANY = "no_company"
    """No live company has this record id, or this domain as its own or as the additional one of it alone."""
    PERSON_ACCOUNT = "person_account"
    """The CRM keeps the contact as a customer of its own: no company is looked for."""
    NO_EMAIL = "no_email"
    INVALID_EMAIL = "invalid_email"
    FREE_MAIL = "free_mail"
    """The address is at a host that many share."""


class LinkStep(Struct, frozen=True, kw_only=True):
    """A rule that was tried, in order; the last one is that which linked, if any did.

    `association` says how the CRM associates the company. `additional_domain` says that the value is not the
    company's own domain but a further one that a record of it alone names.
    """

    rule: Annotated[LinkRule, Meta(description="The rule that was tried.")]
    value: Annotated[str | None, Meta(description="What it looked for: a record id or a domain.")] = None
    association: Annotated[
        CompanyAssociation | None,
        Meta(description="How the CRM associates the company; null where it does not."),
    ] = None
    outcome: Annotated[LinkOutcome, Meta(description="What came of it.")]
    company_id: Annotated[UUID | None, Meta(description="The company that was found.")] = None
    additional_domain: Annotated[
        bool, Meta(description="Whether the domain is a further one of the company, not its own.")
    ] = False


class ContactExplanation(Struct, frozen=True, kw_only=True):
    """Why a contact belongs to its company, or to none. Computed from what is stored now.

    While a sync is under way `tried` may lead elsewhere than `company_id`, which it decides at its end.
    """

    contact_id: Annotated[UUID, Meta(description="The contact.")]
    company_id: views.LinkedCompanyId
    company_match: views.Match
    unlinked_reason: Annotated[
        UnlinkedReason | None, Meta(description="Why it belongs to no company; null if it belongs to one.")
    ]
    tried: Annotated[list[LinkStep], Meta(description="The rules that were tried, in order.")]


class DealExplanation(Struct, frozen=True, kw_only=True):
    """Why a deal belongs to its company, or to none: only what the CRM associates counts."""

    deal_id: Annotated[UUID, Meta(description="The deal.")]
    company_id: views.LinkedCompanyId
    company_match: views.Match
    unlinked_reason: Annotated[
        DealUnlinkedReason | None,
        Meta(description="Why it belongs to no company; null if it belongs to one."),
    ]
    tried: Annotated[list[LinkStep], Meta(description="The rules that were tried, in order.")]


class ExplanationReader(Protocol):
    """Every look-up takes the user's id; another tenant's record is simply not there: None."""

    @abstractmethod
    async def company(
        self, user_id: UserId, company_id: UUID, after: RecordKey | None, limit: int
    ) -> CompanyExplanation | None:
        """Explain a company with at most `limit` of its records, those behind `after`."""

    @abstractmethod
    async def contact(self, user_id: UserId, contact_id: UUID) -> ContactExplanation | None: ...

    @abstractmethod
    async def deal(self, user_id: UserId, deal_id: UUID) -> DealExplanation | None: ...
