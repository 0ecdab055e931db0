"""Failures of what a CRM reads from, such as a search index: drawn by the shares of a profile."""

from random import Random

from crm_sandbox.faults.plan import FailureProfile


class FailureSampler:
    """Draws from a seed what fails now; without a profile nothing does."""

    def __init__(self) -> None:
        self.set_profile(FailureProfile(), seed=0)

    def set_profile(self, profile: FailureProfile, seed: int) -> None:
        self.profile = profile
        self.rng = Random(f"index:{seed}")

    def draw_delay(self) -> float:
        """Draw how many seconds a change made now takes to be published."""
        return self.rng.uniform(*self.profile.late_seconds) if self.occurs(self.profile.late) else 0.0

    def occurs(self, share: float) -> bool:
        return share > 0 and self.rng.random() < share

    def shorten(self, count: int) -> int:
        """Draw how many of a page's results are left when it is a short one; at least one."""
        return self.rng.randint(1, max(count, 1)) if self.occurs(self.profile.short_pages) else count
