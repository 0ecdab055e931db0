"""How long a run may keep a worker."""

from collections.abc import Callable

from astrelo.domain.ports.system import Clock
from astrelo.domain.schedule import SyncPolicy

StopSignal = Callable[[], bool]
"""Says whether the worker is asked to stop: looked at between batches."""


def never() -> bool:
    return False


class TimeSlice:
    """One turn of a run on a worker. The rest is another slice's, of any worker.

    Whatever goes on from a cursor does one piece of work before it asks `is_over`: should a single page take the
    CRM longer than a slice, the next slice would only ask for the same page.
    """

    def __init__(self, clock: Clock, policy: SyncPolicy, should_stop: StopSignal) -> None:
        self._clock = clock
        self._end = clock.monotonic() + policy.slice_length.total_seconds()
        self._should_stop = should_stop

    def is_over(self) -> bool:
        return self._should_stop() or self._clock.monotonic() >= self._end

    def must_end(self) -> bool:
        """Tell whether to stop at once, done or not: the worker is going down."""
        return self._should_stop()
