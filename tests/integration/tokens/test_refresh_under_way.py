"""Who goes, closes, disconnects or connects while a refresh is under way."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from astrelo.domain.errors import ReauthorizationRequired
from astrelo.domain.identifiers import Provider
from tests.support.harness.tokens import LIFE, TokenHarness, token_harness

pytestmark = pytest.mark.anyio

HUBSPOT = Provider.HUBSPOT


@pytest.fixture
async def scene(database: str) -> AsyncIterator[TokenHarness]:
    async with token_harness(database) as opened:
        yield opened


async def test_a_caller_that_is_cancelled_does_not_take_the_refresh_with_it(scene: TokenHarness) -> None:
    answering, may_answer = asyncio.Event(), asyncio.Event()

    async def answer_late() -> None:
        answering.set()
        await may_answer.wait()

    scene.crm.next_answers = [answer_late]
    impatient = asyncio.create_task(scene.tokens.get_access(scene.connection))
    await answering.wait()
    impatient.cancel()
    patient = asyncio.create_task(scene.tokens.get_access(scene.connection))
    may_answer.set()
    assert (await patient).token == "access-1"
    assert impatient.cancelled()
    assert (await scene.load_tokens()).tokens.refresh_token == "refresh-1"


async def test_closing_waits_until_the_new_tokens_are_stored(scene: TokenHarness) -> None:
    answering = asyncio.Event()

    async def answer() -> None:
        answering.set()

    scene.crm.next_answers = [answer]
    caller = asyncio.create_task(scene.tokens.get_access(scene.connection))
    await answering.wait()
    caller.cancel()
    await scene.tokens.close()
    assert (await scene.load_tokens()).tokens.access_token == "access-1"


async def test_tokens_that_were_purged_meanwhile_need_a_person(scene: TokenHarness) -> None:
    await scene.world.disconnect(scene.world.user_id, HUBSPOT, purge=True)
    with pytest.raises(ReauthorizationRequired, match="disconnected"):
        await scene.tokens.get_access(scene.connection)
    assert scene.crm.asked_with == []


async def test_a_disconnect_waits_for_the_refresh_and_revokes_what_it_brought(scene: TokenHarness) -> None:
    answering = asyncio.Event()

    async def answer_slowly() -> None:
        answering.set()
        await scene.world.wait_for_a_blocked_session()

    scene.crm.next_answers = [answer_slowly]
    scene.world.offer(scene.crm)
    refreshing = asyncio.create_task(scene.tokens.get_access(scene.connection))
    await answering.wait()
    await scene.world.disconnect(scene.world.user_id, HUBSPOT)
    assert (await refreshing).token == "access-1"
    assert scene.crm.revoked == ["refresh-1"]


async def test_tokens_that_come_after_a_disconnect_are_revoked(scene: TokenHarness) -> None:
    """It revoked the old ones, which the CRM had replaced already."""

    async def be_disconnected() -> None:
        await scene.world.end_refresh_sessions()
        await scene.world.disconnect(scene.world.user_id, HUBSPOT)

    scene.crm.next_answers = [be_disconnected]
    with pytest.raises(ReauthorizationRequired, match="disconnected"):
        await scene.tokens.get_access(scene.connection)
    assert scene.crm.revoked == ["refresh-1"]
    assert await scene.world.pool.fetchval("select count(*) from crm_tokens") == 0


async def test_tokens_that_come_while_the_crm_is_notified_of_a_disconnect_are_revoked(
    scene: TokenHarness,
) -> None:
    async def be_marked_as_disconnected() -> None:
        await scene.world.end_refresh_sessions()
        async with scene.world.uow(scene.world.user_id) as tx:
            await tx.connections.save(scene.connection.disconnect())

    scene.crm.next_answers = [be_marked_as_disconnected]
    with pytest.raises(ReauthorizationRequired, match="disconnected"):
        await scene.tokens.get_access(scene.connection)
    assert scene.crm.revoked == ["refresh-1"]
    assert (await scene.load_tokens()).tokens.refresh_token == "refresh-0"


async def test_tokens_that_come_after_a_reconnect_are_revoked_and_its_own_are_used(
    scene: TokenHarness,
) -> None:
    async def be_reconnected() -> None:
        await scene.world.end_refresh_sessions()
        await scene.put("reconnected", timedelta(seconds=LIFE))

    scene.crm.next_answers = [be_reconnected]
    assert (await scene.tokens.get_access(scene.connection)).token == "reconnected"
    assert scene.crm.revoked == ["refresh-1"]
