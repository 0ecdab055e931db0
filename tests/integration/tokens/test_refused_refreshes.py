"""What the token endpoint may say to a refresh, and whom it concerns."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from astrelo.domain.connection import ConnectionStatus
from astrelo.domain.errors import (
    CrmError,
    CrmMisconfigured,
    CrmRejected,
    CrmUnavailable,
    RateLimited,
    ReauthorizationRequired,
)
from astrelo.domain.identifiers import Provider
from tests.support.harness.tokens import LIFE, MARGIN, TokenHarness, token_harness

pytestmark = pytest.mark.anyio

HUBSPOT = Provider.HUBSPOT


@pytest.fixture
async def scene(database: str) -> AsyncIterator[TokenHarness]:
    async with token_harness(database) as opened:
        yield opened


async def test_a_grant_that_was_revoked_needs_a_person(scene: TokenHarness) -> None:
    scene.crm.next_answers = [ReauthorizationRequired(HUBSPOT, "BAD_REFRESH_TOKEN")]
    with pytest.raises(ReauthorizationRequired):
        await scene.tokens.get_access(scene.connection)
    connection = await scene.world.load_connection()
    assert connection is not None
    assert connection.status is ConnectionStatus.NEEDS_REAUTHORIZATION
    assert connection.reason == (
        "HubSpot no longer accepts our access (BAD_REFRESH_TOKEN). "
        "Your data is kept, but it is not refreshed until you connect again."
    )


async def test_a_connection_that_waits_for_a_person_asks_the_crm_no_more(scene: TokenHarness) -> None:
    scene.crm.next_answers = [ReauthorizationRequired(HUBSPOT, "BAD_REFRESH_TOKEN")]
    for process in (scene.tokens, scene.process()):
        with pytest.raises(ReauthorizationRequired):
            await process.get_access(scene.connection)
    assert len(scene.crm.asked_with) == 1


async def test_an_old_refresh_token_refused_is_no_sign_of_a_revoked_grant(scene: TokenHarness) -> None:
    async def refuse_while_a_user_reconnects() -> None:
        async def reconnect() -> None:
            await scene.put("reconnected", timedelta(seconds=LIFE))

        scene.uow.before = reconnect
        raise ReauthorizationRequired(HUBSPOT, "BAD_REFRESH_TOKEN")

    scene.crm.next_answers = [refuse_while_a_user_reconnects]
    assert (await scene.tokens.get_access(scene.connection)).token == "reconnected"
    assert await scene.status() is ConnectionStatus.ACTIVE


async def test_our_own_credentials_refused_is_our_alarm_and_never_the_customers_fault(
    scene: TokenHarness,
) -> None:
    scene.crm.next_answers = [CrmMisconfigured(HUBSPOT, "BAD_CLIENT_SECRET")]
    with capture_logs() as logs, pytest.raises(CrmMisconfigured):
        await scene.tokens.get_access(scene.connection)
    assert await scene.status() is ConnectionStatus.ACTIVE
    assert [entry["reason"] for entry in logs if entry["log_level"] == "error"] == ["BAD_CLIENT_SECRET"]


@pytest.mark.parametrize(
    "error",
    [CrmUnavailable(HUBSPOT, "HTTP 503"), RateLimited(HUBSPOT, timedelta(seconds=10), "HTTP 429 from OAuth")],
)
async def test_a_token_endpoint_that_is_down_or_asks_for_a_pause_is_transient(
    scene: TokenHarness, error: CrmError
) -> None:
    scene.crm.next_answers = [error]
    with pytest.raises(CrmError) as refused:
        await scene.tokens.get_access(scene.connection)
    assert refused.value is error
    assert await scene.status() is ConnectionStatus.ACTIVE
    assert (await scene.tokens.get_access(scene.connection)).token == "access-2"


async def test_while_the_token_endpoint_is_down_a_living_token_goes_on_being_used(
    scene: TokenHarness,
) -> None:
    await scene.put("living", timedelta(seconds=MARGIN - 1))
    scene.crm.next_answers = [CrmUnavailable(HUBSPOT, "HTTP 503")] * 2
    assert (await scene.tokens.get_access(scene.connection)).token == "living"
    assert (await scene.tokens.get_access(scene.connection)).token == "living"
    assert len(scene.crm.asked_with) == 1, "not asked again at every request"
    with pytest.raises(CrmUnavailable):
        await scene.tokens.get_access(scene.connection, rejected="living")


async def test_an_answer_that_makes_no_sense_changes_nothing(scene: TokenHarness) -> None:
    scene.crm.next_answers = [CrmRejected(HUBSPOT, 200, "an OAuth answer without its fields")]
    before = await scene.load_tokens()
    with pytest.raises(CrmRejected):
        await scene.tokens.get_access(scene.connection)
    assert (await scene.load_tokens())[:2] == before[:2]
    assert await scene.status() is ConnectionStatus.ACTIVE
