"""How long a run may occupy a worker."""

from collections.abc import Callable

from astrelo.domain.ports.system import Clock
from astrelo.domain.schedule import SyncPolicy

StopSignal = Callable[[], bool]
"""Returns whether the worker must stop; called between batches."""


def never_stop() -> bool:
    return False


class TimeSlice:
    """The time for which a run occupies a worker; it continues in another slice, on any worker.

    Work that continues from a cursor does one batch before it checks `is_over`: otherwise a page that takes the CRM
    longer than a slice would be requested again in every slice.
    """

    def __init__(self, clock: Clock, policy: SyncPolicy, should_stop: StopSignal) -> None:
        self._clock = clock
        self._end = clock.monotonic() + policy.slice_length.total_seconds()
        self._should_stop = should_stop

    def is_over(self) -> bool:
        return self._should_stop() or self._clock.monotonic() >= self._end

    def must_end(self) -> bool:
        """Return whether to stop at once, because the worker is shutting down."""
        return self._should_stop()
