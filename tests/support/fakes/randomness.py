"""Randomness that repeats."""

from itertools import count
from uuid import UUID

from astrelo.domain.ports.system import Randomness


class FakeRandomness(Randomness):
    """Counts instead of guessing; `jitter` is always the same number."""

    def __init__(self, jitter: float = 0.5) -> None:
        self._jitter = jitter
        self._numbers = count(1)

    def token(self) -> str:
        return f"token-{next(self._numbers):037d}"

    def uuid(self) -> UUID:
        return UUID(int=next(self._numbers))

    def jitter(self) -> float:
        return self._jitter
