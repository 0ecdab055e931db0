"""What every TokenStore does within one transaction. Waiting for a lock is shown in test_connect_stores."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from astrelo.domain.connection import TokenSet
from astrelo.domain.errors import NotFound
from astrelo.domain.identifiers import ConnectionId
from astrelo.domain.ports.state import StoredTokens, TokenStore

FIRST = TokenSet(
    access_token="access-1",
    refresh_token="refresh-1",
    expires_at=datetime(2026, 11, 23, 10, 30, tzinfo=UTC),
    scopes=frozenset({"oauth", "crm.objects.companies.read"}),
)
SECOND = TokenSet(
    access_token="access-2",
    refresh_token="refresh-2",
    expires_at=None,
    api_url="https://acme.my.crm.example",
    issuer_url="https://login.crm.example",
)

END = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.anyio
class TokenStoreContract:
    @pytest.fixture
    def connection_id(self) -> ConnectionId:
        return ConnectionId(UUID(int=7))

    @pytest.fixture
    async def store(self, connection_id: ConnectionId) -> TokenStore:
        raise NotImplementedError

    async def test_what_was_put_can_be_had(self, store: TokenStore, connection_id: ConnectionId) -> None:
        generation = await store.put(connection_id, FIRST)
        assert await store.get(connection_id) == StoredTokens(FIRST, generation)

    async def test_lock_gives_the_same_as_get(self, store: TokenStore, connection_id: ConnectionId) -> None:
        await store.put(connection_id, FIRST)
        assert await store.lock(connection_id) == await store.get(connection_id)

    async def test_every_put_replaces_and_raises_the_generation(
        self, store: TokenStore, connection_id: ConnectionId
    ) -> None:
        first = await store.put(connection_id, FIRST)
        second = await store.put(connection_id, SECOND)
        assert second > first
        assert await store.get(connection_id) == StoredTokens(SECOND, second)

    async def test_without_tokens_get_and_lock_say_so(
        self, store: TokenStore, connection_id: ConnectionId
    ) -> None:
        for look in (store.get, store.lock, store.begin_refresh):
            with pytest.raises(NotFound):
                await look(connection_id)

    async def test_attempts_to_refresh_are_counted_until_the_next_put(
        self, store: TokenStore, connection_id: ConnectionId
    ) -> None:
        await store.put(connection_id, FIRST)
        for attempts in (1, 2):
            await store.begin_refresh(connection_id)
            assert (await store.get(connection_id)).attempts == attempts
        await store.put(connection_id, SECOND)
        assert (await store.get(connection_id)).attempts == 0

    async def test_the_end_of_an_access_token_can_be_noted_afterwards(
        self, store: TokenStore, connection_id: ConnectionId
    ) -> None:
        generation = await store.put(connection_id, SECOND)
        await store.begin_refresh(connection_id)
        await store.note_expiry(connection_id, generation, END)
        noted = replace(SECOND, expires_at=END)
        assert await store.get(connection_id) == StoredTokens(noted, generation, attempts=1)

    async def test_of_tokens_that_have_changed_no_end_is_noted(
        self, store: TokenStore, connection_id: ConnectionId
    ) -> None:
        await store.note_expiry(connection_id, 1, END)  # there are none, and there will be none
        before = await store.put(connection_id, FIRST)
        now = await store.put(connection_id, SECOND)
        await store.note_expiry(connection_id, before, END)
        assert await store.get(connection_id) == StoredTokens(SECOND, now)

    async def test_deleted_tokens_are_gone_and_deleting_again_is_harmless(
        self, store: TokenStore, connection_id: ConnectionId
    ) -> None:
        await store.put(connection_id, FIRST)
        await store.delete(connection_id)
        await store.delete(connection_id)
        with pytest.raises(NotFound):
            await store.get(connection_id)
