"""Rows of Salesforce, mapped as REST sends them and as a bulk job does: both must give the same record."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from astrelo.adapters.outbound.reference import RESERVED_NAMES, BundledReferenceData
from astrelo.adapters.outbound.salesforce.api.wire import AccountRow, ContactRow, OpportunityRow, StageRow
from astrelo.adapters.outbound.salesforce.mapping import RecordMapper, load_industries
from astrelo.domain.identifiers import ObjectType, RecordId
from astrelo.domain.records import (
    CompanyRecord,
    ContactRecord,
    CrmRecord,
    DealRecord,
    RejectedRecord,
    content_hash,
)
from tests.support.builders import ANY_VERSION
from tests.support.salesforce.responses import read_by_rest, read_in_bulk

INDUSTRIES = load_industries()
ACCOUNT, CONTACT, DEAL = "001xx000003DGb0AAG", "003xx000004TmiQAAS", "006xx000001SvLCAA0"
OTHER_CONTACT, OWNER = "003xx000004TmiRAAS", "005xx000001SwiUAAS"
STAGES = [
    StageRow(RecordId("01J1"), api_name="Prospecting", master_label="Looking around", default_probability="10.0",
             is_closed="false", is_won="false"),
    StageRow(RecordId("01J2"), api_name="Closed Won", master_label="Won", default_probability="100.0",
             is_closed="true", is_won="true"),
    StageRow(RecordId("01J3"), api_name="Closed Lost", master_label="Lost", default_probability="0.0",
             is_closed="true", is_won="false"),
    StageRow(RecordId("01J4"), api_name=None, master_label="Unnamed"),
]  # fmt: skip
REFERENCE = BundledReferenceData(RESERVED_NAMES)
MAPPER = RecordMapper(REFERENCE, INDUSTRIES, "EUR", STAGES)
MODIFIED = "2026-05-01T07:25:37.001+0000"
MODIFIED_AT = datetime(2026, 5, 1, 7, 25, 37, 1000, UTC)


Outcome = CrmRecord | RejectedRecord


def map_payload(
    kind: ObjectType, payload: Mapping[str, Any], read: Callable[[Any, Any], Any], mapper: RecordMapper
) -> Outcome:
    match kind:
        case ObjectType.COMPANIES:
            return mapper.company(read(AccountRow, payload))
        case ObjectType.CONTACTS:
            return mapper.contact(read(ContactRow, payload))
        case ObjectType.DEALS:
            return mapper.deal(read(OpportunityRow, payload))


def both(kind: ObjectType, payload: Mapping[str, Any], mapper: RecordMapper = MAPPER) -> Outcome:
    """Map a record as REST sends it, after making sure that a bulk job sends the same one."""
    by_rest, in_bulk = (map_payload(kind, payload, read, mapper) for read in (read_by_rest, read_in_bulk))
    assert by_rest == in_bulk
    if not isinstance(by_rest, RejectedRecord) and not isinstance(in_bulk, RejectedRecord):
        assert content_hash(by_rest, ANY_VERSION) == content_hash(in_bulk, ANY_VERSION)
    return by_rest


def company(**fields: Any) -> CompanyRecord:
    record = both(ObjectType.COMPANIES, {"Id": ACCOUNT, "SystemModstamp": MODIFIED, **fields})
    assert isinstance(record, CompanyRecord)
    return record


def contact(**fields: Any) -> ContactRecord:
    record = both(ObjectType.CONTACTS, {"Id": CONTACT, "SystemModstamp": MODIFIED, **fields})
    assert isinstance(record, ContactRecord)
    return record


def deal(**fields: Any) -> DealRecord:
    record = both(ObjectType.DEALS, {"Id": DEAL, "SystemModstamp": MODIFIED, **fields})
    assert isinstance(record, DealRecord)
    return record
