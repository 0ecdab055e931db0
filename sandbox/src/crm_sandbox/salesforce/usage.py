"""How many requests an org has used of those it has in 24 hours."""

from crm_sandbox.clock import SandboxClock
from crm_sandbox.rate_limits import SlidingWindowLimiter
from crm_sandbox.salesforce.errors import usual
from crm_sandbox.salesforce.switches import DAY_SECONDS, Flags


class Usage:
    """The window rolls; `daily_used` stands for what the org's other apps have used of it."""

    def __init__(self, flags: Flags, clock: SandboxClock) -> None:
        self._flags = flags
        self._clock = clock
        self._window = SlidingWindowLimiter(flags.daily_limit, DAY_SECONDS)

    def admit(self) -> None:
        """Count one request; 403 REQUEST_LIMIT_EXCEEDED when none is left."""
        self._window.limit = max(self._flags.daily_limit - self._flags.daily_used, 0)
        if not self._window.admit(self._clock.now()):
            raise usual(403)

    @property
    def limit(self) -> int:
        return self._flags.daily_limit

    @property
    def remaining(self) -> int:
        self._window.limit = max(self.limit - self._flags.daily_used, 0)
        return self._window.remaining(self._clock.now())

    def header(self) -> tuple[str, str]:
        return "sforce-limit-info", f"api-usage={self.limit - self.remaining}/{self.limit}"
