"""What the API shows.

Text that is null at the source is null here. Times are UTC. Amounts of money are decimal text, so that no client
rounds them.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Generic, TypeVar
from uuid import UUID

from msgspec import Struct, field

from astrelo.domain.contact import CompanyMatch, UnlinkedReason
from astrelo.domain.deal import DealUnlinkedReason
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.records import RejectionReason
from astrelo.domain.sync import RunStatus, StepStatus, SyncMode
from astrelo.domain.unreadable import Trouble

T = TypeVar("T")


class Page(Struct, Generic[T], frozen=True, kw_only=True, omit_defaults=True):
    """A slice of a list. `next_cursor` is there exactly when `has_more` is true; `total` where it was asked for."""

    data: list[T]
    has_more: bool
    next_cursor: str | None
    total: int | None = None


class CompanySource(Struct, frozen=True, kw_only=True):
    """A live CRM record of a company."""

    external_source: Provider
    external_provider_id: str
    source_updated_at: datetime


class CompanyView(Struct, frozen=True, kw_only=True):
    """One firm. Each group of columns is its freshest CRM record's that has it, unless a person pinned another.

    The freshest record of all is the one of `external_source` and `external_provider_id`; `external_url` opens it. `revenue_range` is in
    USD: `annual_revenue_usd` is converted at the reference rate of `annual_revenue_rate_date`, or given by the CRM.
    `sources` are all live records that make it up, of each CRM the freshest 20, those first; empty once it is
    archived. `synced_at` is when we last wrote it.
    """

    id: UUID
    company_name: str | None
    domain: str | None
    industry: str | None
    naics: str | None
    sic: str | None
    employee_count: int | None
    annual_revenue: str | None
    annual_revenue_currency: str | None
    annual_revenue_usd: str | None
    annual_revenue_rate_date: date | None
    revenue_range: str | None
    hq_country: str | None
    hq_region: str | None
    hq_city: str | None
    description: str | None
    phone: str | None
    linkedin_url: str | None
    lifecycle_stage: str | None
    crm_rep_id: UUID | None
    external_source: Provider
    external_provider_id: str
    external_url: str | None
    sources: list[CompanySource]
    source_updated_at: datetime
    synced_at: datetime
    archived_at: datetime | None


class CompanySummary(Struct, frozen=True, kw_only=True):
    """Live companies; `with_two_sources` are those that live records of more than one CRM make up.

    Counted when the last sync ended, at `counted_at`; null before that.
    """

    companies: int = 0
    with_two_sources: int = 0
    counted_at: datetime | None = None


class ContactView(Struct, frozen=True, kw_only=True):
    """A person. Either `company_id` and `company_match` are set, or `unlinked_reason` says why not.

    `external_url` opens the record at its CRM; null where the address of the account's pages is not known.
    """

    id: UUID
    email: str | None
    first_name: str | None
    last_name: str | None
    job_title: str | None
    phone: str | None
    lifecycle_stage: str | None
    crm_rep_id: UUID | None
    company_id: UUID | None
    company_match: CompanyMatch | None
    unlinked_reason: UnlinkedReason | None
    additional_emails: list[str]
    external_source: Provider
    external_provider_id: str
    external_url: str | None
    source_updated_at: datetime
    synced_at: datetime
    archived_at: datetime | None


class DealView(Struct, frozen=True, kw_only=True):
    """A deal. `contact_ids` are the contacts that have arrived; `probability` lies between 0 and 1.

    Either `company_id` and `company_match` are set, or `unlinked_reason` says why not. `amount_usd` is converted at
    the reference rate of `amount_rate_date`, or given by the CRM. `external_url` opens the record at its CRM.
    """

    id: UUID
    name: str | None
    amount: str | None
    currency: str | None
    amount_usd: str | None
    amount_rate_date: date | None
    pipeline_id: str | None
    pipeline_label: str | None
    stage_id: str | None
    stage_label: str | None
    probability: float | None
    is_closed: bool | None
    is_won: bool | None
    close_date: datetime | None
    crm_rep_id: UUID | None
    company_id: UUID | None
    company_match: CompanyMatch | None
    unlinked_reason: DealUnlinkedReason | None
    contact_ids: list[UUID]
    external_source: Provider
    external_provider_id: str
    external_url: str | None
    source_updated_at: datetime
    synced_at: datetime
    archived_at: datetime | None


class OwnerView(Struct, frozen=True, kw_only=True):
    """A person of the customer's own team, to whom the CRM assigns records: the target of `crm_rep_id`."""

    id: UUID
    email: str | None
    first_name: str | None
    last_name: str | None
    archived: bool
    external_source: Provider
    external_provider_id: str


class IcpProfileView(Struct, frozen=True, kw_only=True):
    """The ideal customer profile. An empty criterion matches everything; `naics` entries are prefixes."""

    id: UUID
    name: str
    is_default: bool
    industries: list[str]
    naics: list[str]
    employee_min: int | None
    employee_max: int | None
    revenue_ranges: list[str]
    countries: list[str]


class WindowView(Struct, frozen=True, kw_only=True):
    """Modification times, both ends inclusive."""

    start: datetime
    end: datetime


class StepView(Struct, frozen=True, kw_only=True):
    """One object type's part of a run: its progress while it runs, its reconciliation when it is done.

    `received` - `repeats` = `distinct` = `inserted` + `updated` + `unchanged` + `stale` + everything in
    `rejected`, or the step is not `reconciled`. `archived` and `merged` are records found to be gone or to
    have become another: they were not received. `expected_total` is what the CRM announced, if it did.
    `unreadable` counts, by column, values that could not be kept as they are; `hidden` those that the user who
    connected may not see. `window` says what an incremental run asked for; without one the step reads everything.
    """

    object_type: ObjectType
    status: StepStatus
    window: WindowView | None = None
    received: int
    repeats: int
    distinct: int
    inserted: int
    updated: int
    unchanged: int
    stale: int
    archived: int
    merged: int
    rejected: dict[str, int]
    unreadable: dict[str, int]
    hidden: dict[str, int]
    expected_total: int | None
    reconciled: bool
    reason: str | None


class OwnersStepView(Struct, frozen=True, kw_only=True):
    """The owners' part of a run: they are read whole before the records, so they have no progress."""

    status: StepStatus
    reason: str | None = None


class RunView(Struct, frozen=True, kw_only=True):
    """A sync run. `reason` and `action` are sentences for people: what happened, and what to do about it."""

    id: UUID
    provider: Provider
    mode: SyncMode
    status: RunStatus
    reason: str | None
    action: str | None = None
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    parked_until: datetime | None
    attempts: int
    owners: OwnersStepView
    steps: list[StepView]


class RejectedRecordView(Struct, frozen=True, kw_only=True):
    """A CRM record that could not be kept; `record_id` is the CRM's, null when it had none."""

    object_type: ObjectType
    record_id: str | None
    reason: RejectionReason


class UnreadableView(Struct, frozen=True, kw_only=True):
    """Values of one column that a run could not keep as they are; `record_ids` are some of the records, by the CRM's id."""

    object_type: ObjectType
    field: str
    trouble: Trouble
    records: int
    record_ids: list[str]


class CrowdedDomain(Struct, frozen=True, kw_only=True):
    """One web domain that many company records share; they count as one company."""

    domain: str
    records: int


class RunReport(Struct, frozen=True, kw_only=True):
    """A run with everything that a person may want to look into. The lists are samples, not the whole."""

    run: RunView
    warnings: list[str]
    rejected_records: list[RejectedRecordView]
    crowded_domains: list[CrowdedDomain]


class IntegrationStatus(StrEnum):
    NOT_CONNECTED = "not_connected"
    ACTIVE = "active"
    NEEDS_REAUTHORIZATION = "needs_reauthorization"
    DISCONNECTED = "disconnected"


class CompanyCounts(Struct, frozen=True, kw_only=True):
    """`records` are the CRM's, `entities` the firms that they make."""

    records: int = 0
    entities: int = 0


class LinkCounts(Struct, frozen=True, kw_only=True):
    provider_id: int = 0
    email_domain: int = 0


class UnlinkedCounts(Struct, frozen=True, kw_only=True):
    no_email: int = 0
    invalid_email: int = 0
    free_mail: int = 0
    no_company: int = 0
    person_account: int = 0


class ContactCounts(Struct, frozen=True, kw_only=True):
    total: int = 0
    linked: LinkCounts = LinkCounts()
    unlinked: UnlinkedCounts = UnlinkedCounts()


class DealCounts(Struct, frozen=True, kw_only=True):
    total: int = 0
    linked: int = 0
    unlinked: int = 0


class IntegrationCounts(Struct, frozen=True, kw_only=True):
    """Live records of one CRM, as counted when its last sync ended."""

    companies: CompanyCounts = CompanyCounts()
    contacts: ContactCounts = ContactCounts()
    deals: DealCounts = DealCounts()
    owners: int = 0


class Freshness(Struct, frozen=True, kw_only=True):
    """Everything the CRM held at this time is stored; null before the first complete sync."""

    companies: datetime | None = None
    contacts: datetime | None = None
    deals: datetime | None = None


class IntegrationView(Struct, frozen=True, kw_only=True):
    """A CRM and the user's connection to it. `configured` says whether this server can connect to it at all.

    `chooses_login_host` says whether connecting takes the host where the user signs in, as `login_host`.
    `stale` data is kept but no longer refreshed; `reason` and `action` say why, and what to do. `account_domain` and
    `connected_by`, the user at the CRM whose authorization is used, are null where the CRM does not report them.
    """

    provider: Provider
    status: IntegrationStatus
    configured: bool = True
    chooses_login_host: bool = False
    connection_id: UUID | None = None
    stale: bool = False
    reason: str | None = None
    action: str | None = None
    account_id: str | None = None
    account_name: str | None = None
    account_domain: str | None = None
    scopes: list[str] = field(default_factory=list)
    connected_at: datetime | None = None
    connected_by: str | None = None
    current_run: RunView | None = None
    last_run: RunView | None = None
    complete_as_of: Freshness = Freshness()
    counts: IntegrationCounts = IntegrationCounts()
    counted_at: datetime | None = None
