"""Counting requests in rolling windows of time."""

from collections import deque
from collections.abc import Iterable

UNLIMITED = 1_000_000


class SlidingWindowLimiter:
    """At most `limit` admissions in any `seconds`; what is refused is not counted."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self._admitted: deque[float] = deque()

    def admit(self, now: float) -> bool:
        self._forget(now)
        if len(self._admitted) >= self.limit:
            return False
        self._admitted.append(now)
        return True

    def remaining(self, now: float) -> int:
        self._forget(now)
        return max(self.limit - len(self._admitted), 0)

    def _forget(self, now: float) -> None:
        while self._admitted and self._admitted[0] <= now - self.seconds:
            self._admitted.popleft()


def count_busiest(times: Iterable[float], seconds: float) -> int:
    """Count the most events that fell into any window of `seconds`; `times` ascend."""
    window: deque[float] = deque()
    most = 0
    for moment in times:
        window.append(moment)
        while window[0] <= moment - seconds:
            window.popleft()
        most = max(most, len(window))
    return most
