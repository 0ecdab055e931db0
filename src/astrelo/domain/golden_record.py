"""Which of a company's records each of its columns comes from.

The columns go by groups, and a group is taken whole: half of one record's address beside half of another's
would be a place where nobody is. A group comes from the freshest record that has it, unless a person pinned
another; an empty group never replaces one that says something. The result is a function of the records and
the pins alone, whatever came first and however it was cut into batches.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from astrelo.domain.company import RecordKey


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

_MAIN_COLUMNS: Mapping[FieldGroup, tuple[str, ...]] = {
    **{group: columns[:1] for group, columns in COLUMNS.items()},
    FieldGroup.PLACE: COLUMNS[FieldGroup.PLACE],
}
"""A record has a group when it has any of these: the amount, not the currency, but any part of a place."""


class Member(NamedTuple):
    """A record of a company, as far as this matters."""

    key: RecordKey
    source_updated_at: datetime
    groups: frozenset[FieldGroup]
    """The groups that it has."""


Pins = Mapping[tuple[RecordKey, FieldGroup], datetime]
"""When somebody decided that a group comes from a record. Of several in one company the latest stands."""


class GoldenRecord(NamedTuple):
    leading: RecordKey
    """The freshest record: it names the company, and its columns are shown where no record has the group."""
    sources: Mapping[FieldGroup, RecordKey]
    """The record that each group comes from; a group that no record has is not there."""


def groups_in(columns: Mapping[str, object]) -> frozenset[FieldGroup]:
    """Return the groups that a record with these columns has; a rep counts where it is one of the known owners."""
    return frozenset(
        group for group, main in _MAIN_COLUMNS.items() if any(columns[name] is not None for name in main)
    )


def golden_record(members: Iterable[Member], pins: Pins) -> GoldenRecord:
    """Decide where each group of a company comes from; the store applies the same rule set-based.

    Raises IndexError for no members.
    """
    ordered = sort_by_freshness(members)
    having = {group: [one.key for one in ordered if group in one.groups] for group in FieldGroup}
    return GoldenRecord(
        ordered[0].key, {group: _source(group, keys, pins) for group, keys in having.items() if keys}
    )


def _source(group: FieldGroup, having: Sequence[RecordKey], pins: Pins) -> RecordKey:
    """Choose among the records that have the group, the freshest first."""
    pinned = [key for key in having if (key, group) in pins]
    return max(pinned, key=lambda key: pins[key, group]) if pinned else having[0]


def sort_by_freshness(members: Iterable[Member]) -> Sequence[Member]:
    """Order a company's records: the freshest first, among equals the smallest (source, id)."""
    by_key = sorted(members, key=lambda member: member.key)
    return sorted(by_key, key=lambda member: member.source_updated_at, reverse=True)
