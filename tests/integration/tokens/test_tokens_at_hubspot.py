"""Tokens through their lives at a strict HubSpot."""

from collections.abc import AsyncIterator

import pytest

from astrelo.application.tokens.access_tokens import ConnectionSession
from astrelo.domain.connection import ConnectionStatus
from astrelo.domain.errors import CrmError, CrmUnavailable, RateLimited, ReauthorizationRequired
from crm_sandbox import Fault
from tests.support.harness.connect import ConnectHarness, connect_harness
from tests.support.harness.tokens import LIFE

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(database: str) -> AsyncIterator[ConnectHarness]:
    async with connect_harness(database) as opened:
        yield opened


async def test_at_hubspot_a_session_gets_through_many_token_lives(world: ConnectHarness) -> None:
    connection = await world.connect_account()
    session = ConnectionSession(world.tokens, connection)
    for _ in range(5):
        world.sandbox.oauth.authenticate((await session.access()).token)
        world.clock.advance(LIFE)
    assert session.account.account_id == "101"
    assert world.sandbox.oauth.refreshes == 4


async def test_at_hubspot_a_token_refused_as_expired_is_refreshed_once(world: ConnectHarness) -> None:
    connection = await world.connect_account()
    session = ConnectionSession(world.tokens, connection)
    token = (await session.access()).token
    world.sandbox.oauth.expire_access_tokens()
    renewed = {(await session.access(rejected=token)).token for _ in range(3)}
    assert len(renewed) == 1
    assert world.sandbox.oauth.refreshes == 1


async def test_at_hubspot_an_uninstalled_app_needs_a_person(world: ConnectHarness) -> None:
    connection = await world.connect_account()
    session = ConnectionSession(world.tokens, connection)
    token = (await session.access()).token
    world.sandbox.oauth.uninstall()
    with pytest.raises(ReauthorizationRequired):
        await session.access(rejected=token)
    stored = await world.load_connection()
    assert stored is not None
    assert stored.status is ConnectionStatus.NEEDS_REAUTHORIZATION


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (423, CrmUnavailable),
        (429, RateLimited),
        (477, RateLimited),
        (500, CrmUnavailable),
        (503, CrmUnavailable),
    ],
)
async def test_at_hubspot_a_busy_token_endpoint_is_transient(
    world: ConnectHarness, status: int, error: type[CrmError]
) -> None:
    connection = await world.connect_account()
    world.clock.advance(LIFE)
    world.sandbox.faults.add(Fault(kind="respond", match="/token", status=status))
    with pytest.raises(error):
        await world.tokens.get_access(connection)
    stored = await world.load_connection()
    assert stored is not None
    assert stored.is_active


async def test_at_hubspot_a_renewal_whose_answer_is_cut_off_is_on_record_and_made_once_more(
    world: ConnectHarness,
) -> None:
    connection = await world.connect_account()
    world.clock.advance(LIFE)
    world.sandbox.faults.add(Fault(kind="truncate", match="/token"))
    with pytest.raises(CrmUnavailable):
        await world.tokens.get_access(connection)
    async with world.uow(world.user_id) as tx:
        assert (await tx.tokens.get(connection.id)).attempts == 1
    assert world.sandbox.oauth.refreshes == 1
    world.sandbox.oauth.authenticate((await world.tokens.get_access(connection)).token)
    assert world.sandbox.oauth.refreshes == 2
