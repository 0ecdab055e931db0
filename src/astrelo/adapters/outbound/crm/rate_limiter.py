"""Staying under a CRM's rolling limit without being told off first."""

import asyncio
from abc import abstractmethod
from collections import deque
from typing import Protocol

from astrelo.domain.ports.system import Clock

_DRIFT_SECONDS = 0.01
"""Two clocks may differ in speed: 500 ppm, the most that NTP slews, is 5 ms in ten seconds."""

_MIN_SLEEP = 0.001
"""So that a rounding error never makes a sleep that ends before what it waits for."""

_MAX_INTERVAL_SECONDS = 86_400.0

_MAX_LIMIT = 1_000_000
"""Every request of a window is remembered, so what is announced decides how much memory that may take."""


class RateLimiter(Protocol):
    """What a request needs before it may be sent."""

    @abstractmethod
    async def acquire(self) -> None:
        """Take a place, waiting for one. Raises RateLimited where waiting would take too long."""

    @abstractmethod
    def release(self) -> None:
        """Give the place back: the answer is here, or there will be none."""

    @abstractmethod
    def pause(self, seconds: float) -> None:
        """Send nothing for so long: what one stream is told holds for all of them."""


class SlidingWindowLimiter(RateLimiter):
    """At most `limit` requests in any `seconds`, as the server counts them; first come, first served.

    The server counts a request at some moment between our sending it and our reading the answer. So a
    request holds its place from the sending on, and gives it back `seconds` after the *answer*: then no
    window of the server's, wherever it begins, can hold more than `limit`, whatever the network does in
    between. The price is one latency per window: at 0.2 s still 98 % of a ten-second limit is used.

    With `probe` the first request goes alone, because what a former worker has spent is unknown: the
    answer's headers say how much of the window is left (`learn`).
    """

    def __init__(self, clock: Clock, limit: int, seconds: float, *, probe: bool = False) -> None:
        self._clock = clock
        self.limit = limit
        self.seconds = seconds
        self._probing = probe
        self._learned = False
        self._started = 0
        self._in_flight = 0
        self._answered: deque[float] = deque()
        self._paused_until = 0.0
        self._waiting = 0
        self._turn = asyncio.Lock()
        self._change = asyncio.Event()

    async def acquire(self) -> None:
        """Take a place, waiting for one behind those who came before. Give it back with `release`."""
        if self._waiting or not self._has_room(self._clock.monotonic()):
            await self._queue_up()
        self._in_flight += 1
        self._started += 1

    def release(self) -> None:
        """Note that the answer is here, or that there will be none: it may have been counted all the same."""
        self._in_flight -= 1
        self._answered.append(self._clock.monotonic())
        self._probing = False
        self._change.set()

    def learn(self, limit: int, seconds: float, remaining: int) -> None:
        """Take over what an answer's headers announce; call it before that answer's `release`.

        `remaining` counts only the first time: later ones were written before our newest requests.
        """
        if not 1 <= limit <= _MAX_LIMIT or not 0 < seconds <= _MAX_INTERVAL_SECONDS:
            return
        self.limit = limit
        self.seconds = seconds
        if not self._learned:
            self._learned = True
            spent_by_others = limit - max(remaining, 0) - self._started
            self._answered.extend([self._clock.monotonic()] * spent_by_others)

    def pause(self, seconds: float) -> None:
        self._paused_until = max(self._paused_until, self._clock.monotonic() + seconds)

    async def _queue_up(self) -> None:
        self._waiting += 1
        try:
            async with self._turn:
                while not self._has_room(now := self._clock.monotonic()):
                    await self._until_something_changes(now)
        finally:
            self._waiting -= 1

    def _has_room(self, now: float) -> bool:
        answered = self._answered
        expired = now - self.seconds - _DRIFT_SECONDS
        while answered and answered[0] <= expired:
            answered.popleft()
        if now < self._paused_until:
            return False
        limit = 1 if self._probing else self.limit
        return self._in_flight + len(answered) < limit

    async def _until_something_changes(self, now: float) -> None:
        if now < self._paused_until:
            await self._clock.sleep(max(self._paused_until - now, _MIN_SLEEP))
        elif self._answered:
            freed_at = self._answered[0] + self.seconds + _DRIFT_SECONDS
            await self._clock.sleep(max(freed_at - now, _MIN_SLEEP))
        else:
            self._change.clear()
            await self._change.wait()
