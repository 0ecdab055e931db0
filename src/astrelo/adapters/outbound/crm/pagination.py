"""What walking any CRM's pages takes: fetching ahead, and noticing that one goes round in a circle."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, suppress
from typing import Any, TypeVar

from astrelo.domain.errors import CrmRejected
from astrelo.domain.identifiers import Provider

T = TypeVar("T")


class PaginationLoopGuard:
    """The cursors of one walk: whoever comes to one of them again walks in a circle.

    Brent's algorithm finds that out, in at most three times as many steps, and remembers one cursor alone.
    """

    def __init__(self, start: object, provider: Provider) -> None:
        self._provider = provider
        self._remembered = start
        self._steps = 0
        self._stretch = 1

    def follow(self, after: T) -> T:
        """Return the cursor, or raise CrmRejected for a circle."""
        if after == self._remembered:
            raise CrmRejected(self._provider, None, "the cursors to the next pages go round in a circle")
        self._steps += 1
        if self._steps == self._stretch:
            self._remembered, self._steps, self._stretch = after, 0, self._stretch * 2
        return after


async def prefetch(
    steps: AsyncGenerator[Coroutine[Any, Any, T], None], depth: int
) -> AsyncGenerator[T, None]:
    """Run coroutines as they are made, results in order: the one that is waited for, one more, and `depth` untaken.

    An error comes in its turn, after the results before it. Closing the iterator stops everything.
    """
    queue: asyncio.Queue[asyncio.Future[T] | None] = asyncio.Queue(depth)
    started: set[asyncio.Future[T]] = set()
    starter = asyncio.create_task(_start(steps, queue, started))
    try:
        while (result := await queue.get()) is not None:
            yield await result
            started.discard(result)
    finally:
        starter.cancel()
        for future in started:
            future.cancel()
        await asyncio.gather(starter, *started, return_exceptions=True)


async def _start(
    steps: AsyncGenerator[Coroutine[Any, Any, T], None],
    queue: asyncio.Queue[asyncio.Future[T] | None],
    started: set[asyncio.Future[T]],
) -> None:
    try:
        async with aclosing(
            steps
        ):  # else what the steps themselves fetch ahead goes on until they are collected
            async for step in steps:
                task = asyncio.create_task(step)
                started.add(task)
                await queue.put(task)
    except Exception as error:  # noqa: BLE001 - handed over to whoever reads the results
        failed: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        failed.set_exception(error)
        started.add(failed)
        await queue.put(failed)
    await queue.put(None)


async def cancelled(task: asyncio.Task[T] | None) -> None:
    """End a task, if there is one, and wait until it has."""
    if task is not None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
