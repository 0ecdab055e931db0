"""The column tables say what the schema says, and leave nothing out that a record or a view has."""

import asyncpg
import pytest

from astrelo.adapters.outbound.postgres.companies.columns import COMPANY_COLUMNS
from astrelo.adapters.outbound.postgres.contacts.columns import CONTACT_COLUMNS
from astrelo.adapters.outbound.postgres.deals.columns import DEAL_COLUMNS
from astrelo.adapters.outbound.postgres.session.columns import Column

pytestmark = pytest.mark.anyio

SCHEMA = """
select attname::text as name, format_type(atttypid, null) as type, not attnotnull as nullable
from pg_attribute
where attrelid = $1::text::regclass and attnum > 0 and not attisdropped and attgenerated = ''
"""
SHORT = {"timestamp with time zone": "timestamptz"}
WITHOUT_A_COPY = {"user_id", "external_source", "archived_at", "revision", "crm_rep_id", "contact_ids"}
"""Columns that no record of a batch brings: whose it is, who wrote it last, and what we looked up."""


@pytest.mark.parametrize(
    ("table", "columns"),
    [("crm_companies", COMPANY_COLUMNS), ("contacts", CONTACT_COLUMNS), ("deals", DEAL_COLUMNS)],
)
async def test_a_column_table_lists_the_columns_of_the_table(
    pool: asyncpg.Pool, table: str, columns: tuple[Column, ...]
) -> None:
    stored = {
        row["name"]: (SHORT.get(row["type"], row["type"]), row["nullable"])
        for row in await pool.fetch(SCHEMA, table)
        if row["name"] not in WITHOUT_A_COPY
    }
    assert {column.name: (column.type, column.nullable) for column in columns} == stored


async def test_companies_have_the_columns_of_their_records_that_belong_to_a_group(pool: asyncpg.Pool) -> None:
    shown = {
        row["name"]: SHORT.get(row["type"], row["type"]) for row in await pool.fetch(SCHEMA, "companies")
    }
    golden = {column.name: column.type for column in COMPANY_COLUMNS if column.group}
    assert {name: shown.get(name) for name in golden} == golden
