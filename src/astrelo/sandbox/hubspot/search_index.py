"""The moods of HubSpot's search index: late, unordered, short of a page, and now and then wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from astrelo.sandbox.fault_plan import IndexMoods
from astrelo.sandbox.hubspot.store import ObjectTable, Record

DRAWS = 20
"""How often the index looks for a record that does not belong before it leaks none."""


@dataclass(frozen=True, slots=True)
class IndexPage:
    records: Sequence[Record]
    following: int
    """The offset behind the last result that belongs."""


class SearchIndex:
    def __init__(self) -> None:
        self.set_moods(IndexMoods(), seed=0)

    def set_moods(self, moods: IndexMoods, seed: int) -> None:
        self.moods = moods
        self._chance = Random(f"index:{seed}")

    def lateness(self) -> float:
        """Draw how many seconds a change made now takes to be published."""
        return self._chance.uniform(*self.moods.late_seconds) if self._happens(self.moods.late) else 0.0

    def page(self, table: ObjectTable, found: Sequence[Record], offset: int, limit: int) -> IndexPage:
        if self._happens(self.moods.shuffle):
            found = self._chance.sample(found, k=len(found))
        told = list(found[offset : offset + limit])
        if self._happens(self.moods.short_pages):
            del told[self._chance.randint(1, max(len(told), 1)) :]
        stranger = self._stranger(table, found)
        if stranger is not None and len(told) == limit > 1:
            told.pop()
        following = offset + len(told)
        if stranger is not None and len(told) < limit:
            told.insert(self._chance.randint(0, len(told)), stranger)
        return IndexPage(told, following)

    def _stranger(self, table: ObjectTable, found: Sequence[Record]) -> Record | None:
        if not self._happens(self.moods.leak):
            return None
        belonging = {record.id for record in found}
        drawn = (table.some(self._chance) for _ in range(DRAWS))
        return next((one for one in drawn if one is not None and one.id not in belonging), None)

    def _happens(self, share: float) -> bool:
        return share > 0 and self._chance.random() < share
