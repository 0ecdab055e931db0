"""Records for tests: everything has a plain default, so that a test names only what it is about."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from astrelo.domain.identifiers import ObjectType, RecordId
from astrelo.domain.reading_version import ReadingVersions
from astrelo.domain.records import CompanyRecord, ContactRecord, DealRecord, EmailKind, OwnerRecord

VERSIONS = ReadingVersions("tests")
"""The reading versions of a process whose reference data never change."""

ANY_VERSION = VERSIONS.get(ObjectType.COMPANIES)

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """Return the time so many minutes after the beginning of 2026."""
    return EPOCH + timedelta(minutes=minutes)


def company(record_id: str, domain: str | None = None, minutes: float = 0, **fields: Any) -> CompanyRecord:
    blank: dict[str, Any] = dict.fromkeys(CompanyRecord._fields[2:-1])
    defaults = {
        "name": f"Company {record_id}",
        "domain": domain,
        "identity_domain": domain,
        "additional_domains": (),
        "unreadable": (),
    }
    return CompanyRecord(RecordId(record_id), at(minutes), **{**blank, **defaults, **fields})


def contact(
    record_id: str,
    email: str | None = None,
    company_id: str | None = None,
    minutes: float = 0,
    **fields: Any,
) -> ContactRecord:
    """Make a contact; an e-mail counts as business, with its last two labels as registrable domain."""
    blank: dict[str, Any] = dict.fromkeys(ContactRecord._fields[2:-1]) | ContactRecord._field_defaults
    host = email.rpartition("@")[2] if email else None
    defaults = {
        "email": email,
        "email_host": host,
        "email_registrable_domain": ".".join(host.split(".")[-2:]) if host else None,
        "email_kind": EmailKind.BUSINESS if email else EmailKind.MISSING,
        "company_id": company_id,
        "additional_emails": (),
        "additional_email_domains": (),
        "unreadable": (),
    }
    return ContactRecord(RecordId(record_id), at(minutes), **{**blank, **defaults, **fields})


def deal(
    record_id: str,
    company_id: str | None = None,
    contact_ids: tuple[str, ...] = (),
    minutes: float = 0,
    **fields: Any,
) -> DealRecord:
    blank: dict[str, Any] = dict.fromkeys(DealRecord._fields[2:-2])
    defaults = {
        "name": f"Deal {record_id}",
        "amount": Decimal(1000),
        "amount_usd": Decimal(1000),
        "company_id": company_id,
        "contact_ids": contact_ids,
        "unreadable": (),
    }
    return DealRecord(RecordId(record_id), at(minutes), **{**blank, **defaults, **fields})


def owner(record_id: str, *, archived: bool = False) -> OwnerRecord:
    return OwnerRecord(RecordId(record_id), f"rep{record_id}@team.test", "Rep", record_id, archived)
