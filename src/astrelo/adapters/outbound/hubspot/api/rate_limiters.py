"""HubSpot's rate limits, for each account: requests, batch associations, and search."""

from astrelo.adapters.outbound.crm import rate_limiters
from astrelo.domain.ports.system import Clock

REQUESTS_PER_WINDOW = 110
WINDOW_SECONDS = 10.0
SEARCHES_PER_SECOND = 5


class AccountRateLimiters:
    """The limiters of one account, shared by everything in this process that reads it."""

    def __init__(self, clock: Clock) -> None:
        self.requests = rate_limiters.SlidingWindowLimiter(
            clock, REQUESTS_PER_WINDOW, WINDOW_SECONDS, probe=True
        )
        self.searches = rate_limiters.SlidingWindowLimiter(clock, SEARCHES_PER_SECOND, 1.0)
        self._associations = rate_limiters.SlidingWindowLimiter(clock, REQUESTS_PER_WINDOW, WINDOW_SECONDS)

    @property
    def associations(self) -> rate_limiters.SlidingWindowLimiter:
        """The batch endpoint's own window.

        HubSpot's specification exempts it from the ten-second window and leaves open what holds instead.
        We allow it as much again as other requests: ten times what a record stream needs.
        """
        self._associations.limit = self.requests.limit
        self._associations.seconds = self.requests.seconds
        return self._associations


class RateLimiters(rate_limiters.RateLimitersByAccount[AccountRateLimiters]):
    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, lambda: AccountRateLimiters(clock))
