"""Objects of HubSpot, mapped as an account in euros has them."""

from datetime import UTC, datetime

from astrelo.adapters.outbound.hubspot.api.wire import (
    CompanyObject,
    CompanyProperties,
    ContactObject,
    ContactProperties,
    DealObject,
    DealProperties,
    Pipeline,
    PipelineStage,
    StageMetadata,
)
from astrelo.adapters.outbound.hubspot.mapping import RecordMapper, load_industries
from astrelo.adapters.outbound.reference import RESERVED_NAMES, BundledReferenceData
from astrelo.domain.identifiers import RecordId
from astrelo.domain.records import CompanyRecord, ContactRecord, DealRecord

INDUSTRIES = load_industries()
PIPELINES = [
    Pipeline(
        id="default",
        label="Sales Pipeline",
        stages=(
            PipelineStage("qualified", "Qualified", StageMetadata(is_closed="false", probability="0.4")),
            PipelineStage("won", "Closed Won", StageMetadata(is_closed="true", probability="1.0")),
            PipelineStage("lost", "Closed Lost", StageMetadata(is_closed="true", probability="0.0")),
            PipelineStage("bare", "Without metadata"),
        ),
    ),
    Pipeline(
        id="other", label="Other", stages=(PipelineStage("won", "Done", StageMetadata(is_closed="false")),)
    ),
]
REFERENCE = BundledReferenceData(RESERVED_NAMES)
MAPPER = RecordMapper(REFERENCE, INDUSTRIES, "EUR", PIPELINES)
MODIFIED = "2026-10-02T10:00:00.001Z"
MODIFIED_AT = datetime(2026, 10, 2, 10, 0, 0, 1000, UTC)


def company(**properties: str | None) -> CompanyRecord:
    record = MAPPER.company(
        CompanyObject("10", CompanyProperties(hs_lastmodifieddate=MODIFIED, **properties))
    )
    assert isinstance(record, CompanyRecord)
    return record


def contact(company_id: str | None = None, **properties: str | None) -> ContactRecord:
    payload = ContactObject("20", ContactProperties(lastmodifieddate=MODIFIED, **properties))
    record = MAPPER.contact(payload, None if company_id is None else RecordId(company_id))
    assert isinstance(record, ContactRecord)
    return record


def deal(
    company_id: str | None = None, contact_ids: str | None = None, **properties: str | None
) -> DealRecord:
    """Map a deal; `contact_ids` are written with blanks between them."""
    payload = DealObject("30", DealProperties(hs_lastmodifieddate=MODIFIED, **properties))
    linked = None if company_id is None else RecordId(company_id)
    record = MAPPER.deal(payload, linked, None, [RecordId(one) for one in (contact_ids or "").split()])
    assert isinstance(record, DealRecord)
    return record
