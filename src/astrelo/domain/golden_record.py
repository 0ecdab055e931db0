"""The golden record: which of a company's CRM records each of its columns comes from.

Columns are chosen by groups, each from one record: an address must not mix two records. A group comes from
the freshest record that has it, unless a user pinned another record; an empty group never replaces one with
values. The result depends on the records and the pins only, not on the order or the batches of their arrival.
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

MAIN_COLUMNS: Mapping[FieldGroup, tuple[str, ...]] = {
    **{group: columns[:1] for group, columns in COLUMNS.items()},
    FieldGroup.PLACE: COLUMNS[FieldGroup.PLACE],
}
"""A record has a group when any of these columns is set: the amount of a revenue, any part of a place."""


class Member(NamedTuple):
    """The properties of a company's record that decide the golden record."""

    key: RecordKey
    source_updated_at: datetime
    groups: frozenset[FieldGroup]
    """The groups that it has."""


Pins = Mapping[tuple[RecordKey, FieldGroup], datetime]
"""When a user pinned a group to a record. Of several pins in one company the latest applies."""


class GoldenRecord(NamedTuple):
    leading: RecordKey
    """The freshest record: it names the company, and supplies the groups that no record has."""
    sources: Mapping[FieldGroup, RecordKey]
    """The record that each group comes from, without the groups that no record has."""


def groups_in(columns: Mapping[str, object]) -> frozenset[FieldGroup]:
    """Return the groups that a record with these columns has; a rep counts only if it is a known owner."""
    return frozenset(
        group for group, main in MAIN_COLUMNS.items() if any(columns[name] is not None for name in main)
    )


def golden_record(members: Iterable[Member], pins: Pins) -> GoldenRecord:
    """Choose the record for each group of a company; the store applies the same rule set-based.

    Raises IndexError for no members.
    """
    ordered = sort_by_freshness(members)
    keys = {group: [one.key for one in ordered if group in one.groups] for group in FieldGroup}
    sources = {group: _choose_source(group, having, pins) for group, having in keys.items() if having}
    return GoldenRecord(ordered[0].key, sources)


def _choose_source(group: FieldGroup, having: Sequence[RecordKey], pins: Pins) -> RecordKey:
    """Choose among the records that have the group, given the freshest first."""
    pinned = [key for key in having if (key, group) in pins]
    return max(pinned, key=lambda key: pins[key, group]) if pinned else having[0]


def sort_by_freshness(members: Iterable[Member]) -> Sequence[Member]:
    """Sort a company's records, the freshest first, among equals the smallest (source, id) first."""
    by_key = sorted(members, key=lambda member: member.key)
    return sorted(by_key, key=lambda member: member.source_updated_at, reverse=True)
