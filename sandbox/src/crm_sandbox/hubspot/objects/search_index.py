"""The moods of HubSpot's search index: late, unordered, short of a page, and now and then wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

from crm_sandbox.faults.failure_profiles import Moody
from crm_sandbox.hubspot.account.store import ObjectTable, Record

DRAWS = 20
"""How often the index looks for a record that does not belong before it leaks none."""


@dataclass(frozen=True, slots=True)
class IndexPage:
    records: Sequence[Record]
    following: int
    """The offset behind the last result that belongs."""


class SearchIndex(Moody):
    def page(self, table: ObjectTable, found: Sequence[Record], offset: int, limit: int) -> IndexPage:
        if self.happens(self.moods.shuffle):
            found = self.chance.sample(found, k=len(found))
        told = list(found[offset : offset + limit])
        del told[self.shortened(len(told)) :]
        stranger = self._stranger(table, found)
        if stranger is not None and len(told) == limit > 1:
            told.pop()
        following = offset + len(told)
        if stranger is not None and len(told) < limit:
            told.insert(self.chance.randint(0, len(told)), stranger)
        return IndexPage(told, following)

    def _stranger(self, table: ObjectTable, found: Sequence[Record]) -> Record | None:
        if not self.happens(self.moods.leak):
            return None
        belonging = {record.id for record in found}
        drawn = (table.some(self.chance) for _ in range(DRAWS))
        return next((one for one in drawn if one is not None and one.id not in belonging), None)
