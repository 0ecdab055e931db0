"""Values that could not be kept as the CRM has them: which columns, what is the matter, in which records."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from operator import attrgetter
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
    UNKNOWN_OWNER = "unknown_owner"
    """It names an owner that the CRM does not list."""


class Unreadable(NamedTuple):
    field: str
    """A column as the API names it."""
    trouble: Trouble


class _TextColumns(NamedTuple):
    names: tuple[str, ...]
    values: Callable[[Any], tuple[str | None, ...]]


def _texts(**columns: str) -> _TextColumns:
    """Take a record's texts by attribute, named as the API names them."""
    return _TextColumns(tuple(columns), attrgetter(*columns.values()))


_TEXTS: Mapping[type, _TextColumns] = {
    CompanyRecord: _texts(
        company_name="name",
        industry="industry",
        hq_city="hq_city",
        description="description",
        phone="phone",
        lifecycle_stage="lifecycle_stage",
    ),
    ContactRecord: _texts(
        first_name="first_name",
        last_name="last_name",
        job_title="job_title",
        phone="phone",
        lifecycle_stage="lifecycle_stage",
    ),
    DealRecord: _texts(
        name="name",
        pipeline_id="pipeline_id",
        pipeline_label="pipeline_label",
        stage_id="stage_id",
        stage_label="stage_label",
    ),
}


def unreadable_values(
    records: Iterable[CrmRecord], owner_ids: frozenset[RecordId] | None
) -> Mapping[Unreadable, list[RecordId]]:
    """Return the records of each trouble, in their order. `owner_ids` None: the owners are not known."""
    found: dict[Unreadable, list[RecordId]] = {}
    for record in records:
        for one in _troubles(record, owner_ids):
            found.setdefault(one, []).append(record.record_id)
    return found


def _troubles(record: CrmRecord, owner_ids: frozenset[RecordId] | None) -> Iterator[Unreadable]:
    for field in record.unreadable:
        yield Unreadable(field, Trouble.UNREADABLE)
    if owner_ids is not None and record.owner_id is not None and record.owner_id not in owner_ids:
        yield Unreadable("crm_rep_id", Trouble.UNKNOWN_OWNER)
    if isinstance(record, CompanyRecord):
        if record.annual_revenue_usd is None and _has_amount(
            record.annual_revenue, record.annual_revenue_currency
        ):
            yield Unreadable("annual_revenue_usd", Trouble.NO_EXCHANGE_RATE)
    elif (
        isinstance(record, DealRecord)
        and record.amount_usd is None
        and _has_amount(record.amount, record.currency)
    ):
        yield Unreadable("amount_usd", Trouble.NO_EXCHANGE_RATE)
    names, values = _TEXTS[type(record)]
    texts = values(record)
    if len("".join(filter(None, texts))) >= MAX_TEXT_LENGTH:
        for name, value in zip(names, texts, strict=True):
            if is_cut(value):
                yield Unreadable(name, Trouble.CUT)


def _has_amount(amount: object | None, currency: str | None) -> bool:
    return amount is not None and currency is not None
