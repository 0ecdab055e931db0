"""Rate limiters: stay under a CRM's limits without provoking its HTTP 429."""

import asyncio
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from astrelo.domain.identifiers import CrmAccountId
from astrelo.domain.ports.system import Clock

T = TypeVar("T")

_DRIFT_SECONDS = 0.01
"""Two clocks may differ in speed: 500 ppm, the most that NTP slews, is 5 ms in ten seconds."""

_MIN_SLEEP = 0.001
"""So that a rounding error never makes a sleep that ends before what it waits for."""

_MAX_INTERVAL_SECONDS = 86_400.0

_MAX_LIMIT = 1_000_000
"""Every request of a window is remembered, so the announced limit decides how much memory that may take."""

_KEPT_SECONDS = 3600.0
"""Far longer than any request lasts, so that two limiters for one account never exist side by side."""


class RateLimiter(Protocol):
    """Permission to send requests."""

    @abstractmethod
    async def acquire(self) -> None:
        """Take a slot, waiting for one. Raise RateLimited where waiting would take too long."""

    @abstractmethod
    def release(self) -> None:
        """Give the slot back: the response has arrived, or there will be none."""

    @abstractmethod
    def pause(self, seconds: float) -> None:
        """Send nothing for so long: a pause that one stream is asked for holds for all of them."""


class SlidingWindowLimiter(RateLimiter):
    """At most `limit` requests in any `seconds`, as the server counts them; first come, first served.

    The server counts a request at some moment between our sending it and our reading the response. So a
    request holds its slot from the sending on, and gives it back `seconds` after the *response*: then no
    window of the server's, wherever it begins, can hold more than `limit`, whatever the network does in
    between. The price is one latency per window: at 0.2 s still 98 % of a ten-second limit is used.

    With `probe` the first request goes alone, because what a former worker has spent is unknown: the
    response's headers say how much of the window is left (`learn`).
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
        self._first_in_line = asyncio.Lock()
        self._change = asyncio.Event()

    async def acquire(self) -> None:
        """Take a slot, waiting for one behind earlier callers. Give it back with `release`."""
        if self._waiting or not self._has_room(self._clock.monotonic()):
            self._waiting += 1
            try:
                async with self._first_in_line:
                    while not self._has_room(now := self._clock.monotonic()):
                        await self._wait_for_change(now)
            finally:
                self._waiting -= 1
        self._in_flight += 1
        self._started += 1

    def release(self) -> None:
        """Note that the response is here, or that there will be none: the server may have counted it all the same."""
        self._in_flight -= 1
        self._answered.append(self._clock.monotonic())
        self._probing = False
        self._change.set()

    def learn(self, limit: int, seconds: float, remaining: int) -> None:
        """Adopt the limit that a response's headers announce; call it before that response's `release`.

        `remaining` counts only the first time: later values were written before our newest requests.
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

    def _has_room(self, now: float) -> bool:
        answered = self._answered
        expired = now - self.seconds - _DRIFT_SECONDS
        while answered and answered[0] <= expired:
            answered.popleft()
        if now < self._paused_until:
            return False
        limit = 1 if self._probing else self.limit
        return self._in_flight + len(answered) < limit

    async def _wait_for_change(self, now: float) -> None:
        if now < self._paused_until:
            await self._clock.sleep(max(self._paused_until - now, _MIN_SLEEP))
        elif self._answered:
            freed_at = self._answered[0] + self.seconds + _DRIFT_SECONDS
            await self._clock.sleep(max(freed_at - now, _MIN_SLEEP))
        else:
            self._change.clear()
            await self._change.wait()


class RateLimitersByAccount(Generic[T]):
    """One limiter, or one set of them, for each account. An unused one is dropped: its windows are long empty."""

    def __init__(self, clock: Clock, make: Callable[[], T]) -> None:
        self._clock = clock
        self._make = make
        self._by_account: dict[CrmAccountId, T] = {}
        self._used_at: dict[CrmAccountId, float] = {}

    def for_account(self, account_id: CrmAccountId) -> T:
        now = self._clock.monotonic()
        self._used_at[account_id] = now
        rate_limiter = self._by_account.get(account_id)
        if rate_limiter is None:
            for unused in [
                known for known, used_at in self._used_at.items() if used_at < now - _KEPT_SECONDS
            ]:
                del self._used_at[unused]
                self._by_account.pop(unused, None)
            rate_limiter = self._by_account[account_id] = self._make()
        return rate_limiter
