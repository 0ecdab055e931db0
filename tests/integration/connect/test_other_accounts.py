"""Another account than the connected one: refused, or its replacement."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from astrelo.domain.errors import AuthorizationFailure, RunTakenOver
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.sync import RunStatus
from tests.support.harness.connect import DATASET, OTHER_DATASET, TABLES, ConnectHarness, connect_harness

pytestmark = pytest.mark.anyio

HUBSPOT = Provider.HUBSPOT


@pytest.fixture
async def world(database: str) -> AsyncIterator[ConnectHarness]:
    async with connect_harness(database) as opened:
        yield opened


async def test_another_account_is_refused_and_nothing_changes(world: ConnectHarness) -> None:
    connection = await world.connect_account()
    callback = await world.consent(await world.begin(), OTHER_DATASET)
    error = await world.assert_refused(callback)
    assert error.failure is AuthorizationFailure.ACCOUNT_MISMATCH
    assert "account 202" in error.detail
    assert "account 202, but are connected to HubSpot account 101;" in error.detail
    assert world.living_grants() == [101]
    assert await world.tokens.get_access(connection)


async def test_another_account_is_refused_even_after_a_disconnect(world: ConnectHarness) -> None:
    await world.connect_account()
    await world.disconnect(world.user_id, HUBSPOT)
    error = await world.assert_refused(await world.consent(await world.begin(), OTHER_DATASET))
    assert error.failure is AuthorizationFailure.ACCOUNT_MISMATCH


async def test_replacing_purges_the_old_account_and_connects_the_new_one(world: ConnectHarness) -> None:
    old = await world.connect_account()
    await world.sync_some_records()
    new = await world.connect_account(OTHER_DATASET, replace=True)
    assert new.id != old.id
    assert new.account.account_id == "202"
    assert await world.load_connection() == new
    assert world.living_grants() == [202]
    assert await world.counts() == dict.fromkeys(TABLES, 1) | {"pgqueuer": 2}
    assert await world.pool.fetchval("select count(*) from companies") == 0
    assert (await world.latest_run(new)).status is RunStatus.QUEUED


async def test_replacing_with_the_same_account_keeps_it(world: ConnectHarness) -> None:
    old = await world.connect_account()
    await world.sync_some_records()
    again = await world.connect_account(replace=True)
    assert again.id == old.id
    assert await world.pool.fetchval("select count(*) from companies") == 1


async def test_replacing_fences_the_old_accounts_worker_off(world: ConnectHarness) -> None:
    old = await world.connect_account()
    run = await world.claim_run(old)
    await world.connect_account(OTHER_DATASET, replace=True)
    with pytest.raises(RunTakenOver):
        async with world.uow(world.user_id) as tx:
            await tx.runs.advance(run.id, run.step(ObjectType.COMPANIES))


async def test_of_two_replacements_at_once_the_later_one_counts_and_one_grant_is_left(
    world: ConnectHarness,
) -> None:
    await world.connect_account()
    callbacks = [
        await world.consent(await world.begin(replace=True), dataset)
        for dataset in (OTHER_DATASET, DATASET, OTHER_DATASET)
    ]
    await asyncio.gather(*(world.finish(callback) for callback in callbacks))
    stored = await world.load_connection()
    assert stored is not None
    assert world.living_grants() == [int(stored.account.account_id)]
    rows = await world.counts()
    assert {rows[table] for table in TABLES if table != "pgqueuer"} == {1}
    world.clock.advance(1800)
    assert await world.tokens.get_access(stored)
