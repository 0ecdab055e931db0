"""How much of an org we take: so many requests at a time, and a share of its day."""

import asyncio
from datetime import timedelta

from astrelo.adapters.outbound.crm.rate_limiter import RateLimiter
from astrelo.adapters.outbound.crm.rate_limiters import RateLimitersByAccount
from astrelo.domain.errors import RateLimited
from astrelo.domain.identifiers import Provider
from astrelo.domain.ports.system import Clock

REQUESTS_AT_A_TIME = 10
"""An org takes 25 requests that last over 20 s, of all its applications together; a query may last so long."""

_FORGOTTEN_AFTER_SECONDS = 3600.0
_SHARE_USED_UP = "the share of the org's daily API requests that a sync may use is used up"
_MIN_PAUSE = timedelta(seconds=1)


class OrgBudget(RateLimiter):
    """Stops before the org's daily requests are used up, so that its other applications go on working.

    Salesforce counts every application's requests of the last 24 hours together and tells the sum with each
    answer. Once it has reached our share nothing is sent for an hour; then some of the requests that were
    counted are a day old, and the next answer tells anew.
    """

    def __init__(self, clock: Clock, daily_share: float) -> None:
        self._clock = clock
        self._daily_share = daily_share
        self._places = asyncio.Semaphore(REQUESTS_AT_A_TIME)
        self._paused_until = 0.0
        self._spent_until = 0.0

    async def acquire(self) -> None:
        """Raise RateLimited while the share is spent: waiting it out would hold a worker for an hour."""
        self._require_share()
        await self._places.acquire()
        try:
            while (pause := self._paused_until - self._clock.monotonic()) > 0:
                await self._clock.sleep(pause)
            self._require_share()
        except BaseException:
            self._places.release()
            raise

    def release(self) -> None:
        self._places.release()

    def pause(self, seconds: float) -> None:
        self._paused_until = max(self._paused_until, self._clock.monotonic() + seconds)

    def learn(self, used: int, limit: int) -> None:
        """Take over what an answer tells. A lower figure within the hour was counted before the higher one."""
        if limit > 0 and used >= self._daily_share * limit:
            self._spent_until = self._clock.monotonic() + _FORGOTTEN_AFTER_SECONDS

    def _require_share(self) -> None:
        left = self._spent_until - self._clock.monotonic()
        if left > 0:
            pause = max(timedelta(seconds=left), _MIN_PAUSE)
            raise RateLimited(Provider.SALESFORCE, pause, "DAILY_SHARE", _SHARE_USED_UP)


class RateLimiters(RateLimitersByAccount[OrgBudget]):
    """Orgs' budgets, shared by everything in this process that reads them."""

    def __init__(self, clock: Clock, daily_share: float) -> None:
        super().__init__(clock, lambda: OrgBudget(clock, daily_share))
