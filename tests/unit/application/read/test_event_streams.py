"""The open streams of a process: read once for each user, sent to each stream, and never without bounds."""

import asyncio
import gc
from uuid import uuid4

import pytest

from astrelo.application.read.event_streams import MAX_UNSENT_EVENTS, EventStream, EventStreams
from astrelo.domain.errors import StoreUnavailable, StreamsExhausted, TooManyStreams
from astrelo.domain.identifiers import UserId
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.present_state import FakePresentState

pytestmark = pytest.mark.anyio

USER, OTHER = UserId(uuid4()), UserId(uuid4())
WITHIN = 5.0


class World:
    def __init__(self, **limits: int) -> None:
        self.clock = FakeClock()
        self.state = FakePresentState()
        self.streams = EventStreams(self.state, self.clock, **limits)

    async def rename(self, name: str, user_id: UserId = USER) -> None:
        self.state.names[user_id] = name
        self.streams.notify(user_id)


async def types(stream: EventStream) -> list[str]:
    return [event.type for event in await stream.wait(WITHIN)]


async def test_what_has_changed_is_read_once_for_all_streams_of_a_user() -> None:
    world = World()
    tabs = [await world.streams.open(USER) for _ in range(3)]
    other = await world.streams.open(OTHER)
    for stream in (*tabs, other):
        assert await types(stream) == ["connection.changed", "changes.available"]
    await world.rename("Acme")
    for tab in tabs:
        assert await types(tab) == ["connection.changed"]
    assert world.state.reads == {USER: 2, OTHER: 1}
    assert await other.wait(0) == []


async def test_a_notification_without_a_change_sends_nothing() -> None:
    world = World()
    stream = await world.streams.open(USER)
    await stream.wait(WITHIN)
    world.streams.notify_all()
    await world.clock.sleep(2)
    assert world.state.reads[USER] == 2
    assert await stream.wait(0) == []


async def test_notifications_in_quick_succession_are_read_twice_a_second_and_the_last_change_arrives() -> (
    None
):
    world = World()
    stream = await world.streams.open(USER)
    for number in range(200):
        await world.rename(f"name {number}")
        await world.clock.sleep(0.02)
    await world.clock.sleep(1)
    sent = await stream.wait(WITHIN)
    assert world.state.reads[USER] <= 2 + 4 / 0.5
    assert b"name 199" in sent[-1].data


async def test_a_stream_that_does_not_take_its_events_is_ended_and_holds_none() -> None:
    world = World()
    stream, reading = await world.streams.open(USER), await world.streams.open(USER)
    for number in range(MAX_UNSENT_EVENTS + 1):
        await world.rename(f"name {number}")
        await reading.wait(WITHIN)
    assert stream.is_ended
    assert not reading.is_ended
    assert await stream.wait(WITHIN) == []


async def test_a_failed_read_is_tried_again() -> None:
    world = World()
    stream = await world.streams.open(USER)
    await stream.wait(WITHIN)
    world.state.is_available = False
    await world.rename("Acme")
    await world.clock.sleep(3)
    world.state.is_available = True
    assert await types(stream) == ["connection.changed"]


async def test_a_stream_that_cannot_begin_is_not_counted() -> None:
    world = World(max_streams=1)
    world.state.is_available = False
    with pytest.raises(StoreUnavailable):
        await world.streams.open(USER)
    world.state.is_available = True
    assert not (await world.streams.open(USER)).is_ended


async def test_a_user_and_a_process_have_so_many_streams_and_no_more() -> None:
    world = World(max_streams=3, max_streams_per_user=2)
    first, second = await world.streams.open(USER), await world.streams.open(USER)
    with pytest.raises(TooManyStreams):
        await world.streams.open(USER)
    other = await world.streams.open(OTHER)
    with pytest.raises(StreamsExhausted):
        await world.streams.open(UserId(uuid4()))
    world.streams.close(USER, first)
    world.streams.close(USER, first)
    third = await world.streams.open(USER)
    assert len(world.streams) == 3
    for user_id, stream in ((USER, second), (USER, third), (OTHER, other)):
        world.streams.close(user_id, stream)
    assert len(world.streams) == 0


async def test_a_stream_that_is_dropped_is_not_counted() -> None:
    world = World(max_streams=1)
    stream = await world.streams.open(USER)
    del stream
    gc.collect()
    assert not (await world.streams.open(USER)).is_ended


async def test_when_the_process_stops_streams_end_and_no_other_is_opened() -> None:
    world = World()
    stream = await world.streams.open(USER)
    await stream.wait(WITHIN)
    waiting = asyncio.create_task(stream.wait(WITHIN))
    await asyncio.sleep(0)
    world.streams.end_all()
    assert await waiting == []
    assert stream.is_ended
    with pytest.raises(StreamsExhausted):
        await world.streams.open(USER)
