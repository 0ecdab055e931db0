"""What every script of mutations has: its seed, its steps, and what it says of each."""

from abc import abstractmethod
from dataclasses import dataclass
from random import Random
from typing import Generic, TypeVar

Account = TypeVar("Account")
Choice = TypeVar("Choice", bound=str)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """What a step did. `ids` are the records it touched; empty when none would do."""

    kind: str
    object: str
    ids: tuple[str, ...]


class Script(Generic[Account]):
    """Equal seeds on equal accounts give equal changes; times are the sandbox's clock's."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = Random(f"mutations:{seed}")

    def run(self, account: Account, steps: int) -> list[Mutation]:
        return [self.step(account) for _ in range(steps)]

    @abstractmethod
    def step(self, account: Account) -> Mutation:
        """Do one change; not for another thread than the one that serves the sandbox."""

    def _sample(self, properties: dict[str, Value]) -> dict[str, Value]:
        chosen = self._rng.sample(sorted(properties), k=self._rng.randint(1, len(properties)))
        return {name: properties[name] for name in chosen}

    def _choose(self, weights: dict[Choice, int]) -> Choice:
        return self._rng.choices(list(weights), weights=list(weights.values()))[0]
