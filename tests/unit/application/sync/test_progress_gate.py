"""Streams side by side: none gets further than those it points at."""

import asyncio

import pytest

from astrelo.application.sync.progress_gate import ProgressGate
from astrelo.domain.identifiers import ObjectType
from astrelo.domain.sync import Counts, SyncStep

pytestmark = pytest.mark.anyio

COMPANIES, CONTACTS, DEALS = ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS


def step(object_type: ObjectType, received: int, total: int | None) -> SyncStep:
    return SyncStep(object_type=object_type, counts=Counts(received=received), expected_total=total)


def start(*object_types: ObjectType) -> ProgressGate:
    return ProgressGate([SyncStep(object_type=object_type) for object_type in object_types])


async def is_held(waiting: "asyncio.Task[None]") -> bool:
    for _ in range(3):
        await asyncio.sleep(0)
    return not waiting.done()


async def test_contacts_wait_until_as_large_a_share_of_the_companies_is_stored() -> None:
    progress_gate = start(COMPANIES, CONTACTS)
    waiting = asyncio.create_task(progress_gate.wait_for_turn(step(CONTACTS, 0, 4_000), 1_000))
    assert await is_held(waiting)
    progress_gate.record_progress(step(COMPANIES, 20, 100))
    assert await is_held(waiting)
    progress_gate.record_progress(step(COMPANIES, 25, 100))
    assert not await is_held(waiting)


async def test_deals_wait_for_contacts_too() -> None:
    progress_gate = start(COMPANIES, CONTACTS, DEALS)
    progress_gate.record_progress(step(COMPANIES, 100, 100))
    waiting = asyncio.create_task(progress_gate.wait_for_turn(step(DEALS, 0, 100), 50))
    assert await is_held(waiting)
    progress_gate.record_progress(step(CONTACTS, 50, 100))
    assert not await is_held(waiting)


async def test_companies_wait_for_nobody() -> None:
    await start(COMPANIES, CONTACTS, DEALS).wait_for_turn(step(COMPANIES, 0, 10), 10)


async def test_nobody_waits_for_a_stream_that_is_over() -> None:
    progress_gate = start(COMPANIES, CONTACTS)
    waiting = asyncio.create_task(progress_gate.wait_for_turn(step(CONTACTS, 90, 100), 10))
    assert await is_held(waiting)
    progress_gate.release(COMPANIES)
    assert not await is_held(waiting)


async def test_nobody_waits_for_a_stream_that_an_earlier_attempt_finished() -> None:
    await start(CONTACTS, DEALS).wait_for_turn(step(CONTACTS, 0, 100), 100)


async def test_nobody_waits_where_the_provider_does_not_say_how_many_there_are() -> None:
    progress_gate = start(COMPANIES, CONTACTS)
    await progress_gate.wait_for_turn(step(CONTACTS, 0, None), 1_000)
    progress_gate.record_progress(step(COMPANIES, 1, None))
    await progress_gate.wait_for_turn(step(CONTACTS, 0, 1_000), 1_000)


async def test_a_resumed_stream_counts_what_it_had_stored() -> None:
    progress_gate = ProgressGate([step(COMPANIES, 60, 100), step(CONTACTS, 30, 100)])
    await progress_gate.wait_for_turn(step(CONTACTS, 30, 100), 30)
