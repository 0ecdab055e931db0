"""A deal, and the company and contacts it is linked to: by the CRM's ids only, never by a guess."""

from collections.abc import Mapping
from typing import NamedTuple

from astrelo.domain.identifiers import CompanyId, DealId, RecordId
from astrelo.domain.records import DealRecord


class Deal(NamedTuple):
    id: DealId
    record: DealRecord
    company_id: CompanyId | None


def link_deal(record: DealRecord, company_by_record: Mapping[RecordId, CompanyId]) -> CompanyId | None:
    """Return the company behind the CRM's primary company, None while it has not arrived."""
    return None if record.company_id is None else company_by_record.get(record.company_id)
