"""What a CRM told us, in our terms.

Records are named tuples rather than frozen dataclasses: a first sync makes one per row of the
customer's CRM, a tuple is built nine times faster, and a batch of them turns into columns by `zip`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple, TypeVar

from astrelo.domain.identifiers import Cursor, ObjectType, RecordId

_CONTENT_STARTS = 2
"""Index of the first field that is content: identity and time come before it in every record."""


class EmailKind(StrEnum):
    """What an e-mail address says about its owner's company."""

    BUSINESS = "business"
    FREE_MAIL = "free_mail"
    """Its host serves many firms: free mail, but also every other shared domain."""
    INVALID = "invalid"
    MISSING = "missing"


class CompanyRecord(NamedTuple):
    record_id: RecordId
    source_updated_at: datetime
    name: str | None
    domain: str | None
    """As told, normalised."""
    identity_domain: str | None
    """The domain if it identifies one firm: None when absent or shared by many."""
    industry: str | None
    naics: str | None
    sic: str | None
    employee_count: int | None
    annual_revenue: Decimal | None
    annual_revenue_currency: str | None
    revenue_range: str | None
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
    unreadable: tuple[str, ...] = ()
    """Names of our fields whose told value we could not read; they are None here."""


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
    """The CRM's primary company."""
    unreadable: tuple[str, ...] = ()

    @property
    def email_domains(self) -> tuple[str, ...]:
        """The domains at which the contact's company may be found, the most telling first."""
        host, registrable = self.email_host, self.email_registrable_domain
        return tuple(domain for domain in dict.fromkeys((host, registrable)) if domain is not None)


class DealRecord(NamedTuple):
    record_id: RecordId
    source_updated_at: datetime
    name: str | None
    amount: Decimal | None
    currency: str | None
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


class RecordHint(NamedTuple):
    """A record that may have changed."""

    object_type: ObjectType
    record_id: RecordId


class RejectionReason(StrEnum):
    """Why a record cannot be kept at all. Part of the run's report."""

    MALFORMED = "malformed"
    """It does not have the shape of a record."""
    BAD_ID = "bad_id"
    """Its id is missing, empty, or too long to be indexed."""
    NO_MODIFIED_TIME = "no_modified_time"
    """Without it an old copy could overwrite a new one."""


class RejectedRecord(NamedTuple):
    record_id: str | None
    """As told, cut to MAX_RECORD_ID_LENGTH; None when there was none."""
    reason: RejectionReason


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPage:
    """One step of a walk. `cursor` is where the walk goes on after it: None at the provider's end of data."""

    records: Sequence[CrmRecord]
    cursor: Cursor | None
    removed_ids: Sequence[RecordId] = ()
    """Archived at the CRM: it may bring them back."""
    erased_ids: Sequence[RecordId] = ()
    """Gone for good at the CRM, as privacy law demands: nothing of them may be kept."""
    merged: Mapping[RecordId, RecordId] = field(default_factory=dict)
    """Ids that were merged away → the id that lives."""
    rejected: Sequence[RejectedRecord] = ()
    expected_total: int | None = None
    """How many records the provider says the whole walk has; advisory, usually only on the first page."""
    are_live: bool = False
    """Whether a window's records are sure to live, as they were read where they are kept and not in an index
    that lags. Those of a whole walk, or of a fetch, always are."""
    withheld: Sequence[str] = ()
    """Columns that are empty in these records, whatever the CRM holds: the user who connected may not see it."""


def content_hash(record: CrmRecord) -> bytes:
    """16 bytes that differ when anything told about the record differs, except its modification time.

    NUL parts the fields, as no text of a record holds it; nor is one empty, so that an empty field is None.
    """
    content = "\0".join(["" if value is None else str(value) for value in record[_CONTENT_STARTS:]])
    return blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).digest()
