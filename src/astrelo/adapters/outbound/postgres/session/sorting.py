"""Pages of a list in another order than that of the ids."""

from typing import Any
from uuid import UUID

import asyncpg

from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.adapters.outbound.postgres.session.statements import statement
from astrelo.application import messages
from astrelo.domain import errors

ALWAYS_THERE = frozenset({"freshness"})
"""What every record has, so that none comes last for want of it."""


def narrow_nothing(query: str) -> dict[str, object]:
    """Return the parameters of a list that leave it as it is."""
    return dict.fromkeys(statement(query).parameters)


async def read_in_order(
    reads: Reads,
    query: str,
    values: dict[str, object],
    *,
    sort: str | None,
    keys_query: str,
    after: UUID | None,
    limit: int,
) -> list[asyncpg.Record]:
    """Read a page behind the record `after`, by id or sorted; records without what is sorted by come last, by id.

    `keys_query` gives what a record is sorted by: its place is looked up anew, so a record that changed meanwhile counts
    where it is now. Raises InvalidInput when it is gone.
    """
    if sort is None:
        return await reads.rows(query, **{**values, "after": after, "limit": limit})
    key: Any = None
    if after is not None:
        keys = await reads.rows(keys_query, user_id=values["user_id"], id=after)
        if not keys:
            raise errors.InvalidInput("cursor", messages.NO_CURSOR)
        key = keys[0][sort]
    rows: list[asyncpg.Record] = []
    if after is None or key is not None:
        place = {f"after_{sort}": key, "after_id": after, "sort": sort, "limit": limit}
        rows = await reads.rows(query, **{**values, **place})
        after = None
    if len(rows) < limit and sort not in ALWAYS_THERE:
        place = {"keyless": sort, "after": after, "limit": limit - len(rows)}
        rows += await reads.rows(query, **{**values, **place})
    return rows
