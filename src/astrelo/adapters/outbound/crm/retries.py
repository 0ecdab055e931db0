"""How often and how long a read from a CRM is tried again. OAuth calls are never retried."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff, half of each delay random, limited in attempts and in seconds."""

    max_attempts: int = 6
    initial_delay: float = 0.5
    max_delay: float = 16.0
    max_total_delay: float = 60.0
    """Seconds of waiting in all; for a longer pause the run is parked instead of holding a worker."""

    def backoff(self, failures: int, jitter: float) -> float:
        delay = min(self.initial_delay * 2.0 ** (failures - 1), self.max_delay)
        return delay * (0.5 + jitter / 2)


DEFAULT_RETRY = RetryPolicy()
NO_RETRY = RetryPolicy(max_attempts=1)
