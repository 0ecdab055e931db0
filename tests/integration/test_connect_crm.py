"""Connecting over a real database and a strict HubSpot: what a flow that goes well leaves, and what it shows."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from astrelo.domain.connection import ConnectionStatus
from astrelo.domain.sync import RunStatus
from astrelo.sandbox import Fault
from tests.integration.oauth_world import TABLES, OAuthWorld, oauth_world

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(database: str) -> AsyncIterator[OAuthWorld]:
    async with oauth_world(database) as opened:
        yield opened


async def test_a_first_connect_stores_tokens_a_profile_and_a_full_run_with_its_job(world: OAuthWorld) -> None:
    connection = await world.connected()
    assert connection == await world.stored()
    assert connection.status is ConnectionStatus.ACTIVE
    assert (connection.account.account_id, connection.account.name) == ("101", "Acme")
    run = await world.latest_run(connection)
    assert (run.status, run.mode) == (RunStatus.QUEUED, "full")
    assert await world.counts() == dict.fromkeys(TABLES, 1)
    profile = await world.pool.fetchrow(
        "select name, is_default, industries, naics, countries from icp_profiles"
    )
    assert tuple(profile) == ("Default", True, [], [], [])


async def test_the_stored_token_works_at_the_crm(world: OAuthWorld) -> None:
    connection = await world.connected()
    token = (await world.tokens.valid(connection)).token
    assert world.sandbox.oauth.authenticate(token).grant.portal_id == 101


async def test_two_tabs_can_be_finished_in_any_order(world: OAuthWorld) -> None:
    first, second = await world.begin(), await world.begin()
    assert first.flow != second.flow
    later = await world.finish(await world.consent(second))
    earlier = await world.finish(await world.consent(first))
    assert later.connection.id == earlier.connection.id


async def test_two_first_connects_at_once_make_one_connection(world: OAuthWorld) -> None:
    callbacks = [await world.consent(await world.begin()) for _ in range(3)]
    done = await asyncio.gather(*(world.finish(callback) for callback in callbacks))
    assert len({connected.connection.id for connected in done}) == 1
    assert await world.counts() == dict.fromkeys(TABLES, 1)


async def test_an_account_name_with_what_no_column_holds_is_cleaned(world: OAuthWorld) -> None:
    details = {"portalId": 101, "portalName": "Ac\x00me" + "x" * 1000, "companyCurrency": "none"}
    world.sandbox.faults.add(Fault(kind="respond", match="/details", status=200, body=details))
    connection = await world.connected()
    assert connection.account.name == "Acme" + "x" * 196
    assert connection.account.currency is None
