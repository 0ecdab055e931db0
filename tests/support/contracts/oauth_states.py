"""What every OAuthStates does."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from astrelo.domain.connection import STATE_LIFETIME, PendingAuthorization
from astrelo.domain.identifiers import Provider, UserId
from astrelo.domain.ports.state import OAuthStates

PENDING = PendingAuthorization(
    state_hash=hashlib.sha256(b"state").digest(),
    browser_hash=hashlib.sha256(b"browser").digest(),
    user_id=UserId(UUID(int=1)),
    provider=Provider.HUBSPOT,
    code_verifier="verifier",
    replace=True,
    return_path="/app/settings",
    expires_at=datetime(2026, 11, 23, 10, 10, tzinfo=UTC),
)


def later(name: bytes, by: timedelta) -> PendingAuthorization:
    """Another authorization, started later than PENDING."""
    return replace(PENDING, state_hash=hashlib.sha256(name).digest(), expires_at=PENDING.expires_at + by)


@pytest.mark.anyio
class OAuthStatesContract:
    @pytest.fixture
    async def states(self) -> OAuthStates:
        raise NotImplementedError

    async def test_what_was_added_is_consumed_whole(self, states: OAuthStates) -> None:
        await states.add(PENDING)
        assert await states.consume(PENDING.state_hash) == PENDING

    async def test_an_unknown_state_gives_nothing(self, states: OAuthStates) -> None:
        await states.add(PENDING)
        assert await states.consume(hashlib.sha256(b"another").digest()) is None

    async def test_a_state_is_consumed_once(self, states: OAuthStates) -> None:
        await states.add(PENDING)
        await states.consume(PENDING.state_hash)
        assert await states.consume(PENDING.state_hash) is None

    async def test_of_many_at_once_exactly_one_consumes_it(self, states: OAuthStates) -> None:
        await states.add(PENDING)
        taken = await asyncio.gather(*(states.consume(PENDING.state_hash) for _ in range(5)))
        assert [pending for pending in taken if pending is not None] == [PENDING]

    async def test_an_expired_state_is_kept_for_a_day_to_be_called_expired(self, states: OAuthStates) -> None:
        await states.add(PENDING)
        await states.add(later(b"next", timedelta(hours=23)))
        assert await states.consume(PENDING.state_hash) == PENDING

    async def test_a_state_expired_for_more_than_a_day_is_forgotten(self, states: OAuthStates) -> None:
        await states.add(PENDING)
        await states.add(later(b"next", timedelta(days=1) + STATE_LIFETIME + timedelta(seconds=1)))
        assert await states.consume(PENDING.state_hash) is None
