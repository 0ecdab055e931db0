"""The limit of API requests per org and 24 hours."""

from crm_sandbox.clock import SandboxClock
from crm_sandbox.rate_limits import SlidingWindowLimiter
from crm_sandbox.salesforce.errors import error_for_status
from crm_sandbox.salesforce.flags import DAY_SECONDS, Flags


class ApiUsage:
    """A rolling window of the org's requests; `daily_used` is the part that its other apps have used."""

    def __init__(self, flags: Flags, clock: SandboxClock) -> None:
        self._flags = flags
        self._clock = clock
        self._window = SlidingWindowLimiter(flags.daily_limit, DAY_SECONDS)

    def count_request(self) -> None:
        """Count one request; raise 403 REQUEST_LIMIT_EXCEEDED when none is left."""
        self._window.limit = max(self._flags.daily_limit - self._flags.daily_used, 0)
        if not self._window.admit(self._clock.now()):
            raise error_for_status(403)

    @property
    def limit(self) -> int:
        return self._flags.daily_limit

    @property
    def remaining(self) -> int:
        self._window.limit = max(self.limit - self._flags.daily_used, 0)
        return self._window.remaining(self._clock.now())

    def header(self) -> str:
        """Return the value of Sforce-Limit-Info."""
        return f"api-usage={self.limit - self.remaining}/{self.limit}"
