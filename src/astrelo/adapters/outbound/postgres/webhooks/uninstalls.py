"""Uninstalls of our app from whole CRM accounts, across users."""

import asyncpg

from astrelo.adapters.outbound.postgres.session.errors import translate_outages
from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.domain.identifiers import CrmAccountId, Provider
from astrelo.domain.ports.cross_tenant import AppUninstalls


class PgAppUninstalls(AppUninstalls):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def begin(self, provider: Provider, account_id: CrmAccountId, since: int) -> int | None:
        with translate_outages():
            async with self._pool.acquire() as connection, connection.transaction():
                queries = Queries(connection, provider=provider, account_id=account_id)
                # A statement of its own: the next one sees the connections that were made before.
                await queries.execute("lock_account_for_uninstall")
                number = await queries.value("begin_uninstall", since=since)
        return None if number is None else int(number)

    async def end(self, provider: Provider, account_id: CrmAccountId, number: int) -> None:
        with translate_outages():
            await Queries(self._pool).execute(
                "end_uninstall", provider=provider, account_id=account_id, number=number
            )
