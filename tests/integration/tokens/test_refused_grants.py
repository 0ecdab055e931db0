"""A CRM that refuses even a fresh token: a person has to connect again, and sees that."""

from datetime import timedelta

import pytest

from astrelo.domain.connection import ConnectionStatus
from astrelo.domain.errors import RateLimited, ReauthorizationRequired
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.sync import RunStatus
from tests.support.builders import company
from tests.support.harness.sync import ScriptedCrm, SyncHarness, sync_harness

pytestmark = pytest.mark.anyio

COMPANIES, HUBSPOT = ObjectType.COMPANIES, Provider.HUBSPOT
UNINSTALLED = ReauthorizationRequired(HUBSPOT, "the app was uninstalled")


async def connection_says(made: SyncHarness) -> tuple[ConnectionStatus, str | None]:
    async with made.uow(made.user_id) as tx:
        connection = await tx.connections.get(HUBSPOT)
    assert connection is not None
    return connection.status, connection.reason


async def test_the_connection_says_that_it_needs_a_new_grant(database: str) -> None:
    async with sync_harness(database, ScriptedCrm(pages={COMPANIES: [UNINSTALLED]})) as made:
        run = await made.sync()
        assert (run.status, run.parked_until) == (RunStatus.PARKED, None)
        assert await connection_says(made) == (
            ConnectionStatus.NEEDS_REAUTHORIZATION,
            (
                "HubSpot no longer accepts our access (the app was uninstalled). "
                "Your data is kept, but it is not refreshed until you connect again."
            ),
        )


async def test_connecting_again_lets_the_run_go_on(database: str) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [UNINSTALLED]})
    async with sync_harness(database, crm) as made:
        parked = await made.sync()
        crm.pages[COMPANIES] = [[company("1")]]
        await made.connect(HUBSPOT)
        run = await made.sync()
        assert (run.id, run.status) == (parked.id, RunStatus.COMPLETED)
        assert await connection_says(made) == (ConnectionStatus.ACTIVE, None)


async def test_a_clock_that_is_ahead_where_users_connect_makes_no_run_ask_again_and_again(
    database: str,
) -> None:
    async with sync_harness(database, ScriptedCrm(pages={COMPANIES: [UNINSTALLED]})) as made:
        made.clock.advance(-2)
        assert (await made.sync()).status is RunStatus.PARKED


async def test_a_pause_of_no_length_is_one_all_the_same(database: str) -> None:
    at_once = RateLimited(HUBSPOT, timedelta(0), "HTTP 429 from OAuth")
    async with sync_harness(database, ScriptedCrm(pages={COMPANIES: [at_once]})) as made:
        run = await made.sync()
        assert run.parked_until is not None
        assert run.parked_until > made.clock.now()


async def test_a_user_who_reconnected_before_the_refusal_was_noted_is_not_asked_to(database: str) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [UNINSTALLED]})
    async with sync_harness(database, crm) as made:

        async def connect_again(object_type: ObjectType, _place: int) -> None:
            if object_type is COMPANIES:
                made.clock.advance(1)
                await made.connect(HUBSPOT)

        crm.before_page = connect_again
        run = await made.sync()
        assert run.status is RunStatus.QUEUED
        assert await connection_says(made) == (ConnectionStatus.ACTIVE, None)
        assert await made.pool.fetchval("select count(*) from pgqueuer") > 0
        crm.pages[COMPANIES], crm.before_page = [[company("1")]], None
        await made.run_sync()(made.user_id, run.id)
        assert (await made.load_run(run)).status is RunStatus.COMPLETED
