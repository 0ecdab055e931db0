"""What a first sync asks of whole tables, while they have no statistics yet: no loop over a loop."""

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from astrelo.adapters.outbound.postgres.links.repository import PgLinks
from astrelo.adapters.outbound.postgres.session.queries import Revision
from astrelo.adapters.outbound.postgres.session.statements import statement, statements
from astrelo.domain.identifiers import UserId

pytestmark = pytest.mark.anyio

USER_ID = uuid4()


async def explain(pool: asyncpg.Pool, name: str, **values: object) -> str:
    found = statement(name)
    rows = await pool.fetch(f"explain {found.text}", *found.bind(values))
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize(
    ("name", "object_type"),
    [
        ("list_unseen_company_records", "companies"),
        ("list_unseen_contacts", "contacts"),
        ("list_unseen_deals", "deals"),
    ],
)
async def test_looking_for_records_that_are_gone_grows_with_their_number_alone(
    pool: asyncpg.Pool, name: str, object_type: str
) -> None:
    plan = await explain(
        pool, name, user_id=uuid4(), source="hubspot", run_id=uuid4(), object_type=object_type
    )
    assert "SetOp" in plan
    assert "Nested Loop" not in plan


@pytest.mark.parametrize("name", ["relink_companies", "relink_contacts", "relink_deals"])
async def test_deciding_all_links_anew_never_joins_all_pairs_of_two_tables(
    pool: asyncpg.Pool, name: str
) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await lay_deals_with_contacts(connection)
        await connection.execute(statement("disable_nested_loops").text)
        found = statement(name)
        explained = await connection.fetchval(
            f"explain (format json) {found.text}", *found.bind({"user_id": USER_ID, "revision": 1})
        )
    loops = [
        [inner["Node Type"] for inner in node["Plans"]]
        for node in nodes_of(json.loads(explained)[0]["Plan"])
        if node["Node Type"] == "Nested Loop"
    ]
    assert all(outer.endswith("Scan") and inner == "Function Scan" for outer, inner in loops), loops


async def test_statements_after_the_links_are_planned_as_usual(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await PgLinks(connection, UserId(USER_ID), Revision(number=1)).relink()
        assert await connection.fetchval("show enable_nestloop") == "on"


async def lay_deals_with_contacts(connection: asyncpg.pool.PoolConnectionProxy) -> None:
    for table, named in (("contacts", ""), ("deals", ", provider_contact_ids")):
        await connection.execute(
            f"""insert into {table} (user_id, id, external_source, external_provider_id, source_updated_at,
                                     content_hash{named}{", email_kind" if table == "contacts" else ""})
                select $1, gen_random_uuid(), 'hubspot', n::text, now(), ''{", array[n::text]" if named else ", 'business'"}
                from generate_series(1, 2000) n""",
            USER_ID,
        )


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes_of(inner)


async def test_looking_for_what_has_no_job_compares_no_pairs(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(statement("disable_nested_loops").text)  # few rows would be looped over
        known = statement("list_ids_without_job")
        values = {"entrypoint": "sync", "ids": [uuid4() for _ in range(10)], "limit": 10}
        plan = await connection.fetch(f"explain {known.text}", *known.bind(values))
    assert "Hash Cond" in str(plan)
    assert "Nested Loop" not in str(plan)


async def test_companies_are_looked_up_by_domain_however_many_the_user_has(pool: asyncpg.Pool) -> None:
    user_id = uuid4()
    await pool.execute(
        """insert into companies (user_id, id, domain, external_source, external_provider_id, source_updated_at,
                                  created_at)
           select $1, gen_random_uuid(), 'd' || n || '.com', 'hubspot', n::text, now(), now()
           from generate_series(1, 5000) n""",
        user_id,
    )
    domains = ",".join(f"d{n}.com" for n in range(500))
    plan = await explain(pool, "find_companies_by_domain", user_id=user_id, separator=",", domains=domains)
    assert "Index Scan using companies_domain_key" in plan
    assert "wanted.domain" in plan


_OF_LISTS = re.compile(
    r"companies_profile|companies_place|companies_naics|crm_companies_source|contacts_reason|contacts_first_name"
    r"|contacts_last_name|deals_stage|deals_first_contact|deals_second_contact|deals_further_contacts"
)


async def test_no_statement_of_a_sync_takes_an_index_of_lists_while_there_are_no_statistics(
    pool: asyncpg.Pool,
) -> None:
    """It would read all of the user's rows for each batch: to the planner a new user has few."""
    async with pool.acquire() as connection:
        await connection.execute("set plan_cache_mode = force_generic_plan")
        await connection.execute(
            """insert into contacts (user_id, id, external_source, external_provider_id, source_updated_at,
                                     content_hash, email_kind)
               select gen_random_uuid(), gen_random_uuid(), 'hubspot', n::text, now(), '', 'business'
               from generate_series(1, 2000) n"""
        )
        taken = {}
        for name, known in statements().items():
            if name.startswith("read_"):
                continue
            await connection.execute(f"prepare planned as {known.text}")
            nulls = ", ".join(["null"] * len(known.parameters))
            plan = await connection.fetch(f"explain execute planned{f'({nulls})' if nulls else ''}")
            await connection.execute("deallocate planned")
            if found := _OF_LISTS.findall("\n".join(row[0] for row in plan)):
                taken[name] = found
        assert taken == {}
