"""Fetching ahead: in order, errors in their place, and nothing left running."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

import pytest

from astrelo.adapters.outbound.crm.pagination import prefetch
from tests.support.crm.collecting import collect

pytestmark = pytest.mark.anyio


async def steps(
    *jobs: Coroutine[Any, Any, int], error: Exception | None = None
) -> AsyncGenerator[Coroutine[Any, Any, int], None]:
    for job in jobs:
        yield job
    if error is not None:
        raise error


async def after(turns: int, result: int) -> int:
    for _ in range(turns):
        await asyncio.sleep(0)
    return result


async def test_results_come_in_order_whichever_is_done_first() -> None:
    made = prefetch(steps(after(9, 1), after(0, 2), after(5, 3)), 2)
    assert [result async for result in made] == [1, 2, 3]


async def test_an_error_comes_after_the_results_before_it() -> None:
    received: list[int] = []
    made = prefetch(steps(after(5, 1), after(5, 2), error=ValueError("broken")), 5)
    with pytest.raises(ValueError, match="broken"):
        await collect(made, received)
    assert received == [1, 2]


async def test_leaving_early_stops_what_was_begun() -> None:
    stopped: list[int] = []

    async def endless(number: int) -> int:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(number)
        return number

    made = prefetch(steps(after(0, 0), endless(1), endless(2)), 5)
    assert await anext(made) == 0
    await asyncio.sleep(0)
    await made.aclose()
    assert sorted(stopped) == [1, 2]
