"""What the API shows.

Text that is null at the source is null here. Times are UTC. Amounts of money are decimal text, so that no client
rounds them. The descriptions are those of the OpenAPI document: every field has one.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType, field

from astrelo.domain.contact import CompanyMatch, UnlinkedReason
from astrelo.domain.deal import DealUnlinkedReason
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.records import RejectionReason
from astrelo.domain.sync import RunStatus, StepStatus, SyncMode
from astrelo.domain.unreadable import Trouble

T = TypeVar("T")

UtcTime = Annotated[datetime, Meta(tz=True)]
"""RFC 3339, which the OpenAPI document calls date-time: msgspec says so of times with a zone alone."""

Id = Annotated[UUID, Meta(description="Ours; it stays the same through syncs.")]
ExternalSource = Annotated[Provider, Meta(description="The CRM that holds the record.")]
ExternalId = Annotated[str, Meta(description="The record's id at its CRM.", examples=["512"])]
ExternalUrl = Annotated[
    str | None,
    Meta(
        description="Opens the record at its CRM; null where the address of the account's pages is not known.",
        examples=["https://crm.example/4711/companies/512"],
    ),
]
SourceUpdatedAt = Annotated[UtcTime, Meta(description="When the record was last modified at the CRM.")]
SyncedAt = Annotated[UtcTime, Meta(description="When we last wrote it.")]
ArchivedAt = Annotated[
    UtcTime | None, Meta(description="Since when it is known to be gone at the CRM; null while it is there.")
]
RepId = Annotated[
    UUID | None, Meta(description="The owner that the CRM assigns it to, of `/api/owners`; null without one.")
]
LinkedCompanyId = Annotated[UUID | None, Meta(description="The company it belongs to; null if to none.")]
Match = Annotated[CompanyMatch | None, Meta(description="How its company was found; null without one.")]
LifecycleStage = Annotated[
    str | None, Meta(description="The CRM's own lifecycle stage.", examples=["customer"])
]
Phone = Annotated[str | None, Meta(description="As typed in the CRM.", examples=["+1 555 010 0000"])]
Email = Annotated[str | None, Meta(description="In lower case.", examples=["ada@example.com"])]
DecimalText = Annotated[str, Meta(extra_json_schema={"format": "decimal"})]
Currency = Annotated[str | None, Meta(description="The amount's currency, by ISO 4217.", examples=["EUR"])]
RevenueRange = Annotated[
    str, Meta(extra_json_schema={"enum": ["<1M", "1M-10M", "10M-50M", "50M-250M", "250M-1B", ">1B"]})
]
Sentence = Annotated[
    str | None, Meta(description="What happened, as a sentence for people; null if nothing.")
]
Advice = Annotated[str | None, Meta(description="What to do, as a sentence for people; null if nothing.")]
Count = Annotated[int, Meta(ge=0)]


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """A slice of a list. `next_cursor` is there exactly when `has_more` is true; `total` where it was asked for."""

    data: Annotated[list[T], Meta(description="The entries, in the list's order.")]
    has_more: Annotated[bool, Meta(description="Whether another page follows.")]
    next_cursor: Annotated[
        str | None,
        Meta(
            description="Send it as `cursor` for the next page, with the same filters; null on the last page."
        ),
    ]
    total: Annotated[
        Count | UnsetType, Meta(description="How many the filters leave, where `count` asks for it.")
    ] = UNSET


class CompanySource(Struct, frozen=True, kw_only=True):
    """A live CRM record of a company."""

    external_source: ExternalSource
    external_provider_id: ExternalId
    source_updated_at: SourceUpdatedAt


class CompanyView(Struct, frozen=True, kw_only=True):
    """One firm. Each group of columns is its freshest CRM record's that has it, unless a person pinned another.

    The freshest record of all is the one of `external_source` and `external_provider_id`; `external_url` opens it. `revenue_range` is in
    USD: `annual_revenue_usd` is converted at the reference rate of `annual_revenue_rate_date`, or given by the CRM.
    `sources` are all live records that make it up, of each CRM the freshest 20, those first; empty once it is
    archived. `synced_at` is when we last wrote it.
    """

    id: Id
    company_name: Annotated[str | None, Meta(description="The company's name.", examples=["Acme Inc."])]
    domain: Annotated[
        str | None,
        Meta(
            description="The web domain that identifies it, without a scheme or `www`.", examples=["acme.com"]
        ),
    ]
    industry: Annotated[
        str | None, Meta(description="The industry, as the CRM names it.", examples=["COMPUTER_SOFTWARE"])
    ]
    naics: Annotated[str | None, Meta(description="The industry's NAICS 2022 code.", examples=["513210"])]
    sic: Annotated[str | None, Meta(description="The SIC code, where the CRM has one.", examples=["7372"])]
    employee_count: Annotated[int | None, Meta(description="How many people work there.", examples=[250])]
    annual_revenue: Annotated[
        DecimalText | None, Meta(description="In `annual_revenue_currency`.", examples=["1250000.00"])
    ]
    annual_revenue_currency: Currency
    annual_revenue_usd: Annotated[
        DecimalText | None, Meta(description="The revenue in US dollars.", examples=["1250000.00"])
    ]
    annual_revenue_rate_date: Annotated[
        date | None,
        Meta(
            description="The day of the reference rate that `annual_revenue_usd` was converted at; null without a conversion."
        ),
    ]
    revenue_range: Annotated[
        RevenueRange | None,
        Meta(description="The range that `annual_revenue_usd` lies in; lower bounds are inclusive."),
    ]
    hq_country: Annotated[
        str | None, Meta(description="Where its head office is, by ISO 3166-1 alpha-2.", examples=["US"])
    ]
    hq_region: Annotated[
        str | None, Meta(description="Where its head office is, by ISO 3166-2.", examples=["US-CA"])
    ]
    hq_city: Annotated[str | None, Meta(description="The head office's city.", examples=["San Francisco"])]
    description: Annotated[str | None, Meta(description="What the CRM says about it.")]
    phone: Phone
    linkedin_url: Annotated[
        str | None,
        Meta(description="Its page at LinkedIn.", examples=["https://www.linkedin.com/company/acme"]),
    ]
    lifecycle_stage: LifecycleStage
    crm_rep_id: RepId
    external_source: ExternalSource
    external_provider_id: ExternalId
    external_url: ExternalUrl
    sources: Annotated[
        list[CompanySource],
        Meta(
            description="Live CRM records that make it up, of each CRM the freshest 20; empty once it is archived."
        ),
    ]
    source_updated_at: SourceUpdatedAt
    synced_at: SyncedAt
    archived_at: ArchivedAt


class CompanySummary(Struct, frozen=True, kw_only=True):
    """Live companies; `with_two_sources` are those that live records of more than one CRM make up.

    Counted when the last sync ended, at `counted_at`; null before that.
    """

    companies: Annotated[Count, Meta(description="How many there are.")] = 0
    with_two_sources: Annotated[
        Count, Meta(description="How many of them live records of more than one CRM make up.")
    ] = 0
    counted_at: Annotated[
        UtcTime | None, Meta(description="When they were counted; null before the first sync has ended.")
    ] = None


ExpandedCompany = Annotated[
    CompanyView | UnsetType | None,
    Meta(description="The company itself, only where `expand` asks for it; null if it belongs to none."),
]


class ContactView(Struct, frozen=True, kw_only=True):
    """A person. Either `company_id` and `company_match` are set, or `unlinked_reason` says why not.

    `external_url` opens the record at its CRM; null where the address of the account's pages is not known.
    """

    id: Id
    email: Email
    first_name: Annotated[str | None, Meta(description="The first name.", examples=["Ada"])]
    last_name: Annotated[str | None, Meta(description="The last name.", examples=["Lovelace"])]
    job_title: Annotated[str | None, Meta(description="The job title.", examples=["Engineer"])]
    phone: Phone
    lifecycle_stage: LifecycleStage
    crm_rep_id: RepId
    company_id: LinkedCompanyId
    company_match: Match
    unlinked_reason: Annotated[
        UnlinkedReason | None, Meta(description="Why it belongs to no company; null if it belongs to one.")
    ]
    additional_emails: Annotated[list[str], Meta(description="Further addresses, in lower case.")]
    external_source: ExternalSource
    external_provider_id: ExternalId
    external_url: ExternalUrl
    source_updated_at: SourceUpdatedAt
    synced_at: SyncedAt
    archived_at: ArchivedAt
    company: ExpandedCompany = UNSET


class DealView(Struct, frozen=True, kw_only=True):
    """A deal. `contact_ids` are the contacts that have arrived; `probability` lies between 0 and 1.

    Either `company_id` and `company_match` are set, or `unlinked_reason` says why not. `amount_usd` is converted at
    the reference rate of `amount_rate_date`, or given by the CRM. `external_url` opens the record at its CRM.
    """

    id: Id
    name: Annotated[str | None, Meta(description="The deal's name.", examples=["Acme, renewal"])]
    amount: Annotated[DecimalText | None, Meta(description="In `currency`.", examples=["12500.00"])]
    currency: Currency
    amount_usd: Annotated[
        DecimalText | None, Meta(description="The amount in US dollars.", examples=["12500.00"])
    ]
    amount_rate_date: Annotated[
        date | None,
        Meta(
            description="The day of the reference rate that `amount_usd` was converted at; null without a conversion."
        ),
    ]
    pipeline_id: Annotated[
        str | None, Meta(description="The pipeline's id at the CRM.", examples=["default"])
    ]
    pipeline_label: Annotated[
        str | None, Meta(description="The pipeline's name.", examples=["Sales Pipeline"])
    ]
    stage_id: Annotated[str | None, Meta(description="The stage's id at the CRM.", examples=["closedwon"])]
    stage_label: Annotated[str | None, Meta(description="The stage's name.", examples=["Closed Won"])]
    probability: Annotated[
        float | None, Meta(description="The stage's probability of winning, from 0 to 1.", examples=[0.8])
    ]
    is_closed: Annotated[
        bool | None, Meta(description="Whether it is won or lost; null where the stage does not say.")
    ]
    is_won: Annotated[bool | None, Meta(description="Whether it is won; null where the stage does not say.")]
    close_date: Annotated[UtcTime | None, Meta(description="When it was, or is expected to be, closed.")]
    crm_rep_id: RepId
    company_id: LinkedCompanyId
    company_match: Match
    unlinked_reason: Annotated[
        DealUnlinkedReason | None,
        Meta(description="Why it belongs to no company; null if it belongs to one."),
    ]
    contact_ids: Annotated[list[UUID], Meta(description="Its contacts, of those that have arrived.")]
    external_source: ExternalSource
    external_provider_id: ExternalId
    external_url: ExternalUrl
    source_updated_at: SourceUpdatedAt
    synced_at: SyncedAt
    archived_at: ArchivedAt
    company: ExpandedCompany = UNSET


class OwnerView(Struct, frozen=True, kw_only=True):
    """A person of the customer's own team, to whom the CRM assigns records: the target of `crm_rep_id`."""

    id: Id
    email: Email
    first_name: Annotated[str | None, Meta(description="The first name.", examples=["Grace"])]
    last_name: Annotated[str | None, Meta(description="The last name.", examples=["Hopper"])]
    archived: Annotated[bool, Meta(description="Whether the CRM has deactivated this person.")]
    external_source: ExternalSource
    external_provider_id: ExternalId


class IcpProfileView(Struct, frozen=True, kw_only=True):
    """The ideal customer profile. An empty criterion matches everything; `naics` entries are prefixes."""

    id: Id
    name: Annotated[str, Meta(description="The profile's name.", examples=["Default"])]
    is_default: Annotated[bool, Meta(description="Whether it is the one that counts.")]
    industries: Annotated[
        list[str], Meta(description="Industries that fit.", examples=[["COMPUTER_SOFTWARE"]])
    ]
    naics: Annotated[list[str], Meta(description="How fitting NAICS 2022 codes begin.", examples=[["5132"]])]
    employee_min: Annotated[int | None, Meta(description="The fewest employees that fit.", examples=[50])]
    employee_max: Annotated[int | None, Meta(description="The most employees that fit.", examples=[1000])]
    revenue_ranges: Annotated[list[RevenueRange], Meta(description="Ranges of revenue that fit.")]
    countries: Annotated[
        list[str], Meta(description="Countries that fit, by ISO 3166-1 alpha-2.", examples=[["US", "CA"]])
    ]


class WindowView(Struct, frozen=True, kw_only=True):
    """Modification times, both ends inclusive."""

    start: Annotated[UtcTime, Meta(description="The earliest modification time.")]
    end: Annotated[UtcTime, Meta(description="The latest modification time.")]


class StepView(Struct, frozen=True, kw_only=True):
    """One object type's part of a run: its progress while it runs, its reconciliation when it is done.

    `received` - `repeats` = `distinct` = `inserted` + `updated` + `unchanged` + `stale` + everything in
    `rejected`, or the step is not `reconciled`. `archived` and `merged` are records found to be gone or to
    have become another: they were not received. `expected_total` is what the CRM announced, if it did.
    `unreadable` counts, by column, values that could not be kept as they are; `hidden` those that the user who
    connected may not see. `window` says what an incremental run asked for; without one the step reads everything.
    """

    object_type: Annotated[ObjectType, Meta(description="What the step reads.")]
    status: Annotated[StepStatus, Meta(description="How the step stands.")]
    window: Annotated[
        WindowView | None,
        Meta(description="What an incremental run asked for; null where the step reads everything."),
    ] = None
    received: Annotated[Count, Meta(description="Records received, repeats included.")]
    repeats: Annotated[Count, Meta(description="Records received more than once.")]
    distinct: Annotated[Count, Meta(description="`received` without `repeats`.")]
    inserted: Annotated[Count, Meta(description="New records.")]
    updated: Annotated[Count, Meta(description="Changed records.")]
    unchanged: Annotated[Count, Meta(description="Records that we had as they are.")]
    stale: Annotated[Count, Meta(description="Records that we had in a later state.")]
    archived: Annotated[
        Count, Meta(description="Records found to be gone at the CRM; they were not received.")
    ]
    merged: Annotated[
        Count, Meta(description="Records found to have become another; they were not received.")
    ]
    rejected: Annotated[dict[str, int], Meta(description="Records that could not be kept, by reason.")]
    unreadable: Annotated[
        dict[str, int], Meta(description="Values that could not be kept as they are, by column.")
    ]
    hidden: Annotated[
        dict[str, int], Meta(description="Values that the user who connected may not see, by column.")
    ]
    expected_total: Annotated[
        int | None, Meta(description="How many records the CRM announced; null where it did not.")
    ]
    reconciled: Annotated[
        bool, Meta(description="Whether the counts add up and the CRM's end of data was reached.")
    ]
    reason: Sentence


class OwnersStepView(Struct, frozen=True, kw_only=True):
    """The owners' part of a run: they are read whole before the records, so they have no progress."""

    status: Annotated[StepStatus, Meta(description="How the owners' part stands.")]
    reason: Sentence = None


class RunView(Struct, frozen=True, kw_only=True):
    """A sync run. `reason` and `action` are sentences for people: what happened, and what to do about it."""

    id: Id
    provider: Annotated[Provider, Meta(description="The CRM.")]
    mode: Annotated[SyncMode, Meta(description="What the run reads.")]
    status: Annotated[RunStatus, Meta(description="How the run stands.")]
    reason: Sentence
    action: Advice = None
    requested_at: Annotated[UtcTime, Meta(description="When the run was requested.")]
    started_at: Annotated[UtcTime | None, Meta(description="When a worker first took it; null before.")]
    finished_at: Annotated[UtcTime | None, Meta(description="When it ended; null before.")]
    parked_until: Annotated[
        UtcTime | None, Meta(description="When it continues by itself; null unless it is parked for a time.")
    ]
    attempts: Annotated[Count, Meta(description="How often a worker took it since its last progress.")]
    owners: Annotated[OwnersStepView, Meta(description="The owners' part.")]
    steps: Annotated[list[StepView], Meta(description="A step per object type.")]


class RejectedRecordView(Struct, frozen=True, kw_only=True):
    """A CRM record that could not be kept; `record_id` is the CRM's, null when it had none."""

    object_type: Annotated[ObjectType, Meta(description="What kind of record it is.")]
    record_id: Annotated[str | None, Meta(description="The CRM's id of it; null when it had none.")]
    reason: Annotated[RejectionReason, Meta(description="Why it could not be kept.")]


class UnreadableView(Struct, frozen=True, kw_only=True):
    """Values of one column that a run could not keep as they are; `record_ids` are some of the records, by the CRM's id."""

    object_type: Annotated[ObjectType, Meta(description="What kind of records these are.")]
    field: Annotated[str, Meta(description="The column, named as the API names it.", examples=["domain"])]
    trouble: Annotated[Trouble, Meta(description="What is wrong with the values.")]
    records: Annotated[Count, Meta(description="How many records have such a value.")]
    record_ids: Annotated[list[str], Meta(description="The CRM's ids of some of them.")]


class CrowdedDomain(Struct, frozen=True, kw_only=True):
    """One web domain that many company records share; they count as one company."""

    domain: Annotated[str, Meta(description="The web domain.", examples=["example.com"])]
    records: Annotated[Count, Meta(description="How many company records share it.")]


class RunReport(Struct, frozen=True, kw_only=True):
    """A run with everything that a person may want to look into. The lists are samples, not the whole."""

    run: Annotated[RunView, Meta(description="The run.")]
    warnings: Annotated[list[str], Meta(description="What deserves a look, as sentences for people.")]
    rejected_records: Annotated[
        list[RejectedRecordView], Meta(description="Some of the records that could not be kept.")
    ]
    crowded_domains: Annotated[
        list[CrowdedDomain], Meta(description="Some of the web domains that many records share.")
    ]


class IntegrationStatus(StrEnum):
    NOT_CONNECTED = "not_connected"
    ACTIVE = "active"
    NEEDS_REAUTHORIZATION = "needs_reauthorization"
    DISCONNECTED = "disconnected"


class CompanyCounts(Struct, frozen=True, kw_only=True):
    """`records` are the CRM's, `entities` the firms that they make."""

    records: Annotated[Count, Meta(description="The CRM's records.")] = 0
    entities: Annotated[Count, Meta(description="The companies that they make up.")] = 0


class LinkCounts(Struct, frozen=True, kw_only=True):
    provider_id: Annotated[Count, Meta(description="Linked by an association at the CRM.")] = 0
    email_domain: Annotated[Count, Meta(description="Linked by the domain of an e-mail address.")] = 0


class UnlinkedCounts(Struct, frozen=True, kw_only=True):
    no_email: Annotated[Count, Meta(description="Without an e-mail address.")] = 0
    invalid_email: Annotated[Count, Meta(description="With an unreadable e-mail address.")] = 0
    free_mail: Annotated[Count, Meta(description="With an address at a domain that many share.")] = 0
    no_company: Annotated[Count, Meta(description="Without a company of that domain.")] = 0
    person_account: Annotated[Count, Meta(description="Kept by the CRM as customers of their own.")] = 0


class ContactCounts(Struct, frozen=True, kw_only=True):
    total: Annotated[Count, Meta(description="All of them.")] = 0
    linked: Annotated[
        LinkCounts, Meta(description="Those that belong to a company, by how it was found.")
    ] = LinkCounts()
    unlinked: Annotated[UnlinkedCounts, Meta(description="Those that belong to none, by reason.")] = (
        UnlinkedCounts()
    )


class DealCounts(Struct, frozen=True, kw_only=True):
    total: Annotated[Count, Meta(description="All of them.")] = 0
    linked: Annotated[Count, Meta(description="Those that belong to a company.")] = 0
    unlinked: Annotated[Count, Meta(description="Those that belong to none.")] = 0


class IntegrationCounts(Struct, frozen=True, kw_only=True):
    """Live records of one CRM, as counted when its last sync ended."""

    companies: Annotated[CompanyCounts, Meta(description="Companies.")] = CompanyCounts()
    contacts: Annotated[ContactCounts, Meta(description="Contacts.")] = ContactCounts()
    deals: Annotated[DealCounts, Meta(description="Deals.")] = DealCounts()
    owners: Annotated[Count, Meta(description="Owners.")] = 0


class Freshness(Struct, frozen=True, kw_only=True):
    """Everything the CRM held at this time is stored; null before the first complete sync."""

    companies: Annotated[
        UtcTime | None, Meta(description="All companies that the CRM held at this time are stored.")
    ] = None
    contacts: Annotated[
        UtcTime | None, Meta(description="All contacts that the CRM held at this time are stored.")
    ] = None
    deals: Annotated[
        UtcTime | None, Meta(description="All deals that the CRM held at this time are stored.")
    ] = None


class IntegrationView(Struct, frozen=True, kw_only=True):
    """A CRM and the user's connection to it. `configured` says whether this server can connect to it at all.

    `chooses_login_host` says whether connecting takes the host where the user signs in, as `login_host`.
    `stale` data is kept but no longer refreshed; `reason` and `action` say why, and what to do. `account_domain` and
    `connected_by`, the user at the CRM whose authorization is used, are null where the CRM does not report them.
    """

    provider: Annotated[Provider, Meta(description="The CRM.")]
    status: Annotated[IntegrationStatus, Meta(description="How the connection stands.")]
    configured: Annotated[bool, Meta(description="Whether this server can connect to the CRM at all.")] = True
    chooses_login_host: Annotated[
        bool, Meta(description="Whether connecting takes the host where the user signs in, as `login_host`.")
    ] = False
    connection_id: Annotated[UUID | None, Meta(description="The connection; null without one.")] = None
    stale: Annotated[bool, Meta(description="Whether the data is kept but no longer refreshed.")] = False
    reason: Sentence = None
    action: Advice = None
    account_id: Annotated[str | None, Meta(description="The account's id at the CRM.", examples=["4711"])] = (
        None
    )
    account_name: Annotated[
        str | None, Meta(description="The account's name at the CRM.", examples=["Acme"])
    ] = None
    account_domain: Annotated[
        str | None,
        Meta(
            description="The account's domain; null where the CRM does not report it.",
            examples=["acme.example.com"],
        ),
    ] = None
    scopes: Annotated[list[str], Meta(description="What the user allowed us to do.")] = field(
        default_factory=list
    )
    connected_at: Annotated[UtcTime | None, Meta(description="When the user last connected.")] = None
    connected_by: Annotated[
        str | None,
        Meta(
            description="The user at the CRM whose authorization is used; null where the CRM does not report it.",
            examples=["ada@example.com"],
        ),
    ] = None
    current_run: Annotated[RunView | None, Meta(description="The run under way, with its progress.")] = None
    last_run: Annotated[RunView | None, Meta(description="The run that ended last.")] = None
    complete_as_of: Annotated[Freshness, Meta(description="Up to when the data is complete.")] = Freshness()
    counts: Annotated[
        IntegrationCounts, Meta(description="Live records of this CRM, as counted when its last sync ended.")
    ] = IntegrationCounts()
    counted_at: Annotated[
        UtcTime | None, Meta(description="When they were counted; null before the first sync has ended.")
    ] = None
