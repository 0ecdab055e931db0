"""Why a company shows what it shows, and why a contact or deal is linked as it is: computed when asked."""

from abc import abstractmethod
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from msgspec import Struct, field

from astrelo.application.read import views
from astrelo.domain.company import RecordKey
from astrelo.domain.contact import CompanyMatch, UnlinkedReason
from astrelo.domain.deal import DealUnlinkedReason
from astrelo.domain.golden_record import FieldGroup
from astrelo.domain.identifiers import Provider, UserId
from astrelo.domain.records import CompanyAssociation

Value = str | int | None


class GroupExplanation(Struct, frozen=True, kw_only=True):
    """Columns that are taken from one record as a whole; `source` is null where no record has them.

    `pinned` says that a person decided for this record; else it is the freshest that has them.
    """

    group: FieldGroup
    values: dict[str, Value]
    source: views.CompanySource | None
    pinned: bool


class RecordExplanation(Struct, frozen=True, kw_only=True):
    """What one CRM record says. Columns in `hidden` may hold a value that the user who connected may not see."""

    external_source: Provider
    external_provider_id: str
    source_updated_at: datetime
    values: dict[str, Value]
    hidden: list[str] = field(default_factory=list)


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

    group: FieldGroup
    external_source: Provider
    external_provider_id: str
    pinned_at: datetime
    status: PinStatus


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

    criterion: IcpCriterion
    outcome: CriterionOutcome
    value: Value


class IcpExplanation(Struct, frozen=True, kw_only=True):
    """Whether a company fits the stored ideal customer profile: it does when no criterion is unmet or unknown."""

    fits: bool
    criteria: list[CriterionExplanation]


class CompanyExplanation(Struct, frozen=True, kw_only=True):
    """Where each group of a company's columns comes from, and what all its records say, the freshest first.

    `records` are a page of them; `next_cursor` is there exactly when `has_more` is true.
    """

    company_id: UUID
    groups: list[GroupExplanation]
    icp: IcpExplanation
    pins: list[PinView]
    records: list[RecordExplanation]
    has_more: bool
    next_cursor: str | None = None


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

    rule: LinkRule
    value: str | None = None
    association: CompanyAssociation | None = None
    outcome: LinkOutcome
    company_id: UUID | None = None
    additional_domain: bool = False


class ContactExplanation(Struct, frozen=True, kw_only=True):
    """Why a contact belongs to its company, or to none. Computed from what is stored now.

    While a sync is under way `tried` may lead elsewhere than `company_id`, which it decides at its end.
    """

    contact_id: UUID
    company_id: UUID | None
    company_match: CompanyMatch | None
    unlinked_reason: UnlinkedReason | None
    tried: list[LinkStep]


class DealExplanation(Struct, frozen=True, kw_only=True):
    """Why a deal belongs to its company, or to none: only what the CRM associates counts."""

    deal_id: UUID
    company_id: UUID | None
    company_match: CompanyMatch | None
    unlinked_reason: DealUnlinkedReason | None
    tried: list[LinkStep]


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
