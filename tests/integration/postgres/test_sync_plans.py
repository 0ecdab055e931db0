"""What a first sync asks of whole tables, while they have no statistics yet: no loop over a loop."""

from uuid import uuid4

import asyncpg
import pytest

from astrelo.adapters.outbound.postgres.session.statements import statement

pytestmark = pytest.mark.anyio


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
