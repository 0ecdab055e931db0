"""A consumer of the change feed that goes on through the storm, as other people's programs do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from astrelo.domain.errors import StoreUnavailable
from tests.chaos.outcome import Outcome
from tests.support.feed_consumer import FeedConsumer

_POLL = 0.05


@asynccontextmanager
async def keep_following(consumer: FeedConsumer) -> AsyncIterator[None]:
    """Let it follow in the background; in the end it has read all that was committed before."""
    task = asyncio.create_task(_follow_for_ever(consumer))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def judge_copy(consumer: FeedConsumer, outcome: Outcome) -> None:
    """Let it read the rest, and compare its copy with what is stored. Nothing changes any more."""
    await consumer.follow()
    outcome.consumed = consumer.changes
    outcome.differences += await consumer.differences()
    outcome.differences += [f"{key.record_type} {key.id} came again unchanged" for key in consumer.repeats]


async def _follow_for_ever(consumer: FeedConsumer) -> None:
    while True:
        with suppress(StoreUnavailable):  # asks again from where it was
            await consumer.read_page()
        await asyncio.sleep(_POLL)
