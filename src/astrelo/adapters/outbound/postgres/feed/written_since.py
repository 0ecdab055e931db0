"""Which records were written since a time, if they are few: a list of them need not look at all the others."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.domain.identifiers import ObjectType, UserId

MAX_IDS = 5_000
"""For more it is quicker to walk the list: a page of it is found soon."""


async def find_written_since(
    reads: Reads, user_id: UserId, object_type: ObjectType, since: datetime | None
) -> Sequence[UUID] | None:
    """Return their ids; None where they are too many, where it was too long ago, and without a time."""
    if since is None or not await reads.value("is_feed_complete_since", user_id=user_id, since=since):
        return None
    rows = await reads.rows(
        "list_ids_written_since", user_id=user_id, record_type=object_type, since=since, limit=MAX_IDS + 1
    )
    return None if len(rows) > MAX_IDS else [row["id"] for row in rows]
