"""How long the change feed remembers."""

from datetime import timedelta

import asyncpg

from astrelo.adapters.outbound.postgres.session.errors import translate_outages
from astrelo.adapters.outbound.postgres.session.queries import Queries

USERS_AT_ONCE = 100


class FeedPruning:
    """Deletes what was committed longer ago than `retention`, deletions included, by PostgreSQL's clock.

    A cursor from before expires. Looks across users; what it reads are positions alone.
    """

    def __init__(self, pool: asyncpg.Pool, retention: timedelta) -> None:
        self._queries = Queries(pool)
        self._retention = retention

    async def prune(self) -> int:
        """Prune the feeds of some users and return how many entries went. Harmless from several workers at once."""
        with translate_outages():
            return await self._queries.execute(
                "prune_feed_entries", retention=self._retention, limit=USERS_AT_ONCE
            )
