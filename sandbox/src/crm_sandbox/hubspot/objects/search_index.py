"""HubSpot's search index, which fails as its profile says: late, unordered, short of a page, and now and then wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

from crm_sandbox.faults.failure_profiles import FailureSampler
from crm_sandbox.hubspot.account.store import ObjectTable, Record

DRAWS = 20
"""How often the index looks for a record that does not belong before it leaks none."""


@dataclass(frozen=True, slots=True)
class IndexPage:
    records: Sequence[Record]
    following: int
    """The offset behind the last result that belongs."""


class SearchIndex(FailureSampler):
    def page(self, table: ObjectTable, found: Sequence[Record], offset: int, limit: int) -> IndexPage:
        if self.occurs(self.profile.shuffle):
            found = self.rng.sample(found, k=len(found))
        records = list(found[offset : offset + limit])
        del records[self.shorten(len(records)) :]
        leaked = self._draw_leak(table, found)
        if leaked is not None and len(records) == limit > 1:
            records.pop()
        following = offset + len(records)
        if leaked is not None and len(records) < limit:
            records.insert(self.rng.randint(0, len(records)), leaked)
        return IndexPage(records, following)

    def _draw_leak(self, table: ObjectTable, found: Sequence[Record]) -> Record | None:
        if not self.occurs(self.profile.leak):
            return None
        belonging = {record.id for record in found}
        drawn = (table.pick(self.rng) for _ in range(DRAWS))
        return next((one for one in drawn if one is not None and one.id not in belonging), None)
