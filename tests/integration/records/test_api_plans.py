"""Lists stay quick for a large customer: a selective filter is answered by an index, not by a scan."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from astrelo.adapters.outbound.postgres.session.statements import statement
from tests.support.harness.api import REPORTED_AT

pytestmark = pytest.mark.anyio

USER = UUID(int=7)
ROWS = 20_000
LIMIT = 26

COMPANIES = """
insert into companies (user_id, id, domain, company_name_folded, external_source, external_provider_id,
                       source_updated_at, created_at)
select $1, gen_random_uuid(), 'd' || n || '.com', md5(n::text), 'hubspot', n::text, $2, $2
from generate_series(1, $3::int) n
"""
RECORDS = """
insert into crm_companies (user_id, external_source, external_provider_id, company_id, source_updated_at,
                           content_hash)
select $1, source, external_provider_id, id, $2, ''
from companies, unnest(array['hubspot', 'salesforce']) source
where user_id = $1
"""
CONTACTS = """
insert into contacts (user_id, id, external_source, external_provider_id, source_updated_at, content_hash,
                      email_folded, email_kind, company_id, company_match)
select $1, gen_random_uuid(), 'hubspot', c.external_provider_id, $2, '',
    md5(c.external_provider_id) || '@d.com', 'business', c.id, 'provider_id'
from companies c
where user_id = $1
"""


@pytest.fixture
async def connection(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    async with pool.acquire() as opened:
        await opened.execute(COMPANIES, USER, REPORTED_AT, ROWS)
        await opened.execute(RECORDS, USER, REPORTED_AT)
        await opened.execute(CONTACTS, USER, REPORTED_AT)
        await opened.execute("analyze companies, crm_companies, contacts")
        yield opened


async def _plan(connection: asyncpg.Connection, name: str, **given: object) -> list[dict[str, Any]]:
    """Return the nodes of the plan for these parameters; the others narrow nothing."""
    return _nodes(await _explain(connection, "format json", name, given))


async def _explain(
    connection: asyncpg.Connection, options: str, name: str, given: dict[str, object]
) -> dict[str, Any]:
    found = statement(name)
    values = dict.fromkeys(found.parameters) | {"user_id": USER, "limit": LIMIT, "include_archived": False}
    explained = await connection.fetchval(f"explain ({options}) {found.text}", *found.bind(values | given))
    plan: dict[str, Any] = json.loads(explained)[0]["Plan"]
    return plan


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in _nodes(child))]


async def _indexes(connection: asyncpg.Connection, name: str, **given: object) -> set[str]:
    nodes = await _plan(connection, name, **given)
    assert "Seq Scan" not in {node["Node Type"] for node in nodes}
    return {node["Index Name"] for node in nodes if "Index Name" in node} - {"feed_revisions_revision_key"}


SOURCES = "crm_companies_company"
"""Looked up for each company that is shown."""


async def test_selective_filters_are_answered_by_their_index(connection: asyncpg.Connection) -> None:
    assert await _indexes(connection, "read_companies", name_pattern="abcd%") == {
        "companies_name_folded",
        SOURCES,
    }
    assert await _indexes(connection, "read_companies", domain="d7.com") == {"companies_domain_key", SOURCES}
    assert await _indexes(connection, "read_contacts", email_pattern="abcd%") == {"contacts_email_folded"}
    by_company = await _indexes(connection, "read_contacts", company_id=uuid4())
    assert by_company == {"contacts_company", "company_aliases_pkey"}


async def test_a_page_begins_where_the_one_before_ended(connection: asyncpg.Connection) -> None:
    assert await _indexes(connection, "read_companies", after=uuid4()) == {"companies_pkey", SOURCES}
    assert await _indexes(connection, "read_contacts", after=uuid4()) == {"contacts_pkey"}


async def test_a_page_of_one_crm_s_companies_asks_an_index_about_each(connection: asyncpg.Connection) -> None:
    by_source = await _indexes(connection, "read_companies", source="salesforce")
    assert by_source == {"companies_pkey", SOURCES}


async def test_the_sources_are_looked_up_for_the_shown_companies_alone(
    connection: asyncpg.Connection,
) -> None:
    nodes = _nodes(await _explain(connection, "analyze, format json", "read_companies", {}))
    assert [node["Actual Loops"] for node in nodes if node.get("Index Name") == SOURCES] == [LIMIT]
