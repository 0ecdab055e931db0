"""Records for tests, with everything that a test does not care about left out."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from astrelo.domain.identifiers import RecordId
from astrelo.domain.records import CompanyRecord, ContactRecord, DealRecord, EmailKind

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def at(minutes: int) -> datetime:
    """Return noon and so many minutes."""
    return NOON + timedelta(minutes=minutes)


def company_record(record_id: str = "1", updated_at: datetime = NOON, **fields: Any) -> CompanyRecord:
    content: dict[str, Any] = dict.fromkeys(CompanyRecord._fields[2:-2])
    return CompanyRecord(RecordId(record_id), updated_at, **content | fields)


def contact_record(record_id: str = "1", updated_at: datetime = NOON, **fields: Any) -> ContactRecord:
    content: dict[str, Any] = dict.fromkeys(ContactRecord._fields[2:-3]) | {"email_kind": EmailKind.MISSING}
    return ContactRecord(RecordId(record_id), updated_at, **content | fields)


def deal_record(record_id: str = "1", updated_at: datetime = NOON, **fields: Any) -> DealRecord:
    content: dict[str, Any] = dict.fromkeys(DealRecord._fields[2:-2]) | {"amount": Decimal(1000)}
    return DealRecord(RecordId(record_id), updated_at, **content | fields)
