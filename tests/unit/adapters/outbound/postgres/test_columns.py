"""What a record has is stored, and what a view has is read: a column that one of them lacks shows here."""

import msgspec
import pytest

from astrelo.adapters.outbound.postgres.companies.columns import COMPANY_COLUMNS
from astrelo.adapters.outbound.postgres.contacts.columns import CONTACT_COLUMNS
from astrelo.adapters.outbound.postgres.deals.columns import DEAL_COLUMNS
from astrelo.adapters.outbound.postgres.session.columns import (
    MAX_SEARCHED,
    Column,
    encode_columns,
    fold_column,
)
from astrelo.application.read.views import CompanyView, ContactView, DealView
from astrelo.domain.golden_record import COLUMNS, FieldGroup
from astrelo.domain.records import CompanyRecord, ContactRecord, CrmRecord, DealRecord

NOT_STORED = {"unreadable"}
"""Counted with the run, not kept with the record."""
LOOKED_UP = {
    "company",
    "crm_rep_id",
    "external_source",
    "synced_at",
    "archived_at",
    "sources",
    "contact_ids",
    "external_url",
}
"""Columns of views that no record brings."""
OF_THE_COMPANY = {"id", "domain", "external_provider_id", "source_updated_at"}
"""A company's own: by its leading record."""


@pytest.mark.parametrize(
    ("record", "columns"),
    [(CompanyRecord, COMPANY_COLUMNS), (ContactRecord, CONTACT_COLUMNS), (DealRecord, DEAL_COLUMNS)],
)
def test_every_field_of_a_record_is_stored(record: type[CrmRecord], columns: tuple[Column, ...]) -> None:
    fields = {column.field or column.name for column in columns}
    assert set(record._fields) - NOT_STORED - fields == set()


@pytest.mark.parametrize(
    ("view", "columns", "others"),
    [
        (CompanyView, COMPANY_COLUMNS, OF_THE_COMPANY),
        (ContactView, CONTACT_COLUMNS, set()),
        (DealView, DEAL_COLUMNS, set()),
    ],
)
def test_every_column_of_a_view_is_read_and_no_other(
    view: type[msgspec.Struct], columns: tuple[Column, ...], others: set[str]
) -> None:
    fields = {field.name for field in msgspec.structs.fields(view)}
    assert {column.name for column in columns if column.view} | others == fields - LOOKED_UP


def test_the_columns_of_every_group_of_a_company_are_stored() -> None:
    grouped = {column.name for column in COMPANY_COLUMNS if column.group and column.view}
    assert grouped == {name for group in FieldGroup for name in COLUMNS[group]} - {"crm_rep_id"}


def test_a_batch_is_encoded_by_the_types_of_its_columns() -> None:
    columns = (
        Column("name", field="title"),
        Column("amount", "numeric"),
        Column("tags", "text[]"),
        Column("is_won", "boolean"),
    )
    batch: dict[str, list[object]] = {
        "title": ["a", None],
        "amount": [1, None],
        "tags": [("x",), ()],
        "is_won": [True, None],
    }
    assert encode_columns(columns, batch) == {
        "is_won": [True, None],
        "separator": "\x1f",
        "name": "a\x1f",
        "amount": "1\x1f",
        "tags": '{"x"}\x1f',
    }


def test_what_is_searched_stays_short_where_folding_makes_it_longer() -> None:
    """One character of it may become eighteen, and an index entry holds 2,700 bytes at most."""
    (folded,) = fold_column(["\ufdfa" * MAX_SEARCHED])
    assert folded is not None
    assert len(folded) == MAX_SEARCHED
