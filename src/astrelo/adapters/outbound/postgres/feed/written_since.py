"""Which records were written since a time, if they are few: a list of them need not look at all the others."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.domain.identifiers import ObjectType, UserId

MAX_IDS = 5_000
"""That are looked up by id."""

MAX_SORTED = 100_000
"""Of which the next are found in time; of more, a list comes upon some soon."""


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


async def find_next_written(
    reads: Reads, user_id: UserId, object_type: ObjectType, since: datetime, behind: UUID
) -> Sequence[UUID] | None:
    """Return the first MAX_IDS of them behind another, in order; None where they are too many or too old to know."""
    if not await reads.value("is_feed_complete_since", user_id=user_id, since=since):
        return None
    given = {"user_id": user_id, "record_type": object_type, "since": since}
    if await reads.value("count_written_since", **given) > MAX_SORTED:
        return None
    rows = await reads.rows("list_next_written_since", behind=behind, limit=MAX_IDS, **given)
    return [row["id"] for row in rows]
