"""Which HTTP statuses are transient, and how long to pause for an error that does not say when it ends.

The rule is for reads, which may be sent again whatever became of the first request. It must not be applied to token
calls: one that timed out may have been carried out, and a second one can cost the customer the whole grant (ADR 2, 7).
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from astrelo.domain.identifiers import CrmAccountId
from astrelo.domain.ports.system import Clock

_TRANSIENT = frozenset(
    {
        408,  # Request Timeout: RFC 9110 lets any request be repeated
        420,  # Enhance Your Calm, or an edge that has lost its way
        421,  # Misdirected Request: another connection leads to the right server
        423,  # Locked, for a moment
        425,  # Too Early
        429,  # Too Many Requests
        444,  # nginx: the connection was closed without a response
        449,  # IIS: retry
        460,  # AWS: the client is said to have hung up
        499,  # nginx: the same
        *range(500, 600),  # with those that Cloudflare (520 to 530), AWS (561) and proxies (598, 599) made up
    }
)
"""Not among them: what a retry cannot change, such as 400, 404, 410, 414, 415, 431 and 495 to 498 (nginx)."""


def is_transient(status: int) -> bool:
    """Return whether a read that got this status may succeed a little later."""
    return status in _TRANSIENT


class _Announced(NamedTuple):
    pause: timedelta
    until: datetime


class GrowingPauses:
    """Pauses for an account whose error may last seconds or a day: short at first, twice as long each time.

    During a pause the same length is returned again, since several reads meet the same error side by side. After a
    time without errors, twice as long as the last pause, the next pause is the first one again. Held in memory by one
    process: where several processes read an account in turns, pauses grow more slowly.
    """

    def __init__(self, clock: Clock, first: timedelta, longest: timedelta) -> None:
        self._clock = clock
        self._first = first
        self._longest = longest
        self._announced: dict[CrmAccountId, _Announced] = {}

    def next_pause(self, account_id: CrmAccountId) -> timedelta:
        now = self._clock.now()
        self._announced = {
            account: last for account, last in self._announced.items() if now <= last.until + 2 * last.pause
        }
        last = self._announced.get(account_id)
        if last is not None and now < last.until:
            return last.pause
        pause = self._first if last is None else min(2 * last.pause, self._longest)
        self._announced[account_id] = _Announced(pause, now + pause)
        return pause
