"""The moods of what a CRM reads from: late, and whatever else happens with a share."""

from random import Random

from crm_sandbox.faults.plan import IndexMoods


class Moody:
    """Draws from a seed what happens now; without moods nothing does."""

    def __init__(self) -> None:
        self.set_moods(IndexMoods(), seed=0)

    def set_moods(self, moods: IndexMoods, seed: int) -> None:
        self.moods = moods
        self.chance = Random(f"index:{seed}")

    def lateness(self) -> float:
        """Draw how many seconds a change made now takes to be published."""
        return self.chance.uniform(*self.moods.late_seconds) if self.happens(self.moods.late) else 0.0

    def happens(self, share: float) -> bool:
        return share > 0 and self.chance.random() < share

    def shortened(self, count: int) -> int:
        """Draw how many of a page's results are left when it is a short one; at least one."""
        return self.chance.randint(1, max(count, 1)) if self.happens(self.moods.short_pages) else count
