"""The final pass of a run: every link decided anew, set-based."""

from datetime import datetime

import asyncpg

from astrelo.adapters.outbound.postgres.statements import statement
from astrelo.domain.identifiers import UserId
from astrelo.domain.ports import Links

_DECISIONS = ("link_companies", "link_contacts", "link_deals")


class PgLinks(Links):
    def __init__(self, connection: asyncpg.Connection, user_id: UserId) -> None:
        self._connection = connection
        self._user_id = user_id

    async def redecide(self, at: datetime) -> int:
        await self._connection.fetchval(statement("link_plan"))
        changed = 0
        for decision in _DECISIONS:
            changed += _rows(await self._connection.execute(statement(decision), self._user_id, at))
        return changed


def _rows(command_tag: str) -> int:
    """Read the count out of a tag such as 'UPDATE 12'."""
    return int(command_tag.rpartition(" ")[2])
