"""Which of a company's records each of its columns comes from.

The columns go by groups, and a group is taken whole: half of one record's address beside half of another's
would be a place where nobody is. A group comes from the freshest record that has it, unless a person pinned
another; an empty group never replaces one that says something. The result is a function of the records and
the pins alone, whatever came first and however it was cut into batches.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from astrelo.domain.company import RecordKey
from astrelo.domain.records import CompanyRecord


class FieldGroup(StrEnum):
    """Columns of a company that belong together."""

    NAME = "name"
    INDUSTRY = "industry"
    EMPLOYEE_COUNT = "employee_count"
    REVENUE = "revenue"
    PLACE = "place"
    DESCRIPTION = "description"
    PHONE = "phone"
    LINKEDIN_URL = "linkedin_url"
    LIFECYCLE_STAGE = "lifecycle_stage"
    REP = "rep"


COLUMNS: Mapping[FieldGroup, tuple[str, ...]] = {
    FieldGroup.NAME: ("company_name",),
    FieldGroup.INDUSTRY: ("industry", "naics", "sic"),
    FieldGroup.EMPLOYEE_COUNT: ("employee_count",),
    FieldGroup.REVENUE: (
        "annual_revenue",
        "annual_revenue_currency",
        "annual_revenue_usd",
        "annual_revenue_rate_date",
        "revenue_range",
    ),
    FieldGroup.PLACE: ("hq_country", "hq_region", "hq_city"),
    FieldGroup.DESCRIPTION: ("description",),
    FieldGroup.PHONE: ("phone",),
    FieldGroup.LINKEDIN_URL: ("linkedin_url",),
    FieldGroup.LIFECYCLE_STAGE: ("lifecycle_stage",),
    FieldGroup.REP: ("crm_rep_id",),
}
"""The columns of each group, as the API names them."""

Member = tuple[RecordKey, CompanyRecord]
Pins = Mapping[tuple[RecordKey, FieldGroup], datetime]
"""When somebody decided that a group comes from a record. Of several in one company the latest stands."""


class GoldenRecord(NamedTuple):
    leading: RecordKey
    """The freshest record: it names the company, and stands in where no record has a group."""
    sources: Mapping[FieldGroup, RecordKey]
    """Every group → the record that it comes from."""


def golden_record(
    members: Iterable[Member], pins: Pins, has_rep: Callable[[RecordKey, CompanyRecord], bool]
) -> GoldenRecord:
    """Decide where each group of a company comes from; the store applies the same rule set-based.

    `has_rep` says whether a record's owner is known. Raises IndexError for no members.
    """
    ordered = freshest_first(members)
    leading = ordered[0][0]
    sources = {FieldGroup.REP: [key for key, record in ordered if has_rep(key, record)]}
    for group in _MAIN_COLUMNS:
        sources[group] = [key for key, record in ordered if _has_group(group, record)]
    return GoldenRecord(
        leading, {group: _source(group, having, pins) or leading for group, having in sources.items()}
    )


def _source(group: FieldGroup, having: Sequence[RecordKey], pins: Pins) -> RecordKey | None:
    """Choose among the records that have the group, the freshest first; None where none has it."""
    pinned = [key for key in having if (key, group) in pins]
    if pinned:
        return max(pinned, key=lambda key: pins[key, group])
    return having[0] if having else None


def freshest_first(members: Iterable[Member]) -> Sequence[Member]:
    """Order a company's records: the freshest first, among equals the smallest (source, id)."""
    by_key = sorted(members, key=lambda member: member[0])
    return sorted(by_key, key=lambda member: member[1].source_updated_at, reverse=True)


_MAIN_COLUMNS: Mapping[FieldGroup, tuple[str, ...]] = {
    **{group: (group.value,) for group in FieldGroup if group is not FieldGroup.REP},
    FieldGroup.REVENUE: ("annual_revenue",),
    FieldGroup.PLACE: ("hq_country", "hq_region", "hq_city"),
}
"""A record has a group when it has any of these: the amount, not the currency, but any part of a place."""


def _has_group(group: FieldGroup, record: CompanyRecord) -> bool:
    return any(getattr(record, column) is not None for column in _MAIN_COLUMNS[group])
