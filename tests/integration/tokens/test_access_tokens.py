"""A valid token for every request, refreshed in time and by one only."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from astrelo.application.tokens.access_tokens import TOKEN_CACHE_LIFETIME
from astrelo.domain.errors import CrmUnavailable, ReauthorizationRequired
from astrelo.domain.identifiers import Provider
from tests.support.harness.tokens import LIFE, MARGIN, TokenHarness, token_harness

pytestmark = pytest.mark.anyio

HUBSPOT = Provider.HUBSPOT


@pytest.fixture
async def scene(database: str) -> AsyncIterator[TokenHarness]:
    async with token_harness(database) as opened:
        yield opened


async def test_a_fresh_token_is_used_as_it_is(scene: TokenHarness) -> None:
    await scene.put("fresh", timedelta(seconds=MARGIN + 1))
    assert (await scene.tokens.get_access(scene.connection)).token == "fresh"
    assert scene.crm.asked_with == []


async def test_a_token_with_less_than_five_minutes_left_is_refreshed_and_stored(scene: TokenHarness) -> None:
    await scene.put("old", timedelta(seconds=MARGIN))
    before = await scene.load_tokens()
    assert (await scene.tokens.get_access(scene.connection)).token == "access-1"
    after = await scene.load_tokens()
    assert (after.tokens.access_token, after.tokens.refresh_token) == ("access-1", "refresh-1")
    assert after.generation > before.generation


async def test_a_rotated_refresh_token_is_the_one_used_next(scene: TokenHarness) -> None:
    await scene.tokens.get_access(scene.connection)
    scene.world.clock.advance(LIFE)
    await scene.tokens.get_access(scene.connection)
    assert scene.crm.asked_with == ["refresh-0", "refresh-1"]


async def test_scopes_that_a_refresh_does_not_repeat_are_kept(scene: TokenHarness) -> None:
    async with scene.world.uow(scene.world.user_id) as tx:
        stored = await tx.tokens.get(scene.connection.id)
        await tx.tokens.put(scene.connection.id, replace(stored.tokens, scopes=frozenset({"oauth"})))
    await scene.tokens.get_access(scene.connection)
    assert (await scene.load_tokens()).tokens.scopes == {"oauth"}


async def test_a_token_of_unknown_life_is_refreshed_only_when_the_crm_refuses_it(scene: TokenHarness) -> None:
    scene.crm.life = None
    await scene.put("endless", None)
    scene.world.clock.advance(30 * 86400)
    assert (await scene.tokens.get_access(scene.connection)).token == "endless"
    assert (await scene.tokens.get_access(scene.connection, rejected="endless")).token == "access-1"


async def test_many_requests_at_once_share_one_refresh(scene: TokenHarness) -> None:
    tokens = await asyncio.gather(*(scene.tokens.get_access(scene.connection) for _ in range(50)))
    assert {access.token for access in tokens} == {"access-1"}
    assert scene.crm.asked_with == ["refresh-0"]


async def test_many_requests_at_once_share_one_failure(scene: TokenHarness) -> None:
    scene.crm.next_answers = [CrmUnavailable(HUBSPOT, "down")]
    outcomes = await asyncio.gather(
        *(scene.tokens.get_access(scene.connection) for _ in range(20)), return_exceptions=True
    )
    assert {type(outcome) for outcome in outcomes} == {CrmUnavailable}
    assert len(scene.crm.asked_with) == 1


async def test_of_several_processes_one_refreshes(scene: TokenHarness) -> None:
    processes = [scene.process() for _ in range(4)]
    tokens = await asyncio.gather(*(process.get_access(scene.connection) for process in processes))
    assert {access.token for access in tokens} == {"access-1"}
    assert scene.crm.asked_with == ["refresh-0"]


async def test_a_token_in_use_costs_no_transaction_for_a_while(scene: TokenHarness) -> None:
    await scene.put("fresh", timedelta(seconds=LIFE))
    for _ in range(100):
        await scene.tokens.get_access(scene.connection)
    assert scene.uow.opened == 1
    scene.world.clock.advance(TOKEN_CACHE_LIFETIME.total_seconds())
    await scene.tokens.get_access(scene.connection)
    assert scene.uow.opened == 2


async def test_another_processs_disconnect_is_seen_within_that_while(scene: TokenHarness) -> None:
    await scene.put("fresh", timedelta(seconds=LIFE))
    await scene.tokens.get_access(scene.connection)
    await scene.world.disconnect(scene.world.user_id, HUBSPOT)
    assert (await scene.tokens.get_access(scene.connection)).token == "fresh"
    scene.world.clock.advance(TOKEN_CACHE_LIFETIME.total_seconds())
    with pytest.raises(ReauthorizationRequired, match="disconnected"):
        await scene.tokens.get_access(scene.connection)


async def test_a_token_that_the_crm_refused_is_not_given_again(scene: TokenHarness) -> None:
    await scene.put("refused", timedelta(seconds=LIFE))
    assert (await scene.tokens.get_access(scene.connection)).token == "refused"
    assert (await scene.tokens.get_access(scene.connection, rejected="refused")).token == "access-1"
    assert (await scene.tokens.get_access(scene.connection, rejected="refused")).token == "access-1"
    assert scene.crm.asked_with == ["refresh-0"]


async def test_a_refused_token_that_was_replaced_already_is_not_refreshed_again(
    scene: TokenHarness,
) -> None:
    await scene.put("refused", timedelta(seconds=LIFE))
    await scene.tokens.get_access(scene.connection)
    await scene.put("replaced", timedelta(seconds=LIFE))
    assert (await scene.tokens.get_access(scene.connection, rejected="refused")).token == "replaced"
    assert scene.crm.asked_with == []


async def test_a_refusal_that_comes_while_the_token_is_looked_up_is_heeded(scene: TokenHarness) -> None:
    await scene.put("refused", timedelta(seconds=LIFE))
    looked_up, refused = await asyncio.gather(
        scene.tokens.get_access(scene.connection),
        scene.tokens.get_access(scene.connection, rejected="refused"),
    )
    assert (looked_up.token, refused.token) == ("refused", "access-1")
