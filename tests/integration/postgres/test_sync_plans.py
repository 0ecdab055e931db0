"""What a first sync asks of whole tables, while they have no statistics yet: no loop over a loop."""

from uuid import uuid4

import asyncpg
import pytest

from astrelo.adapters.outbound.postgres.session.statements import statement

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("name", "object_type"),
    [("company_unseen", "companies"), ("contact_unseen", "contacts"), ("deal_unseen", "deals")],
)
async def test_looking_for_records_that_are_gone_grows_with_their_number_alone(
    pool: asyncpg.Pool, name: str, object_type: str
) -> None:
    rows = await pool.fetch(f"explain {statement(name)}", uuid4(), "hubspot", uuid4(), object_type)
    plan = "\n".join(row[0] for row in rows)
    assert "SetOp" in plan
    assert "Nested Loop" not in plan


async def test_companies_are_looked_up_by_domain_however_many_the_user_has(pool: asyncpg.Pool) -> None:
    user_id = uuid4()
    await pool.execute(
        """insert into companies (user_id, id, domain, external_source, external_provider_id, source_updated_at,
                                  created_at, synced_at)
           select $1, gen_random_uuid(), 'd' || n || '.com', 'hubspot', n::text, now(), now(), now()
           from generate_series(1, 5000) n""",
        user_id,
    )
    domains = ",".join(f"d{n}.com" for n in range(500))
    rows = await pool.fetch(f"explain {statement('company_by_domain')}", user_id, ",", domains)
    plan = "\n".join(row[0] for row in rows)
    assert "Index Scan using companies_domain_key" in plan
    assert "told.domain" in plan
