"""Values that could not be kept as the CRM has them: which columns, what is the matter, in which records."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain
from typing import Any, NamedTuple

from astrelo.domain.identifiers import RecordId
from astrelo.domain.normalization import MAX_TEXT_LENGTH, is_cut
from astrelo.domain.records import CompanyRecord, ContactRecord, CrmRecord, DealRecord

MAX_EXAMPLES = 20
"""So many record ids are kept of each column and trouble in a run."""


class Trouble(StrEnum):
    """What is the matter with a value. Part of the run's report."""

    UNREADABLE = "unreadable"
    """It could not be read: the column is empty."""
    CUT = "cut"
    """It is longer than a text column keeps: the column holds its beginning."""
    NO_EXCHANGE_RATE = "no_exchange_rate"
    """No reference rate of its currency is known for that time: the amount in USD is empty."""
    UNKNOWN_CURRENCY = "unknown_currency"
    """Neither the record nor the account says which currency it is in: the amount in USD is empty."""
    UNKNOWN_OWNER = "unknown_owner"
    """It names an owner that the CRM does not list."""


class Unreadable(NamedTuple):
    field: str
    """A column as the API names it."""
    trouble: Trouble


_TEXTS: Mapping[type, Mapping[str, str]] = {
    CompanyRecord: {
        "company_name": "name",
        "industry": "industry",
        "hq_city": "hq_city",
        "description": "description",
        "phone": "phone",
        "lifecycle_stage": "lifecycle_stage",
    },
    ContactRecord: {
        "first_name": "first_name",
        "last_name": "last_name",
        "job_title": "job_title",
        "phone": "phone",
        "lifecycle_stage": "lifecycle_stage",
    },
    DealRecord: {
        "name": "name",
        "pipeline_id": "pipeline_id",
        "pipeline_label": "pipeline_label",
        "stage_id": "stage_id",
        "stage_label": "stage_label",
    },
}
"""Columns of text, as the API names them → a record's field."""

_AMOUNTS: Mapping[type, tuple[str, str, str]] = {
    CompanyRecord: ("annual_revenue_usd", "annual_revenue", "annual_revenue_currency"),
    DealRecord: ("amount_usd", "amount", "currency"),
}
"""An amount in USD, as the API names it and the record, and the fields that it is made of."""

_Found = tuple[Unreadable, RecordId]
_Columns = Mapping[str, Sequence[Any]]


def find_unreadable_values(
    records: Sequence[CrmRecord], owner_ids: frozenset[RecordId] | None
) -> Mapping[Unreadable, Sequence[RecordId]]:
    """Return the records of each trouble, in their order. All are of one object type.

    `owner_ids` None: the owners are not known. Goes by columns: in a batch most of them are free of trouble as a whole.
    """
    if not records:
        return {}
    kind = type(records[0])
    columns = dict(zip(kind._fields, zip(*records, strict=True), strict=True))
    found: dict[Unreadable, list[RecordId]] = {}
    for one, record_id in chain(
        _unread(columns),
        _with_unknown_owners(columns, owner_ids),
        _without_usd(columns, kind),
        _cut(columns, kind),
    ):
        found.setdefault(one, []).append(record_id)
    return found


def _unread(columns: _Columns) -> Iterator[_Found]:
    if not any(columns["unreadable"]):
        return
    for record_id, fields in zip(columns["record_id"], columns["unreadable"], strict=True):
        for field in fields:
            yield Unreadable(field, Trouble.UNREADABLE), record_id


def _with_unknown_owners(columns: _Columns, owner_ids: frozenset[RecordId] | None) -> Iterator[_Found]:
    unknown = set() if owner_ids is None else set(columns["owner_id"]) - owner_ids - {None}
    if unknown:
        for record_id, owner_id in zip(columns["record_id"], columns["owner_id"], strict=True):
            if owner_id in unknown:
                yield Unreadable("crm_rep_id", Trouble.UNKNOWN_OWNER), record_id


def _without_usd(columns: _Columns, kind: type) -> Iterator[_Found]:
    if kind in _AMOUNTS:
        name, amount, currency = _AMOUNTS[kind]
        told = zip(columns["record_id"], columns[name], columns[amount], columns[currency], strict=True)
        for record_id, usd, value, code in told:
            if usd is None and value is not None:
                trouble = Trouble.UNKNOWN_CURRENCY if code is None else Trouble.NO_EXCHANGE_RATE
                yield Unreadable(name, trouble), record_id


def _cut(columns: _Columns, kind: type) -> Iterator[_Found]:
    for name, field in _TEXTS[kind].items():
        # Most columns of a whole batch are together shorter than one text that is cut.
        if len("".join(filter(None, columns[field]))) >= MAX_TEXT_LENGTH:
            for record_id, value in zip(columns["record_id"], columns[field], strict=True):
                if is_cut(value):
                    yield Unreadable(name, Trouble.CUT), record_id
