"""HubSpot's rate limits: a rolling window for an account's requests, another for its searches."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

WINDOW_SECONDS = 10.0
REQUESTS_PER_WINDOW = 110
SEARCHES_PER_SECOND = 5
UNLIMITED = 1_000_000


class RollingWindow:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """One account's limits. Without enforcement they are announced so high that no client meets them."""

    requests: RollingWindow
    searches: RollingWindow

    @classmethod
    def hubspot(cls, requests_per_window: int, searches_per_second: int) -> Self:
        return cls(
            requests=RollingWindow(requests_per_window, WINDOW_SECONDS),
            searches=RollingWindow(searches_per_second, 1.0),
        )

    def headers(self, now: float) -> list[tuple[str, str]]:
        """Return the headers an OAuth app sees; `secondly` is obsolete, still sent and not enforced."""
        limit, remaining = self.requests.limit, self.requests.remaining(now)
        secondly = max(limit // 10, 1)
        return [
            ("x-hubspot-ratelimit-max", str(limit)),
            ("x-hubspot-ratelimit-remaining", str(remaining)),
            ("x-hubspot-ratelimit-interval-milliseconds", str(int(self.requests.seconds * 1000))),
            ("x-hubspot-ratelimit-secondly", str(secondly)),
            ("x-hubspot-ratelimit-secondly-remaining", str(max(secondly - 1, 0))),
        ]


def busiest(times: Iterable[float], seconds: float) -> int:
    """Count the most events that fell into any window of `seconds`; `times` ascend."""
    window: deque[float] = deque()
    most = 0
    for moment in times:
        window.append(moment)
        while window[0] <= moment - seconds:
            window.popleft()
        most = max(most, len(window))
    return most
