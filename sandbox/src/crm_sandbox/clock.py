"""The sandbox's own time: a base clock that the admin API can move forward."""

import datetime as dt
import time
from collections.abc import Callable

LATEST = dt.datetime(9000, 1, 1, tzinfo=dt.UTC).timestamp()


class SandboxClock:
    """Seconds since the epoch, ahead of `base` by whatever was advanced."""

    def __init__(self, base: Callable[[], float] = time.time) -> None:
        self._base = base
        self._ahead = 0.0

    def now(self) -> float:
        return self._base() + self._ahead

    def advance(self, seconds: float) -> None:
        """Raise ValueError for a time that no calendar holds."""
        if not 0 <= self.now() + seconds <= LATEST:
            raise ValueError("The clock goes from 1970 to the year 9000.")
        self._ahead += seconds


def format_iso(seconds: float) -> str:
    """Write seconds since the epoch as HubSpot and dataset files do: UTC, milliseconds, a Z."""
    moment = dt.datetime.fromtimestamp(seconds, tz=dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_milliseconds(text: str) -> int:
    """Parse an ISO datetime or date, UTC when it names no zone; ValueError when it is neither."""
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return round(moment.timestamp() * 1000)
