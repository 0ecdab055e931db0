"""The stages of an opportunity, as a new org has them, and what a stage means for an opportunity in it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    name: str
    probability: int
    forecast: str = "Pipeline"

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
    Stage("Prospecting", 10),
    Stage("Qualification", 10),
    Stage("Needs Analysis", 20),
    Stage("Value Proposition", 50),
    Stage("Id. Decision Makers", 60),
    Stage("Perception Analysis", 70),
    Stage("Proposal/Price Quote", 75),
    Stage("Negotiation/Review", 90, "Commit"),
    Stage("Closed Won", 100, "Closed"),
    Stage("Closed Lost", 0, "Omitted"),
)


class Stages:
    """An org's stages by name; one that is met for the first time is open, and halfway."""

    def __init__(self) -> None:
        self._by_name = {stage.name: stage for stage in STANDARD_STAGES}

    def named(self, name: str) -> Stage:
        return self._by_name.setdefault(name, Stage(name, 50))

    def all(self) -> list[Stage]:
        return list(self._by_name.values())
