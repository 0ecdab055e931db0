"""Lists stay quick for a large customer: a selective filter is answered by an index, not by a walk."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from astrelo.adapters.outbound.postgres.statements import statement
from tests.integration.api_world import TOLD_AT

pytestmark = pytest.mark.anyio

USER = UUID(int=7)
ROWS = 20_000
LIMIT = 26

COMPANIES = """
insert into companies (user_id, id, domain, company_name, external_source, external_provider_id,
                       source_updated_at, created_at, synced_at)
select $1, gen_random_uuid(), 'd' || n || '.com', md5(n::text), 'hubspot', n::text, $2, $2, $2
from generate_series(1, $3::int) n
"""
CONTACTS = """
insert into contacts (user_id, id, external_source, external_provider_id, source_updated_at, content_hash,
                      synced_at, email, email_kind, company_id, company_match)
select $1, gen_random_uuid(), 'hubspot', c.external_provider_id, $2, '', $2,
    md5(c.external_provider_id) || '@d.com', 'business', c.id, 'provider_id'
from companies c
where user_id = $1
"""


@pytest.fixture
async def connection(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    async with pool.acquire() as opened:
        await opened.execute(COMPANIES, USER, TOLD_AT, ROWS)
        await opened.execute(CONTACTS, USER, TOLD_AT)
        await opened.execute("analyze companies, contacts")
        yield opened


async def _indexes(connection: asyncpg.Connection, name: str, **given: object) -> set[str]:
    """Return the indexes of the plan for these parameters, named p2, p4 … by their numbers."""
    last = {"read_companies": 12, "read_contacts": 10}[name]
    arguments = {number: given.get(f"p{number}") for number in range(1, last)} | {
        1: USER,
        3: LIMIT,
        last: False,
    }
    told = await connection.fetchval(f"explain (format json) {statement(name)}", *arguments.values())
    return set(_index_names(json.loads(told)[0]["Plan"]))


def _index_names(plan: dict[str, Any]) -> list[str]:
    below = [name for child in plan.get("Plans", []) for name in _index_names(child)]
    return [plan["Index Name"], *below] if "Index Name" in plan else below


async def test_selective_filters_are_answered_by_their_index(connection: asyncpg.Connection) -> None:
    assert await _indexes(connection, "read_companies", p4="abcd%") == {"companies_name"}
    assert await _indexes(connection, "read_companies", p5="d7.com") == {"companies_domain_key"}
    assert await _indexes(connection, "read_contacts", p5="abcd%") == {"contacts_email"}
    by_company = await _indexes(connection, "read_contacts", p6=uuid4())
    assert by_company == {"contacts_company", "company_aliases_pkey"}


async def test_a_page_begins_where_the_one_before_ended(connection: asyncpg.Connection) -> None:
    assert await _indexes(connection, "read_companies", p2=uuid4()) == {"companies_pkey"}
    assert await _indexes(connection, "read_contacts", p2=uuid4()) == {"contacts_pkey"}
