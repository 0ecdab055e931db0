"""The same account connected once more: what is kept, and what becomes of the grant there was."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from astrelo.domain.connection import ConnectionStatus, TokenSet
from astrelo.domain.identifiers import Provider
from astrelo.domain.sync import RunStatus
from crm_sandbox import Fault
from tests.support.harness.connect import ConnectHarness, connect_harness
from tests.support.harness.granting_crm import GrantingCrm

pytestmark = pytest.mark.anyio

HUBSPOT = Provider.HUBSPOT


@pytest.fixture
async def world(database: str) -> AsyncIterator[ConnectHarness]:
    async with connect_harness(database) as opened:
        yield opened


async def test_connecting_the_same_account_again_keeps_its_id_and_data(world: ConnectHarness) -> None:
    first = await world.connect_account()
    await world.pool.execute("update sync_runs set status = 'completed', finished_at = now()")
    again = await world.connect_account()
    assert again.id == first.id
    assert await world.pool.fetchval("select count(*) from sync_runs where status = 'completed'") == 1


async def test_connecting_again_wakes_the_run_that_waits_for_it(world: ConnectHarness) -> None:
    connection = await world.connect_account()
    run = await world.latest_run(connection)
    async with world.uow(world.user_id) as tx:
        await tx.runs.save(run.park("revoked", until=None))
        await tx.connections.save(connection.mark_needs_reauthorization("revoked"))
    connection = await world.connect_account()
    assert connection.is_active
    assert connection.reason is None
    woken = await world.latest_run(connection)
    assert (woken.id, woken.status) == (run.id, RunStatus.QUEUED)


async def test_a_disconnected_account_is_connected_again_under_its_id(world: ConnectHarness) -> None:
    first = await world.connect_account()
    await world.disconnect(world.user_id, HUBSPOT)
    again = await world.connect_account()
    assert (again.id, again.status) == (first.id, ConnectionStatus.ACTIVE)
    assert (await world.latest_run(again)).status is RunStatus.QUEUED


async def test_a_user_keeps_the_profile_there_is(world: ConnectHarness) -> None:
    await world.connect_account()
    before = await world.pool.fetchval("select id from icp_profiles")
    await world.connect_account()
    assert await world.pool.fetch("select id from icp_profiles") == [(before,)]


async def test_connecting_again_ends_the_grant_that_it_supersedes(world: ConnectHarness) -> None:
    await world.connect_account()
    connection = await world.connect_account()
    assert [grant.revoked for grant in world.sandbox.oauth.grants] == [True, False]
    world.clock.advance(1800)
    token = (await world.tokens.get_access(connection)).token
    assert not world.sandbox.oauth.authenticate(token).grant.revoked


async def test_connecting_again_needs_nobody_to_end_the_former_grant(world: ConnectHarness) -> None:
    await world.connect_account()
    world.sandbox.faults.add(Fault(kind="respond", match="/revoke", status=503))
    connection = await world.connect_account()
    assert await world.load_connection() == connection


async def test_of_two_tabs_the_later_ones_grant_is_the_one_that_lives(world: ConnectHarness) -> None:
    callbacks = [await world.consent(await world.begin()) for _ in range(3)]
    await asyncio.gather(*(world.finish(callback) for callback in callbacks))
    assert world.living_grants() == [101]
    connection = await world.load_connection()
    assert connection is not None
    world.clock.advance(1800)
    assert await world.tokens.get_access(connection)


async def test_a_token_that_the_crm_gives_once_more_is_not_taken_for_the_former_one(
    world: ConnectHarness,
) -> None:
    callbacks = [await world.consent(await world.begin()) for _ in range(2)]
    crm = GrantingCrm()
    world.offer(crm)
    for callback in callbacks:
        await world.finish(callback)
    assert crm.revoked == []


@dataclass
class RotatingCrm(GrantingCrm):
    """Renews once another process waits for it to be over."""

    world: ConnectHarness = field(kw_only=True)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def refresh(self, tokens: TokenSet) -> TokenSet:
        self.asked.set()
        await self.world.wait_for_a_blocked_session()
        return TokenSet(access_token="renewed", refresh_token="rotated", expires_at=None)


async def test_a_connect_waits_for_a_refresh_under_way_and_ends_what_that_brought(
    world: ConnectHarness,
) -> None:
    connection = await world.connect_account()
    world.clock.advance(1800)
    callback = await world.consent(await world.begin())
    crm = RotatingCrm(world=world)
    world.offer(crm)
    refreshing = asyncio.create_task(world.tokens.get_access(connection))
    await crm.asked.wait()
    await world.finish(callback)
    assert (await refreshing).token == "renewed"
    assert crm.revoked == ["rotated"]
    async with world.uow(world.user_id) as tx:
        assert (await tx.tokens.get(connection.id)).tokens.refresh_token == "given"
