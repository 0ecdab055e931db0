"""Tokens in PostgreSQL, as ciphertexts that open only in their own row and column."""

from datetime import datetime

import asyncpg

from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.domain import errors
from astrelo.domain.connection import TokenSet
from astrelo.domain.identifiers import ConnectionId, UserId
from astrelo.domain.ports.state import StoredTokens, TokenStore
from astrelo.domain.ports.system import SecretContext, TokenCipher


class PgTokenStore(TokenStore):
    """How long `lock` waits is the pool's lock_timeout (see pool.py)."""

    def __init__(self, connection: asyncpg.Connection, user_id: UserId, cipher: TokenCipher) -> None:
        self._queries = Queries(connection, user_id=user_id)
        self._user_id = user_id
        self._cipher = cipher

    async def get(self, connection_id: ConnectionId) -> StoredTokens:
        return await self._load("get_tokens", connection_id)

    async def lock(self, connection_id: ConnectionId) -> StoredTokens:
        return await self._load("lock_tokens", connection_id)

    async def put(self, connection_id: ConnectionId, tokens: TokenSet) -> int:
        generation: int = await self._queries.value(
            "save_tokens",
            connection_id=connection_id,
            access_token=self._cipher.encrypt(
                tokens.access_token, self._context(connection_id, "access_token")
            ),
            refresh_token=self._cipher.encrypt(
                tokens.refresh_token, self._context(connection_id, "refresh_token")
            ),
            expires_at=tokens.expires_at,
            scopes=sorted(tokens.scopes),
            api_url=tokens.api_url,
            issuer_url=tokens.issuer_url,
        )
        return generation

    async def begin_refresh(self, connection_id: ConnectionId) -> None:
        begun = await self._queries.value("begin_refresh", connection_id=connection_id)
        if begun is None:
            raise errors.NotFound("tokens of connection", connection_id)

    async def note_expiry(self, connection_id: ConnectionId, generation: int, expires_at: datetime) -> None:
        await self._queries.execute(
            "note_expiry", connection_id=connection_id, generation=generation, expires_at=expires_at
        )

    async def delete(self, connection_id: ConnectionId) -> None:
        await self._queries.execute("delete_tokens", connection_id=connection_id)

    async def _load(self, query: str, connection_id: ConnectionId) -> StoredTokens:
        row = await self._queries.row(query, connection_id=connection_id)
        if row is None:
            raise errors.NotFound("tokens of connection", connection_id)
        tokens = TokenSet(
            access_token=self._open(row, connection_id, "access_token"),
            refresh_token=self._open(row, connection_id, "refresh_token"),
            expires_at=row["expires_at"],
            scopes=frozenset(row["scopes"]),
            api_url=row["api_url"],
            issuer_url=row["issuer_url"],
        )
        return StoredTokens(tokens, row["generation"], row["refresh_attempts"])

    def _open(self, row: asyncpg.Record, connection_id: ConnectionId, column: str) -> str:
        return self._cipher.decrypt(row[column], self._context(connection_id, column))

    def _context(self, connection_id: ConnectionId, column: str) -> SecretContext:
        return SecretContext(user_id=self._user_id, owner=str(connection_id), field=column)
