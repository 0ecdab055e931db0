"""A clock that passes only when everyone waits for it."""

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from itertools import count

from astrelo.domain.ports.system import Clock

START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
_TURNS = 25
"""Loop turns a sleeper gives the others: more than the longest chain of callbacks that waits for no time."""


class FakeClock(Clock):
    """Virtual time: a sleep costs none, and of several sleepers the one due first wakes first."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int]] = []
        self._order = count()
        self.slept: list[float] = []
        """Every sleep that was asked for, in order."""

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    def advance(self, seconds: float) -> None:
        self._elapsed += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        me = (self._elapsed + max(seconds, 0.0), next(self._order))
        heapq.heappush(self._sleepers, me)
        try:
            while self._elapsed < me[0]:
                await _let_others_run()
                if self._sleepers[0] == me:
                    self._elapsed = max(self._elapsed, me[0])
        finally:
            self._sleepers.remove(me)
            heapq.heapify(self._sleepers)


async def _let_others_run() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)
