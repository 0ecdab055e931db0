"""The rate budget, on a clock that passes only when everyone waits for it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from astrelo.adapters.outbound.crm.rate_limiters import SlidingWindowLimiter
from tests.support.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio

LIMIT, SECONDS = 110, 10.0


class Server:
    """Counts arrivals, each somewhere between the sending and the answer."""

    def __init__(self, clock: FakeClock, latency: Callable[[int], tuple[float, float]]) -> None:
        self._clock = clock
        self._latency = latency
        self.arrivals: list[float] = []

    async def __call__(self) -> None:
        there, back = self._latency(len(self.arrivals))
        await self._clock.sleep(there)
        self.arrivals.append(self._clock.monotonic())
        await self._clock.sleep(back)


async def ask(rate_limiter: SlidingWindowLimiter, server: Callable[[], Awaitable[None]], times: int) -> None:
    for _ in range(times):
        await rate_limiter.acquire()
        try:
            await server()
        finally:
            rate_limiter.release()


def busiest(arrivals: Sequence[float], seconds: float = SECONDS) -> int:
    """Count the most arrivals in any window, as a server with a rolling one does."""
    ordered = sorted(arrivals)
    return max(
        sum(begin <= moment < begin + seconds for moment in ordered[place:])
        for place, begin in enumerate(ordered)
    )


@pytest.mark.parametrize(
    "latency",
    [
        lambda number: (0.0, 0.0),
        lambda number: (0.05, 0.05),
        lambda number: (0.5, 0.0) if number % 7 else (0.0, 0.5),
        lambda number: (0.0, 0.4) if number < LIMIT else (0.4, 0.0),
    ],
    ids=["none", "even", "jitter", "a slow start, then a fast one"],
)
async def test_no_window_of_the_server_overflows_and_hungry_streams_use_nine_tenths(
    latency: Callable[[int], tuple[float, float]],
) -> None:
    clock = FakeClock()
    rate_limiter = SlidingWindowLimiter(clock, LIMIT, SECONDS)
    server = Server(clock, latency)
    await asyncio.gather(*(ask(rate_limiter, server, 110) for _ in range(12)))
    assert busiest(server.arrivals) <= LIMIT
    whole_windows = len(server.arrivals) / LIMIT - 1
    assert whole_windows * SECONDS / (max(server.arrivals) - server.arrivals[0]) >= 0.9


async def test_places_are_given_in_the_order_they_were_asked_for() -> None:
    clock = FakeClock()
    rate_limiter = SlidingWindowLimiter(clock, 1, SECONDS)
    order: list[int] = []

    async def take(number: int) -> None:
        await rate_limiter.acquire()
        order.append(number)
        rate_limiter.release()

    await asyncio.gather(*(take(number) for number in range(6)))
    assert order == list(range(6))


async def test_a_waiter_that_gives_up_takes_no_place() -> None:
    clock = FakeClock()
    rate_limiter = SlidingWindowLimiter(clock, 1, SECONDS)
    await rate_limiter.acquire()
    impatient = asyncio.create_task(rate_limiter.acquire())
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    rate_limiter.release()
    await rate_limiter.acquire()
    assert clock.monotonic() == pytest.approx(SECONDS, abs=0.1)


async def test_a_request_without_an_answer_keeps_its_place() -> None:
    clock = FakeClock()
    rate_limiter = SlidingWindowLimiter(clock, 2, SECONDS)
    await rate_limiter.acquire()
    clock.advance(60)
    await rate_limiter.acquire()
    third = asyncio.create_task(rate_limiter.acquire())
    await asyncio.sleep(0)
    assert not third.done()
    rate_limiter.release()
    await third
    assert clock.monotonic() >= 60 + SECONDS


async def test_an_announced_limit_replaces_the_assumed_one() -> None:
    clock = FakeClock()
    rate_limiter = SlidingWindowLimiter(clock, LIMIT, SECONDS)
    await rate_limiter.acquire()
    rate_limiter.learn(limit=5, seconds=2.0, remaining=4)
    rate_limiter.release()
    await ask(rate_limiter, _at_once, 4)
    assert clock.monotonic() == 0
    await ask(rate_limiter, _at_once, 1)
    assert clock.monotonic() == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("announced", [(0, 10.0), (-1, 10.0), (10**9, 10.0), (110, 0.0), (110, 1e9)])
async def test_an_announcement_that_makes_no_sense_is_ignored(announced: tuple[int, float]) -> None:
    rate_limiter = SlidingWindowLimiter(FakeClock(), LIMIT, SECONDS)
    limit, seconds = announced
    rate_limiter.learn(limit, seconds, remaining=0)
    assert (rate_limiter.limit, rate_limiter.seconds) == (LIMIT, SECONDS)


async def test_a_probing_budget_sends_one_request_and_heeds_what_a_former_worker_spent() -> None:
    clock = FakeClock()
    rate_limiter = SlidingWindowLimiter(clock, LIMIT, SECONDS, probe=True)
    await rate_limiter.acquire()
    others = asyncio.create_task(ask(rate_limiter, _at_once, 30))
    await asyncio.sleep(0)
    assert clock.monotonic() == 0
    rate_limiter.learn(LIMIT, SECONDS, remaining=20)
    rate_limiter.release()
    await others
    assert SECONDS <= clock.monotonic() < 2 * SECONDS


async def test_a_pause_holds_for_everyone() -> None:
    clock = FakeClock()
    rate_limiter = SlidingWindowLimiter(clock, LIMIT, SECONDS)
    rate_limiter.pause(7)
    await asyncio.gather(*(ask(rate_limiter, _at_once, 1) for _ in range(3)))
    assert clock.monotonic() == pytest.approx(7)


async def _at_once() -> None:
    return None
