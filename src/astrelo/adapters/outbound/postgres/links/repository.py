"""The final pass of a run: every link decided anew, set-based."""

from collections.abc import Mapping

import asyncpg

from astrelo.adapters.outbound.postgres.session.queries import Queries, Revision
from astrelo.domain.identifiers import ObjectType, Provider, RecordId, UserId
from astrelo.domain.ports.records import Links

_RELINKS = ("relink_companies", "relink_contacts", "relink_deals")
_FOLLOW = {ObjectType.COMPANIES: "follow_merged_companies", ObjectType.CONTACTS: "follow_merged_contacts"}
"""Nothing names a deal."""


class PgLinks(Links):
    def __init__(self, connection: asyncpg.Connection, user_id: UserId, revision: Revision) -> None:
        self._queries = Queries(connection, user_id=user_id, revision=revision)

    async def lock(self) -> None:
        await self._queries.execute("lock_links")

    async def share(self) -> None:
        await self._queries.execute("share_links")

    async def relink(self, *, only_if_changed: bool = False) -> int:
        await self.lock()
        if only_if_changed and await self._queries.value("are_links_decided"):
            return 0
        await self._queries.execute("disable_nested_loops")
        relinked = sum([int(await self._queries.value(relink)) for relink in _RELINKS])
        await self._queries.execute("allow_nested_loops")
        await self._queries.execute("note_links_decided")
        return relinked

    async def follow_merges(
        self, source: Provider, object_type: ObjectType, merged: Mapping[RecordId, RecordId]
    ) -> None:
        follow = _FOLLOW.get(object_type)
        if merged and follow is not None:
            if object_type is ObjectType.COMPANIES:
                await self.lock()
            else:
                # A batch of deals may be under way, which goes through them in an order of its own.
                await self._queries.execute("lock_deals", source=source)
            await self._queries.execute(
                follow, source=source, old_ids=list(merged), new_ids=list(merged.values())
            )
