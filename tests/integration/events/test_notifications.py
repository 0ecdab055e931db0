"""Who changes something of a user notifies of it, and not of each batch."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from astrelo.adapters.outbound.postgres.notifications.throttle import CHANNEL, MIN_INTERVAL
from astrelo.domain.identifiers import ObjectType, Provider
from tests.support.builders import company
from tests.support.harness.sync import ScriptedCrm, SyncHarness, split_pages, sync_harness

pytestmark = pytest.mark.anyio

COMPANIES, HUBSPOT = ObjectType.COMPANIES, Provider.HUBSPOT
STATES_OF_A_RUN = 4
"""Requested, claimed, its owners read, finished."""
WITHIN = 10.0


class Heard:
    def __init__(self) -> None:
        self.payloads: list[str] = []
        self._arrived = asyncio.Event()

    def receive(self, _connection: object, _process: int, _channel: str, payload: object) -> None:
        self.payloads.append(str(payload))
        self._arrived.set()

    async def next(self) -> str:
        """Return the next one, apart from those that were there already."""
        known = len(self.payloads)
        async with asyncio.timeout(WITHIN):
            while len(self.payloads) == known:
                self._arrived.clear()
                await self._arrived.wait()
        return self.payloads[known]


@asynccontextmanager
async def heard(made: SyncHarness) -> AsyncIterator[Heard]:
    found = Heard()
    async with made.pool.acquire() as connection:
        await connection.add_listener(CHANNEL, found.receive)
        try:
            yield found
            await connection.execute("select 1")  # what was sent before has arrived
        finally:
            await connection.remove_listener(CHANNEL, found.receive)


async def save_and_fail(made: SyncHarness) -> None:
    async with made.uow(made.user_id) as tx:
        connection = await tx.connections.get(HUBSPOT)
        assert connection is not None
        await tx.connections.save(connection)
        raise RuntimeError("a test")


async def test_a_sync_of_many_batches_notifies_twice_a_second(database: str) -> None:
    pages = split_pages([company(str(number)) for number in range(120)], 2)
    async with sync_harness(database, ScriptedCrm(pages={COMPANIES: pages})) as made:
        made.batch_size = 2
        loop = asyncio.get_running_loop()
        async with heard(made) as notifications:
            began = loop.time()
            await made.sync()
            seconds = loop.time() - began
        assert len(notifications.payloads) <= STATES_OF_A_RUN + 1 + seconds / MIN_INTERVAL
        assert set(notifications.payloads) == {str(made.user_id)}


async def test_progress_that_came_too_early_is_notified_by_itself(database: str) -> None:
    async with sync_harness(
        database, ScriptedCrm(pages={COMPANIES: [[company("1")], [company("2")]]})
    ) as made:
        made.batch_size = 1
        run = await made.request()
        claimed = await made.lifecycle().claim(made.user_id, run.id)
        assert claimed is not None
        async with heard(made) as notifications:
            for step in claimed[0].steps[:2]:
                async with made.uow(made.user_id) as tx:
                    await tx.runs.advance(run.id, step)
            assert await notifications.next() == str(made.user_id)


async def test_what_is_rolled_back_is_not_notified(database: str) -> None:
    async with sync_harness(database) as made:
        async with heard(made) as notifications:
            with pytest.raises(RuntimeError):
                await save_and_fail(made)
        assert notifications.payloads == []


async def test_reading_notifies_nobody(database: str) -> None:
    async with sync_harness(database) as made:
        async with heard(made) as notifications, made.uow(made.user_id) as tx:
            assert await tx.connections.get(HUBSPOT) is not None
        assert notifications.payloads == []
