"""The final pass of a run: every link decided anew, set-based."""

from collections.abc import Mapping
from datetime import datetime

import asyncpg

from astrelo.adapters.outbound.postgres.session.statements import affected_rows, statement
from astrelo.domain.identifiers import ObjectType, Provider, RecordId, UserId
from astrelo.domain.ports.records import Links

_DECISIONS = ("link_companies", "link_contacts", "link_deals")
_FOLLOW = {ObjectType.COMPANIES: "link_merged_companies", ObjectType.CONTACTS: "link_merged_contacts"}
"""Nothing names a deal."""


class PgLinks(Links):
    def __init__(self, connection: asyncpg.Connection, user_id: UserId) -> None:
        self._connection = connection
        self._user_id = user_id

    async def lock(self) -> None:
        await self._connection.execute(statement("link_lock"), self._user_id)

    async def share(self) -> None:
        await self._connection.execute(statement("link_share"), self._user_id)

    async def relink(self, at: datetime) -> int:
        await self.lock()
        await self._connection.fetchval(statement("link_plan"))
        changed = 0
        for decision in _DECISIONS:
            changed += affected_rows(await self._connection.execute(statement(decision), self._user_id, at))
        return changed

    async def follow_merges(
        self, source: Provider, object_type: ObjectType, merged: Mapping[RecordId, RecordId]
    ) -> None:
        follow = _FOLLOW.get(object_type)
        if merged and follow is not None:
            if object_type is ObjectType.COMPANIES:
                await self.lock()
            else:
                # A batch of deals may be under way, which goes through them in an order of its own.
                await self._connection.execute(statement("deal_lock"), self._user_id, source)
            old, living = list(merged), list(merged.values())
            await self._connection.execute(statement(follow), self._user_id, source, old, living)
