"""What was done to a round, and what came of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from astrelo.domain.identifiers import Provider
from tests.chaos.plan import Deed


@dataclass(slots=True, kw_only=True)
class Outcome:
    deeds: Counter[Deed] = field(default_factory=Counter)
    mutations: Counter[Provider] = field(default_factory=Counter)
    faults: Counter[Provider] = field(default_factory=Counter)
    requests: Counter[Provider] = field(default_factory=Counter)
    """Those for records, in the storm."""
    reconnections: Counter[Provider] = field(default_factory=Counter)
    pages_twice: Counter[Provider] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    webhooks: int = 0
    consumed: int = 0
    """Changes that the consumer of the feed got."""
    seconds: float = 0.0
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        damage = (
            f"{_each(self.mutations)} mutations, {_each(self.faults)} faults in {_each(self.requests)} requests, "
            f"{self.webhooks} webhooks"
        )
        parts = [
            ", ".join(f"{self.deeds[deed]} {deed}" for deed in Deed if self.deeds[deed]),
            damage,
            f"connected again {_each(self.reconnections)} times",
            "runs: " + ", ".join(f"{count} {kind}" for kind, count in sorted(self.runs.items())),
            f"{_each(self.pages_twice)} pages more than once",
            f"{self.consumed} changes consumed",
            f"{len(self.differences)} differences",
            f"{self.seconds:.1f} s",
        ]
        return "; ".join(parts)


def _each(counts: Mapping[Provider, int]) -> str:
    """Give one number for each CRM of the round, in their order."""
    return " + ".join(str(counts[provider]) for provider in Provider if provider in counts) or "0"
