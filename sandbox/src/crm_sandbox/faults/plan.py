"""A plan of faults: rules with probabilities, drawn from one seed, and the failure profile of the search index."""

from pathlib import Path
from random import Random

import msgspec

from crm_sandbox.faults.fault import Fault, FaultEffect
from crm_sandbox.http.requests import Request


class FaultPlanError(ValueError):
    """A fault plan's file cannot be used; the message names it and what is wrong with it."""


class Rule(FaultEffect, kw_only=True, forbid_unknown_fields=True):
    """A fault that matching requests get with `probability`, `most` times at the most."""

    probability: float
    most: int | None = None
    jitter_ms: float = 0.0
    """Up to this much, drawn, is added to `delay_ms`."""

    def fault(self, jitter: float) -> Fault:
        """Return the fault for one request; `jitter` is between 0 and 1."""
        given = {name: getattr(self, name) for name in FaultEffect.__struct_fields__}
        return Fault(**given | {"delay_ms": self.delay_ms + jitter * self.jitter_ms})


class FailureProfile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """How often an index for search fails, where the CRM has one: shares between 0 and 1.

    late        of the changes: published only after a time drawn between the two `late_seconds`
    shuffle     of the pages: cut from an order drawn anew, so that pages overlap and miss
    short_pages of the pages: fewer results than asked for, and a cursor behind them
    leak        of the pages: with a record that the filters exclude
    """

    late: float = 0.0
    late_seconds: tuple[float, float] = (1.0, 30.0)
    shuffle: float = 0.0
    short_pages: float = 0.0
    leak: float = 0.0


class FaultPlan(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A document of rules, tried in their order, and of the index's failures."""

    seed: int = 0
    rules: list[Rule] = []
    index: FailureProfile = FailureProfile()

    @classmethod
    def load(cls, path: Path) -> "FaultPlan":
        """Read a JSON file; raise FaultPlanError when it is unusable."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError) as error:
            raise FaultPlanError(f"{path}: the fault plan cannot be used: {error}.") from error


class PlannedFaults:
    """A plan at work. `hits` counts, rule by rule, the requests that got its fault."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self.hits = [0] * len(plan.rules)
        self._rng = Random(f"faults:{plan.seed}")

    def draw(self, request: Request) -> Fault | None:
        """Return the fault of the first rule that matches and strikes; None when the request is spared."""
        for number, rule in enumerate(self.plan.rules):
            spent = rule.most is not None and self.hits[number] >= rule.most
            if spent or not rule.matches(request) or self._rng.random() >= rule.probability:
                continue
            self.hits[number] += 1
            return rule.fault(self._rng.random())
        return None
