"""Rate limiter for an org: so many requests at a time, and a share of its daily requests."""

import asyncio
from datetime import timedelta

from astrelo.adapters.outbound.crm import rate_limiters
from astrelo.domain import errors
from astrelo.domain.identifiers import Provider
from astrelo.domain.ports.system import Clock

MAX_CONCURRENT_REQUESTS = 10
"""An org allows 25 requests that last over 20 s, for all its applications together; a query may last so long."""

_FORGOTTEN_AFTER_SECONDS = 3600.0
_SHARE_USED_UP = "the share of the org's daily API requests that a sync may use is used up"
_MIN_PAUSE = timedelta(seconds=1)


class OrgRateLimiter(rate_limiters.RateLimiter):
    """Stops before the org's daily requests are used up, so that its other applications go on working.

    Salesforce counts every application's requests of the last 24 hours together and sends the sum with each
    response. Once it has reached our share nothing is sent for an hour; then some of the requests that were
    counted are a day old, and the next response has a new sum.
    """

    def __init__(self, clock: Clock, daily_share: float) -> None:
        self._clock = clock
        self._daily_share = daily_share
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)
        self._paused_until = 0.0
        self._spent_until = 0.0

    async def acquire(self) -> None:
        """Raise RateLimited while the share is spent: waiting would hold a worker for an hour."""
        self._require_share()
        await self._slots.acquire()
        try:
            while (pause := self._paused_until - self._clock.monotonic()) > 0:
                await self._clock.sleep(pause)
            self._require_share()
        except BaseException:
            self._slots.release()
            raise

    def release(self) -> None:
        self._slots.release()

    def pause(self, seconds: float) -> None:
        self._paused_until = max(self._paused_until, self._clock.monotonic() + seconds)

    def learn(self, used: int, limit: int) -> None:
        """Adopt a response's sum. A lower sum within the hour was counted before the higher one."""
        if limit > 0 and used >= self._daily_share * limit:
            self._spent_until = self._clock.monotonic() + _FORGOTTEN_AFTER_SECONDS

    def _require_share(self) -> None:
        left = self._spent_until - self._clock.monotonic()
        if left > 0:
            pause = max(timedelta(seconds=left), _MIN_PAUSE)
            raise errors.RateLimited(Provider.SALESFORCE, pause, "DAILY_SHARE", _SHARE_USED_UP)


class RateLimiters(rate_limiters.RateLimitersByAccount[OrgRateLimiter]):
    """One limiter for each org, shared by everything in this process that reads it."""

    def __init__(self, clock: Clock, daily_share: float) -> None:
        super().__init__(clock, lambda: OrgRateLimiter(clock, daily_share))
