"""What a first sync asks of whole tables, while they have no statistics yet: no loop over a loop."""

from uuid import uuid4

import asyncpg
import pytest

from astrelo.adapters.outbound.postgres.statements import statement

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
