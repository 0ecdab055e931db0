"""HubSpot's limit of requests: never passed, and used."""

import asyncio

import pytest

from astrelo.domain.identifiers import ObjectType
from tests.support.hubspot.account import SandboxAccount, companies, contacts, record
from tests.support.hubspot.sandbox import hubspot_over

pytestmark = pytest.mark.anyio


async def test_three_hungry_streams_stay_within_the_window_and_use_it() -> None:
    world = SandboxAccount(
        *companies(10_000), *contacts(10_000), *[record("deals", n) for n in range(1, 5_001)]
    )
    await asyncio.gather(*(world.pages(object_type) for object_type in ObjectType))
    stats = world.sandbox.stats()
    assert 100 <= stats["max_requests_in_window"] <= 110  # type: ignore[operator] # a number
    assert all(entry.status != 429 for entry in world.sandbox.journal.entries)
    windowed = sum(entry.windowed for entry in world.sandbox.journal.entries)
    assert world.clock.monotonic() <= windowed / 110 * 10 * 1.1


async def test_a_worker_that_takes_over_finds_the_window_as_its_predecessor_left_it() -> None:
    world = SandboxAccount(*companies(10_000))
    await world.pages(ObjectType.COMPANIES)
    successor = hubspot_over(world.sandbox, world.clock)
    async for _ in successor.read(world.session, ObjectType.COMPANIES):
        pass
    assert all(entry.status != 429 for entry in world.sandbox.journal.entries)
