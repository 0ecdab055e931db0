"""HubSpot's rate limits: a rolling window for an account's requests, another for its searches."""

from dataclasses import dataclass
from typing import Self

from crm_sandbox.rate_limits import SlidingWindowLimiter

WINDOW_SECONDS = 10.0
REQUESTS_PER_WINDOW = 110
SEARCHES_PER_SECOND = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """One account's limits. Without enforcement they are announced so high that no client meets them."""

    requests: SlidingWindowLimiter
    searches: SlidingWindowLimiter

    @classmethod
    def hubspot(cls, requests_per_window: int, searches_per_second: int) -> Self:
        return cls(
            requests=SlidingWindowLimiter(requests_per_window, WINDOW_SECONDS),
            searches=SlidingWindowLimiter(searches_per_second, 1.0),
        )

    def headers(self, now: float) -> dict[str, str]:
        """Return the headers an OAuth app sees; `secondly` is obsolete, still sent and not enforced."""
        limit, remaining = self.requests.limit, self.requests.remaining(now)
        secondly = max(limit // 10, 1)
        return {
            "x-hubspot-ratelimit-max": str(limit),
            "x-hubspot-ratelimit-remaining": str(remaining),
            "x-hubspot-ratelimit-interval-milliseconds": str(int(self.requests.seconds * 1000)),
            "x-hubspot-ratelimit-secondly": str(secondly),
            "x-hubspot-ratelimit-secondly-remaining": str(max(secondly - 1, 0)),
        }
