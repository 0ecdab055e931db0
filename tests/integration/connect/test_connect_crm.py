"""Connecting over a real database and a strict HubSpot: what a flow that goes well leaves, and what it shows."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from astrelo.domain.connection import ConnectionStatus
from astrelo.domain.identifiers import Provider
from astrelo.domain.sync import RunStatus
from crm_sandbox import Fault
from tests.support.harness.connect import TABLES, ConnectHarness, connect_harness

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(database: str) -> AsyncIterator[ConnectHarness]:
    async with connect_harness(database) as opened:
        yield opened


async def test_a_first_connect_stores_tokens_a_profile_and_a_full_run_with_its_job(
    world: ConnectHarness,
) -> None:
    connection = await world.connect_account()
    assert connection == await world.load_connection()
    assert connection.status is ConnectionStatus.ACTIVE
    assert (connection.account.account_id, connection.account.name) == ("101", "HubSpot account 101")
    run = await world.latest_run(connection)
    assert (run.status, run.mode) == (RunStatus.QUEUED, "full")
    assert await world.counts() == dict.fromkeys(TABLES, 1)
    profile = await world.pool.fetchrow(
        "select name, is_default, industries, naics, countries from icp_profiles"
    )
    assert tuple(profile) == ("Default", True, [], [], [])


async def test_who_connected_is_kept_until_another_person_does_and_stays_out_of_the_log(
    world: ConnectHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = await world.connect_account()
    assert connection.connected_by == "admin@sandbox.example.com"
    assert connection.account.domain == "sandbox.example.com"
    body = {"active": True, "user": "bo@acme.com", "hub_domain": "acme.com"}
    world.sandbox.faults.add(Fault(kind="respond", match="/introspect", status=200, body=body))
    again = await world.connect_account()
    assert again == await world.load_connection()
    assert (again.id, again.connected_by, again.account.domain) == (connection.id, "bo@acme.com", "acme.com")
    world.sandbox.faults.add(Fault(kind="respond", match="/introspect", status=503))
    unknown = await world.connect_account()
    assert (unknown.id, unknown.connected_by, unknown.account.domain) == (connection.id, None, None)
    printed = capsys.readouterr()
    assert "connection.established" in printed.out
    assert "admin@" not in printed.out + printed.err
    assert "bo@acme.com" not in printed.out + printed.err


async def test_who_connected_is_forgotten_with_a_purge_alone(world: ConnectHarness) -> None:
    await world.connect_account()
    await world.disconnect(world.user_id, Provider.HUBSPOT)
    stored = await world.load_connection()
    assert stored is not None
    assert stored.connected_by == "admin@sandbox.example.com"
    await world.disconnect(world.user_id, Provider.HUBSPOT, purge=True)
    assert await world.pool.fetchval("select count(connected_by) from crm_connections") == 0


async def test_the_stored_token_works_at_the_crm(world: ConnectHarness) -> None:
    connection = await world.connect_account()
    token = (await world.tokens.get_access(connection)).token
    assert world.sandbox.oauth.authenticate(token).grant.portal_id == 101


async def test_two_tabs_can_be_finished_in_any_order(world: ConnectHarness) -> None:
    first, second = await world.begin(), await world.begin()
    assert first.flow != second.flow
    later = await world.finish(await world.consent(second))
    earlier = await world.finish(await world.consent(first))
    assert later.connection.id == earlier.connection.id


async def test_two_first_connects_at_once_make_one_connection(world: ConnectHarness) -> None:
    callbacks = [await world.consent(await world.begin()) for _ in range(3)]
    done = await asyncio.gather(*(world.finish(callback) for callback in callbacks))
    assert len({connected.connection.id for connected in done}) == 1
    assert await world.counts() == dict.fromkeys(TABLES, 1)


async def test_an_account_name_with_what_no_column_holds_is_cleaned(world: ConnectHarness) -> None:
    details = {"portalId": 101, "portalName": "Ac\x00me" + "x" * 1000, "companyCurrency": "none"}
    world.sandbox.faults.add(Fault(kind="respond", match="/details", status=200, body=details))
    connection = await world.connect_account()
    assert connection.account.name == "Acme" + "x" * 196
    assert connection.account.currency is None
