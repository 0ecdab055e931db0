"""Linking a deal to its company and contacts: by the CRM's ids only."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from astrelo.domain.contact import CompanyMatch
from astrelo.domain.identifiers import CompanyId, DealId, RecordId
from astrelo.domain.records import CompanyAssociation, DealRecord


class DealUnlinkedReason(StrEnum):
    NOT_ASSOCIATED = "not_associated"
    """The CRM associates no company."""
    AMBIGUOUS = "ambiguous"
    """The CRM associates several companies and marks none as primary."""
    NO_COMPANY = "no_company"
    """The company that the CRM associates is not stored, or is archived."""


class DealLink(NamedTuple):
    """Either a company and the match, or the reason why there is none."""

    company_id: CompanyId | None
    match: CompanyMatch | None
    unlinked_reason: DealUnlinkedReason | None


class Deal(NamedTuple):
    id: DealId
    record: DealRecord
    link: DealLink


def link_deal(record: DealRecord, company_by_record: Mapping[RecordId, CompanyId]) -> DealLink:
    """Link by the company that the CRM associates. The final pass of a run applies the same rule set-based."""
    if record.company_id is None:
        is_ambiguous = record.company_association is CompanyAssociation.AMBIGUOUS
        reason = DealUnlinkedReason.AMBIGUOUS if is_ambiguous else DealUnlinkedReason.NOT_ASSOCIATED
        return DealLink(None, None, reason)
    if company := company_by_record.get(record.company_id):
        return DealLink(company, CompanyMatch.PROVIDER_ID, None)
    return DealLink(None, None, DealUnlinkedReason.NO_COMPANY)
