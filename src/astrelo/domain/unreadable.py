"""Values that could not be kept as the CRM has them: the columns, the problems and the records."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain
from typing import Any, NamedTuple

from astrelo.domain.identifiers import RecordId
from astrelo.domain.normalization import MAX_TEXT_LENGTH, is_cut
from astrelo.domain.records import CompanyRecord, ContactRecord, CrmRecord, DealRecord

MAX_EXAMPLES = 20
"""How many record ids a run keeps for each column and problem."""


class Trouble(StrEnum):
    """The problem with a value. Part of the run's report."""

    UNREADABLE = "unreadable"
    """It could not be read: the column is empty."""
    CUT = "cut"
    """It is longer than MAX_TEXT_LENGTH: the column holds its beginning."""
    NO_EXCHANGE_RATE = "no_exchange_rate"
    """No reference rate of its currency is known for that day: the amount in USD is empty."""
    UNKNOWN_CURRENCY = "unknown_currency"
    """Neither the record nor the account states a currency: the amount in USD is empty."""
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
"""An amount in USD, as the API and the record name it, and the fields that it is computed from."""

_Found = tuple[Unreadable, RecordId]
_Columns = Mapping[str, Sequence[Any]]


def find_unreadable_values(
    records: Sequence[CrmRecord], owner_ids: frozenset[RecordId] | None
) -> Mapping[Unreadable, Sequence[RecordId]]:
    """Return the records of each problem, in their order. All are of one object type.

    With `owner_ids` None the owners are not checked. Checks columns first: most have no problem in a whole batch.
    """
    if not records:
        return {}
    kind = type(records[0])
    columns = dict(zip(kind._fields, zip(*records, strict=True), strict=True))
    found: dict[Unreadable, list[RecordId]] = {}
    for one, record_id in chain(
        _find_unread(columns),
        _find_unknown_owners(columns, owner_ids),
        _find_unconverted(columns, kind),
        _find_cut(columns, kind),
    ):
        found.setdefault(one, []).append(record_id)
    return found


def _find_unread(columns: _Columns) -> Iterator[_Found]:
    if not any(columns["unreadable"]):
        return
    for record_id, fields in zip(columns["record_id"], columns["unreadable"], strict=True):
        for field in fields:
            yield Unreadable(field, Trouble.UNREADABLE), record_id


def _find_unknown_owners(columns: _Columns, owner_ids: frozenset[RecordId] | None) -> Iterator[_Found]:
    unknown = set() if owner_ids is None else set(columns["owner_id"]) - owner_ids - {None}
    if unknown:
        for record_id, owner_id in zip(columns["record_id"], columns["owner_id"], strict=True):
            if owner_id in unknown:
                yield Unreadable("crm_rep_id", Trouble.UNKNOWN_OWNER), record_id


def _find_unconverted(columns: _Columns, kind: type) -> Iterator[_Found]:
    if kind in _AMOUNTS:
        name, amount, currency = _AMOUNTS[kind]
        rows = zip(columns["record_id"], columns[name], columns[amount], columns[currency], strict=True)
        for record_id, usd, value, code in rows:
            if usd is None and value is not None:
                trouble = Trouble.UNKNOWN_CURRENCY if code is None else Trouble.NO_EXCHANGE_RATE
                yield Unreadable(name, trouble), record_id


def _find_cut(columns: _Columns, kind: type) -> Iterator[_Found]:
    for name, field in _TEXTS[kind].items():
        # The texts of a batch's column are mostly shorter together than one text that is cut.
        if len("".join(filter(None, columns[field]))) >= MAX_TEXT_LENGTH:
            for record_id, value in zip(columns["record_id"], columns[field], strict=True):
                if is_cut(value):
                    yield Unreadable(name, Trouble.CUT), record_id
