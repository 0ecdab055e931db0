"""Which connections a scheduled sync may be due for, across users."""

from collections.abc import Sequence

import asyncpg

from astrelo.adapters.outbound.postgres.session.errors import translate_outages
from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.domain.identifiers import ConnectionId, Provider, UserId
from astrelo.domain.ports.cross_tenant import SyncCandidate, SyncSchedule


class PgSyncSchedule(SyncSchedule):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._queries = Queries(pool)

    async def list_candidates(self) -> Sequence[SyncCandidate]:
        with translate_outages():
            rows = await self._queries.rows("list_schedule_candidates")
        return [
            SyncCandidate(UserId(user_id), ConnectionId(id_), Provider(provider), requested, full_requested)
            for user_id, id_, provider, requested, full_requested in rows
        ]
