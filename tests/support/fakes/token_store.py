"""Tokens in memory."""

from dataclasses import replace
from datetime import datetime

from astrelo.domain.connection import TokenSet
from astrelo.domain.errors import NotFound
from astrelo.domain.identifiers import ConnectionId
from astrelo.domain.ports.state import StoredTokens, TokenStore


class FakeTokenStore(TokenStore):
    """One user's tokens. Nobody else is there, so `lock` never waits."""

    def __init__(self) -> None:
        self._stored: dict[ConnectionId, StoredTokens] = {}

    async def get(self, connection_id: ConnectionId) -> StoredTokens:
        stored = self._stored.get(connection_id)
        if stored is None:
            raise NotFound("tokens of connection", connection_id)
        return stored

    async def lock(self, connection_id: ConnectionId) -> StoredTokens:
        return await self.get(connection_id)

    async def begin_refresh(self, connection_id: ConnectionId) -> None:
        stored = await self.get(connection_id)
        self._stored[connection_id] = stored._replace(attempts=stored.attempts + 1)

    async def put(self, connection_id: ConnectionId, tokens: TokenSet) -> int:
        before = self._stored.get(connection_id)
        generation = before.generation + 1 if before else 1
        self._stored[connection_id] = StoredTokens(tokens, generation)
        return generation

    async def note_expiry(self, connection_id: ConnectionId, generation: int, expires_at: datetime) -> None:
        stored = self._stored.get(connection_id)
        if stored is not None and stored.generation == generation:
            tokens = replace(stored.tokens, expires_at=expires_at)
            self._stored[connection_id] = stored._replace(tokens=tokens)

    async def delete(self, connection_id: ConnectionId) -> None:
        self._stored.pop(connection_id, None)
