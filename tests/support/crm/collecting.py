"""What an iterator gave before it failed."""

from collections.abc import AsyncIterator
from typing import TypeVar

T = TypeVar("T")


async def collect(iterator: AsyncIterator[T], into: list[T]) -> None:
    """Keep what came before an error."""
    async for item in iterator:
        into.append(item)  # noqa: PERF401 - an extend would lose it
