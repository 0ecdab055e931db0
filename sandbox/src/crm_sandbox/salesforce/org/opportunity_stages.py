"""The stages of an opportunity that a new org has, and the fields that a stage decides."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OpportunityStage:
    name: str
    probability: int
    forecast: str = "Pipeline"
    """The label of its forecast category."""

    @property
    def is_closed(self) -> bool:
        return self.forecast in {"Closed", "Omitted"}

    @property
    def is_won(self) -> bool:
        return self.forecast == "Closed"

    @property
    def forecast_category(self) -> str:
        """Return the value behind the label `forecast`."""
        return {"Best Case": "BestCase", "Commit": "Forecast"}.get(self.forecast, self.forecast)


STANDARD_STAGES = (
    OpportunityStage("Prospecting", 10),
    OpportunityStage("Qualification", 10),
    OpportunityStage("Needs Analysis", 20),
    OpportunityStage("Value Proposition", 50),
    OpportunityStage("Id. Decision Makers", 60),
    OpportunityStage("Perception Analysis", 70),
    OpportunityStage("Proposal/Price Quote", 75),
    OpportunityStage("Negotiation/Review", 90, "Commit"),
    OpportunityStage("Closed Won", 100, "Closed"),
    OpportunityStage("Closed Lost", 0, "Omitted"),
)


class OpportunityStages:
    """An org's stages by name."""

    def __init__(self) -> None:
        self._by_name = {stage.name: stage for stage in STANDARD_STAGES}

    def __iter__(self) -> Iterator[OpportunityStage]:
        return iter(self._by_name.values())

    def get_or_add(self, name: str) -> OpportunityStage:
        """Return a stage; an unknown one is added as open with a probability of 50 %."""
        return self._by_name.setdefault(name, OpportunityStage(name, 50))
