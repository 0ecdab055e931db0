"""Whose connection this is, and who has connected an account: asked across users."""

from collections.abc import Sequence

import asyncpg

from astrelo.adapters.outbound.postgres.session.errors import translate_outages
from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.domain.identifiers import ConnectionId, CrmAccountId, Provider, UserId
from astrelo.domain.ports.cross_tenant import ConnectedUser, ConnectionOwners, CrmAccounts


class PgCrmAccounts(CrmAccounts):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._queries = Queries(pool)

    async def find_users(self, provider: Provider, account_id: CrmAccountId) -> Sequence[ConnectedUser]:
        with translate_outages():
            rows = await self._queries.rows("list_connected_users", provider=provider, account_id=account_id)
        return [ConnectedUser(UserId(user_id), ConnectionId(id_)) for user_id, id_ in rows]


class PgConnectionOwners(ConnectionOwners):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._queries = Queries(pool)

    async def find_user(self, connection_id: ConnectionId) -> UserId | None:
        with translate_outages():
            user_id = await self._queries.value("get_user_of_connection", connection_id=connection_id)
        return None if user_id is None else UserId(user_id)
