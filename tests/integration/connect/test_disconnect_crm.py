"""Disconnecting and purging: what ends, what stays, and what cannot stand in the way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from uuid import uuid4

import pytest

from astrelo.domain.connection import ConnectionStatus, TokenSet
from astrelo.domain.errors import NotConnected, RunTakenOver
from astrelo.domain.identifiers import ObjectType, Provider, UserId
from astrelo.domain.sync import RunStatus
from crm_sandbox import Fault
from tests.support.harness.connect import ConnectHarness, connect_harness
from tests.support.harness.granting_crm import GrantingCrm

pytestmark = pytest.mark.anyio

HUBSPOT = Provider.HUBSPOT

RECORD_TABLES = ("companies", "crm_companies", "contacts", "deals", "crm_owners")


@pytest.fixture
async def world(database: str) -> AsyncIterator[ConnectHarness]:
    async with connect_harness(database) as opened:
        yield opened


async def test_disconnecting_revokes_deletes_the_tokens_and_keeps_the_records(world: ConnectHarness) -> None:
    connection = await world.connect_account()
    await world.sync_some_records()
    await world.disconnect(world.user_id, HUBSPOT)
    stored = await world.load_connection()
    assert stored is not None
    assert (stored.id, stored.status) == (connection.id, ConnectionStatus.DISCONNECTED)
    assert world.living_grants() == []
    assert await world.pool.fetchval("select count(*) from crm_tokens") == 0
    for table in RECORD_TABLES:
        assert await world.pool.fetchval(f"select count(*) from {table}") == 1


async def test_disconnecting_cancels_the_run_and_fences_its_worker_off(world: ConnectHarness) -> None:
    run = await world.claim_run(await world.connect_account())
    await world.disconnect(world.user_id, HUBSPOT)
    async with world.uow(world.user_id) as tx:
        assert (await tx.runs.get(run.id)).status is RunStatus.CANCELLED
    with pytest.raises(RunTakenOver):
        async with world.uow(world.user_id) as tx:
            await tx.runs.advance(run.id, run.step(ObjectType.COMPANIES))


async def test_disconnecting_leaves_a_finished_run_as_it_ended(world: ConnectHarness) -> None:
    run = await world.claim_run(await world.connect_account())
    async with world.uow(world.user_id) as tx:
        await tx.runs.save(run.fail("the CRM was down", world.clock.now()))
    await world.disconnect(world.user_id, HUBSPOT)
    async with world.uow(world.user_id) as tx:
        assert (await tx.runs.get(run.id)).status is RunStatus.FAILED


async def test_disconnecting_twice_is_harmless(world: ConnectHarness) -> None:
    await world.connect_account()
    await world.disconnect(world.user_id, HUBSPOT)
    await world.disconnect(world.user_id, HUBSPOT)
    stored = await world.load_connection()
    assert stored is not None
    assert stored.status is ConnectionStatus.DISCONNECTED


async def test_a_purge_leaves_nothing_of_the_crm(world: ConnectHarness) -> None:
    await world.connect_account()
    await world.sync_some_records()
    await world.disconnect(world.user_id, HUBSPOT, purge=True)
    assert await world.load_connection() is None
    for table in (*RECORD_TABLES, "crm_tokens", "sync_runs", "sync_steps"):
        assert await world.pool.fetchval(f"select count(*) from {table}") == 0
    with pytest.raises(NotConnected):
        await world.disconnect(world.user_id, HUBSPOT, purge=True)


async def test_a_purge_may_come_after_the_disconnect(world: ConnectHarness) -> None:
    await world.connect_account()
    await world.disconnect(world.user_id, HUBSPOT)
    await world.disconnect(world.user_id, HUBSPOT, purge=True)
    assert await world.load_connection() is None


@pytest.mark.parametrize("obstacle", ["the CRM is down", "the tokens cannot be read", "not configured"])
async def test_an_obstacle_to_revoking_does_not_keep_a_user_connected(
    world: ConnectHarness, obstacle: str
) -> None:
    await world.connect_account()
    if obstacle == "the CRM is down":
        world.sandbox.faults.add(Fault(kind="respond", match="/revoke", status=503))
    elif obstacle == "the tokens cannot be read":
        await world.pool.execute("update crm_tokens set refresh_token = access_token")
    else:
        world.offer()
    await world.disconnect(world.user_id, HUBSPOT)
    stored = await world.load_connection()
    assert stored is not None
    assert stored.status is ConnectionStatus.DISCONNECTED
    assert await world.pool.fetchval("select count(*) from crm_tokens") == 0


async def test_another_users_connection_is_neither_seen_nor_ended(world: ConnectHarness) -> None:
    await world.connect_account()
    with pytest.raises(NotConnected):
        await world.disconnect(UserId(uuid4()), HUBSPOT, purge=True)
    stored = await world.load_connection()
    assert stored is not None
    assert stored.is_active


@dataclass
class InterruptedCrm(GrantingCrm):
    """Lets something else happen while it is asked to end a grant."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def revoke(self, tokens: TokenSet) -> None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        await super().revoke(tokens)


@pytest.mark.parametrize("purge", [False, True])
async def test_a_user_who_connects_while_the_crm_is_notified_of_a_disconnect_stays_connected(
    world: ConnectHarness, *, purge: bool
) -> None:
    connection = await world.connect_account()
    callback = await world.consent(await world.begin())
    crm = InterruptedCrm(meanwhile=lambda: world.finish(callback))
    world.offer(crm)
    await world.disconnect(world.user_id, HUBSPOT, purge=purge)
    stored = await world.load_connection()
    assert stored is not None
    assert (stored.id, stored.is_active) == (connection.id, True)
    assert (await world.tokens.get_access(stored)).token == "a"
    assert "given" not in crm.revoked


@pytest.mark.parametrize("purge", [False, True])
async def test_connecting_and_disconnecting_at_once_leaves_a_connection_that_works_or_no_grant(
    world: ConnectHarness, *, purge: bool
) -> None:
    await world.connect_account()
    callbacks = [await world.consent(await world.begin()) for _ in range(3)]
    await asyncio.gather(
        *(world.finish(callback) for callback in callbacks),
        *(world.disconnect(world.user_id, HUBSPOT, purge=purge) for _ in range(2)),
        return_exceptions=True,  # one purge finds nothing more
    )
    stored = await world.load_connection()
    if stored is None or not stored.is_active:
        assert world.living_grants() == []
    else:
        assert world.living_grants() == [101]
        world.clock.advance(1800)
        assert await world.tokens.get_access(stored)
