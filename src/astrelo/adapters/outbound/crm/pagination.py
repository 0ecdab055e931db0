"""What the pagination of all CRMs shares: cursors as text, a guard against loops, batches, prefetching."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from contextlib import aclosing, suppress
from itertools import islice
from typing import Any, Generic, TypeVar

import msgspec

from astrelo.domain import errors
from astrelo.domain.identifiers import Cursor, Provider

T = TypeVar("T")
S = TypeVar("S")

_encoder = msgspec.json.Encoder()


class CursorCodec(Generic[T]):
    """Encodes and decodes positions of one shape: a struct, or a union of tagged ones."""

    def __init__(self, shape: Any, provider: Provider) -> None:  # noqa: ANN401 - a union is no type to the checker
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(shape)
        self._provider = provider

    def encode(self, position: T) -> Cursor:
        return Cursor(_encoder.encode(position).decode())

    def decode(self, cursor: Cursor) -> T:
        """Raise CrmRejected for a cursor that this adapter did not make."""
        try:
            return self._decoder.decode(cursor)
        except msgspec.DecodeError as error:
            raise errors.CrmRejected(
                self._provider, None, f"a stored cursor cannot be read: {error}"
            ) from None


class PaginationLoopGuard:
    """Raises when the cursors of one record stream repeat.

    Uses Brent's cycle detection, which notices a loop within three times its steps and remembers one cursor only.
    """

    def __init__(self, start: object, provider: Provider) -> None:
        self._provider = provider
        self._remembered = start
        self._steps = 0
        self._interval = 1

    def follow(self, after: T) -> T:
        """Return the cursor, or raise CrmRejected for a loop."""
        if after == self._remembered:
            raise errors.CrmRejected(
                self._provider, None, "the cursors to the next pages go round in a circle"
            )
        self._steps += 1
        if self._steps == self._interval:
            self._remembered, self._steps, self._interval = after, 0, self._interval * 2
        return after


def split_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


async def map_stream(
    items: AsyncGenerator[S, None], call: Callable[[S], Coroutine[Any, Any, T]]
) -> AsyncGenerator[Coroutine[Any, Any, T], None]:
    """Yield one coroutine for each item of a stream, for `prefetch` to run."""
    async with aclosing(items):
        async for item in items:
            yield call(item)


async def prefetch(
    steps: AsyncGenerator[Coroutine[Any, Any, T], None], depth: int
) -> AsyncGenerator[T, None]:
    """Run coroutines as they are produced and yield their results in order.

    At a time there run the coroutine that is awaited and one more, beside at most `depth` results that wait to be
    taken. An error is raised in its place, after the results before it. Closing the iterator stops everything.
    """
    queue: asyncio.Queue[asyncio.Future[T] | None] = asyncio.Queue(depth)
    started: set[asyncio.Future[T]] = set()
    starter = asyncio.create_task(_start_steps(steps, queue, started))
    try:
        while (result := await queue.get()) is not None:
            yield await result
            started.discard(result)
    finally:
        starter.cancel()
        for future in started:
            future.cancel()
        await asyncio.gather(starter, *started, return_exceptions=True)


async def _start_steps(
    steps: AsyncGenerator[Coroutine[Any, Any, T], None],
    queue: asyncio.Queue[asyncio.Future[T] | None],
    started: set[asyncio.Future[T]],
) -> None:
    try:
        # Without aclosing, what the steps prefetch themselves would go on until they are garbage-collected.
        async with aclosing(steps):
            async for step in steps:
                task = asyncio.create_task(step)
                started.add(task)
                await queue.put(task)
    except Exception as error:  # noqa: BLE001 - raised where the results are read
        failed: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        failed.set_exception(error)
        started.add(failed)
        await queue.put(failed)
    await queue.put(None)


async def cancel_task(task: asyncio.Task[T] | None) -> None:
    """Cancel a task, if there is one, and wait until it has ended."""
    if task is not None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
