"""A refresh whose answer is lost, or cannot be stored: nothing is sent twice, and nothing is lost that need not be."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from astrelo.application.messages import RENEWAL_LOST
from astrelo.application.tokens import renew_tokens
from astrelo.domain.connection import ConnectionStatus
from astrelo.domain.errors import CrmUnavailable, ReauthorizationRequired, StoreUnavailable
from astrelo.domain.identifiers import Provider
from tests.support.harness.tokens import TokenHarness, token_harness

pytestmark = pytest.mark.anyio

HUBSPOT = Provider.HUBSPOT


@pytest.fixture
async def scene(database: str) -> AsyncIterator[TokenHarness]:
    async with token_harness(database) as opened:
        yield opened


async def test_a_first_refresh_is_made_without_asking_whether_it_may(scene: TokenHarness) -> None:
    await scene.tokens.get_access(scene.connection)
    await scene.put("access-0", timedelta(seconds=0))
    await scene.tokens.get_access(scene.connection)
    assert scene.crm.checked == []


async def test_a_refresh_token_that_may_have_been_used_is_never_sent_again_unasked(
    scene: TokenHarness,
) -> None:
    scene.crm.next_answers = [CrmUnavailable(HUBSPOT, "no whole answer")]
    with pytest.raises(CrmUnavailable):
        await scene.tokens.get_access(scene.connection)
    assert (await scene.tokens.get_access(scene.connection)).token == "access-2"
    assert scene.crm.checked == ["refresh-0"]


async def test_a_lost_renewal_ends_the_connection_with_its_reason_and_without_a_replay(
    scene: TokenHarness,
) -> None:
    scene.crm.next_answers = [CrmUnavailable(HUBSPOT, "no whole answer")]
    with pytest.raises(CrmUnavailable):
        await scene.tokens.get_access(scene.connection)
    scene.crm.used_up.add("refresh-0")
    with pytest.raises(ReauthorizationRequired):
        await scene.process().get_access(scene.connection)
    assert scene.crm.asked_with == ["refresh-0"], "sent once and never again"
    connection = await scene.world.load_connection()
    assert connection is not None
    assert (connection.status, connection.reason) == (
        ConnectionStatus.NEEDS_REAUTHORIZATION,
        RENEWAL_LOST.format(crm="HubSpot").reason,
    )


async def test_a_process_that_lost_the_lock_while_it_asked_sends_nothing(scene: TokenHarness) -> None:
    """The server ends a transaction that stands still for too long, and the next one in line refreshes."""

    async def be_overtaken() -> None:
        await scene.world.end_refresh_sessions()
        assert (await scene.process().get_access(scene.connection)).token == "access-2"

    scene.crm.next_answers = [CrmUnavailable(HUBSPOT, "no whole answer")]
    with pytest.raises(CrmUnavailable):
        await scene.tokens.get_access(scene.connection)
    scene.crm.while_checked = [be_overtaken]
    with pytest.raises(StoreUnavailable):
        await scene.tokens.get_access(scene.connection)
    assert len(scene.crm.asked_with) == 2, "once without an answer, once by the process that overtook"
    assert (await scene.tokens.get_access(scene.connection)).token == "access-2"


async def test_a_crm_that_does_not_say_whether_a_token_holds_is_not_waited_for_longer_than_the_lock_lasts(
    scene: TokenHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.crm.next_answers = [CrmUnavailable(HUBSPOT, "no whole answer")]
    with pytest.raises(CrmUnavailable):
        await scene.tokens.get_access(scene.connection)
    monkeypatch.setattr(renew_tokens, "REFRESH_TIMEOUT", timedelta(seconds=0.1))
    scene.crm.while_checked = [asyncio.Event().wait]
    with pytest.raises(CrmUnavailable, match="took longer"):
        await scene.tokens.get_access(scene.connection)
    assert len(scene.crm.asked_with) == 1


async def test_a_worker_that_dies_between_sending_and_storing_leaves_its_attempt_on_record(
    scene: TokenHarness,
) -> None:
    reached = asyncio.Event()

    async def never_answer() -> None:
        reached.set()
        await asyncio.Event().wait()

    scene.crm.next_answers = [never_answer]
    dying = scene.process()
    caller = asyncio.create_task(dying.get_access(scene.connection))
    await reached.wait()
    (flight,) = dying._flights.values()
    flight.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    scene.crm.used_up.add("refresh-0")
    with pytest.raises(ReauthorizationRequired):
        await scene.tokens.get_access(scene.connection)
    assert scene.crm.asked_with == ["refresh-0"]


async def test_a_session_lost_between_answer_and_commit_does_not_lose_the_tokens(scene: TokenHarness) -> None:
    scene.crm.next_answers = [scene.world.end_refresh_sessions]
    assert (await scene.tokens.get_access(scene.connection)).token == "access-1"
    assert (await scene.load_tokens()).tokens.refresh_token == "refresh-1"
    assert scene.crm.revoked == []


async def test_tokens_that_cannot_be_stored_at_all_are_not_used(scene: TokenHarness) -> None:
    async def lose_the_database() -> None:
        await scene.world.end_refresh_sessions()
        scene.refresh_uow.is_out_of_reach = True

    scene.crm.next_answers = [lose_the_database]
    with capture_logs() as logs, pytest.raises(StoreUnavailable):
        await scene.tokens.get_access(scene.connection)
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["token.lost"]
