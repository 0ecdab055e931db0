"""Records as a CRM reports them, in the domain's terms.

Records are named tuples rather than frozen dataclasses: a first sync makes one per row of the
customer's CRM, a tuple is built nine times faster, and a batch of them turns into columns by `zip`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple, NewType, TypeVar

from astrelo.domain.identifiers import Cursor, ObjectType, RecordId

_EMPTY = ()
_CONTENT_START = 2
"""Index of the first field that is content: identity and time come before it in every record."""


class EmailKind(StrEnum):
    """What an e-mail address says about its owner's company."""

    BUSINESS = "business"
    FREE_MAIL = "free_mail"
    """Its host is shared by many companies: free mail and every other shared domain."""
    INVALID = "invalid"
    MISSING = "missing"


class CompanyAssociation(StrEnum):
    """How the CRM determines the company of a record."""

    PRIMARY = "primary"
    """The CRM marks the company as primary, or allows only one."""
    ONLY = "only"
    """The CRM associates one company and marks none."""
    AMBIGUOUS = "ambiguous"
    """The CRM associates several companies and marks none: the record has no company by id."""


class CompanyRecord(NamedTuple):
    record_id: RecordId
    source_updated_at: datetime
    name: str | None
    domain: str | None
    """As the CRM reports it, normalised."""
    identity_domain: str | None
    """The domain if it identifies one company: None when absent or shared by many."""
    industry: str | None
    naics: str | None
    sic: str | None
    employee_count: int | None
    annual_revenue: Decimal | None
    annual_revenue_currency: str | None
    annual_revenue_usd: Decimal | None
    annual_revenue_rate_date: date | None
    """The day of the reference rate; None for an amount that the CRM reports in USD."""
    revenue_range: str | None
    """Of the amount in USD."""
    hq_country: str | None
    """ISO 3166-1 alpha-2."""
    hq_region: str | None
    """ISO 3166-2, such as 'US-CA'."""
    hq_city: str | None
    description: str | None
    phone: str | None
    linkedin_url: str | None
    lifecycle_stage: str | None
    owner_id: RecordId | None
    additional_domains: tuple[str, ...] = ()
    """Further domains of the company, sorted, without shared ones and without the identity domain."""
    unreadable: tuple[str, ...] = ()
    """Columns, as the API names them, whose value at the CRM could not be read; they are None here."""


class ContactRecord(NamedTuple):
    record_id: RecordId
    source_updated_at: datetime
    email: str | None
    email_host: str | None
    email_registrable_domain: str | None
    """Host and registrable domain are None unless `email_kind` is business."""
    email_kind: EmailKind
    first_name: str | None
    last_name: str | None
    job_title: str | None
    phone: str | None
    lifecycle_stage: str | None
    owner_id: RecordId | None
    company_id: RecordId | None
    """The company that the CRM associates: the primary one, or the only one."""
    company_association: CompanyAssociation | None = None
    additional_emails: tuple[str, ...] = ()
    """Further addresses, in the CRM's order, without the first address and without repeats."""
    additional_email_domains: tuple[str, ...] = ()
    """Host and registrable domain of each further business address, in the same order, each once."""
    is_person_account: bool = False
    """Whether the CRM keeps the contact as a person account, which belongs to no company."""
    unreadable: tuple[str, ...] = ()

    @property
    def email_domains(self) -> tuple[str, ...]:
        """The domains by which the contact's company may be found, the most specific first."""
        domains = (self.email_host, self.email_registrable_domain, *self.additional_email_domains)
        return tuple(domain for domain in dict.fromkeys(domains) if domain is not None)


class DealRecord(NamedTuple):
    record_id: RecordId
    source_updated_at: datetime
    name: str | None
    amount: Decimal | None
    currency: str | None
    amount_usd: Decimal | None
    amount_rate_date: date | None
    """The day of the reference rate; None for an amount that the CRM reports in USD."""
    pipeline_id: str | None
    pipeline_label: str | None
    stage_id: str | None
    stage_label: str | None
    probability: Decimal | None
    """0 to 1."""
    is_closed: bool | None
    is_won: bool | None
    close_date: datetime | None
    owner_id: RecordId | None
    company_id: RecordId | None
    company_association: CompanyAssociation | None = None
    contact_ids: tuple[RecordId, ...] = ()
    """Sorted, without repeats."""
    unreadable: tuple[str, ...] = ()


class OwnerRecord(NamedTuple):
    record_id: RecordId
    email: str | None
    first_name: str | None
    last_name: str | None
    archived: bool


CrmRecord = CompanyRecord | ContactRecord | DealRecord
RecordT = TypeVar("RecordT", CompanyRecord, ContactRecord, DealRecord)


class PendingRefetch(NamedTuple):
    """A record that may have changed at the CRM and is to be read again."""

    object_type: ObjectType
    record_id: RecordId


class RejectionReason(StrEnum):
    """Why a record cannot be kept. Part of the run's report."""

    MALFORMED = "malformed"
    """It does not have the shape of a record."""
    BAD_ID = "bad_id"
    """Its id is missing, empty, or too long to be indexed."""
    NO_MODIFIED_TIME = "no_modified_time"
    """Without a modification time an old copy could overwrite a new one."""


class RejectedRecord(NamedTuple):
    record_id: str | None
    """As the CRM reports it, cut to MAX_RECORD_ID_LENGTH; None when it has none."""
    reason: RejectionReason


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPage:
    """A page of a record stream. `cursor` is the position after it: None at the CRM's end of data."""

    records: Sequence[CrmRecord]
    cursor: Cursor | None
    removed_ids: Sequence[RecordId] = ()
    """Archived at the CRM, which may restore them."""
    erased_ids: Sequence[RecordId] = ()
    """Deleted at the CRM for good, as privacy law demands: nothing of them may be kept."""
    merged: Mapping[RecordId, RecordId] = field(default_factory=dict)
    """Ids that were merged away → the surviving id."""
    rejected: Sequence[RejectedRecord] = ()
    reclassified_ids: Collection[RecordId] = ()
    """Those of `removed_ids` that exist at the CRM as another kind of record, such as a company that became a
    person account. Their removal is certain."""
    expected_total: int | None = None
    """The CRM's count of the records in the whole stream; advisory, usually on the first page only."""
    are_live: bool = False
    """Whether a window's records are known to be live, because they were read from the CRM's database and not
    from a search index that lags. Records of a full listing or of a fetch always are."""
    withheld: Sequence[str] = ()
    """Columns that are empty in these records because the user who connected may not see them."""


ReadingVersion = NewType("ReadingVersion", bytes)
"""The version of the rules that read values. Content hashes of different versions cannot be compared."""

READING_VERSION_SIZE = 4

UNKNOWN_VERSION = ReadingVersion(b"")
"""The version of records that were read before versions existed."""


def content_hash(record: CrmRecord, version: ReadingVersion) -> bytes:
    """Return the reading version, then 16 bytes that differ when anything but the modification time differs.

    NUL separates the fields, since no text of a record contains it; no text is empty, so an empty field is None.
    """
    content = "\0".join(
        [
            "" if not value and (value is None or value is _EMPTY) else str(value)
            for value in record[_CONTENT_START:]
        ]
    )
    return version + blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def is_read_by(version: ReadingVersion, stored_hash: bytes) -> bool:
    """Return whether a stored content hash was made by this reading version."""
    return stored_hash.startswith(version)
