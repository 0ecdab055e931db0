"""Reading records by id, and telling apart what lies in the recycle bin, was merged away, or is not there at all.

A row that was merged away is deleted, and names its master; the master may have been merged away in turn. Fifteen
days after its deletion, or as soon as somebody empties the bin, a row is gone for good, and with it the word of
what became of it. A row that sharing rules hide from the user looks the same, but may come back; only the log of
deletions tells the two apart, and it goes back fifteen days as well.

An account that has become a person's is there, and is no company any more: it is removed, without any doubt.
"""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from astrelo.adapters.outbound.salesforce.api.client import IDS_IN_A_QUERY
from astrelo.adapters.outbound.salesforce.api.record_ids import full_id
from astrelo.adapters.outbound.salesforce.api.soql import Condition
from astrelo.adapters.outbound.salesforce.api.wire import RecordRow, Row
from astrelo.adapters.outbound.salesforce.read.associations import parts
from astrelo.adapters.outbound.salesforce.read.deletions import Deletions
from astrelo.adapters.outbound.salesforce.read.pagination import QueryContext, paginate_rows
from astrelo.domain.identifiers import ObjectType, RecordId
from astrelo.domain.records import RejectedRecord

R = TypeVar("R", bound=Row)


@dataclass(slots=True)
class Fetched(Generic[R]):
    """What became of each id that was asked for. Ids are told back as they were asked for."""

    rows: list[R] = field(default_factory=list)
    """Each once: those asked for, and those that others of them were merged into."""
    rejected: list[RejectedRecord] = field(default_factory=list)
    removed: list[RecordId] = field(default_factory=list)
    erased: list[RecordId] = field(default_factory=list)
    reclassified: list[RecordId] = field(default_factory=list)
    """Those of the removed that are a person's account now, or went into one."""
    merged: dict[RecordId, RecordId] = field(default_factory=dict)


async def fetch_rows(
    reading: QueryContext[RecordRow], ids: Sequence[RecordId], deletions: Deletions
) -> Fetched[RecordRow]:
    """Find out what became of each id. What can be no id of Salesforce's is not asked for, and counts as removed.

    A contact that was deleted and lies in no recycle bin counts as erased: somebody may have demanded it. One of
    which nothing is known is removed.
    """
    asked = {id_: full_id(id_) for id_ in dict.fromkeys(ids)}
    told = await _told(reading, [full for full in dict.fromkeys(asked.values()) if full is not None])
    found: Fetched[RecordRow] = Fetched(rejected=told.rejected)
    live: dict[str, RecordRow] = {}
    missing: dict[RecordId, str] = {}
    for id_, full in asked.items():
        if full is None:
            found.removed.append(id_)
            continue
        end, row = told.end_of(full)
        if row is None:
            if told.is_sure_to_lack(end):
                missing[id_] = end
        elif row.is_deleted or row.is_person:
            found.removed.append(id_)
            if not row.is_deleted:
                found.reclassified.append(id_)
        else:
            live[end] = row
            if end != full:
                found.merged[id_] = row.id
    found.rows += live.values()
    is_erasable = reading.kind.object_type is ObjectType.CONTACTS
    deleted = await deletions.of(reading.session, reading.kind) if missing and is_erasable else frozenset()
    for id_, end in missing.items():
        (found.erased if end in deleted else found.removed).append(id_)
    return found


@dataclass(slots=True)
class _Told(Generic[R]):
    rows: dict[str, R] = field(default_factory=dict)
    rejected: list[RejectedRecord] = field(default_factory=list)

    def end_of(self, id_: str) -> tuple[str, R | None]:
        """Follow a row to the one that it was merged into at last, as far as there is word of it."""
        passed: set[str] = set()
        row = self.rows.get(id_)
        while row is not None and row.is_deleted and (master := _master_of(row)) and master not in passed:
            passed.add(master)
            id_, row = master, self.rows.get(master)
        return id_, row

    def is_sure_to_lack(self, id_: str) -> bool:
        """Tell whether it is none of the rows that came but could not be read."""
        return not any(one.record_id in {id_, None} for one in self.rejected)


async def _told(reading: QueryContext[R], ids: Sequence[str]) -> _Told[R]:
    """Read the rows of these ids, and of those that they were merged into."""
    told: _Told[R] = _Told()
    asked: set[str] = set()
    wanted = list(ids)
    while wanted:
        asked.update(wanted)
        masters: dict[str, None] = {}
        for part in parts(wanted, IDS_IN_A_QUERY):
            pages = paginate_rows(reading, [Condition("Id", "IN", part)], deleted=True)
            async with aclosing(pages):
                async for page in pages:
                    told.rows.update({row.id: row for row in page.rows})
                    told.rejected += page.rejected
                    masters.update({m: None for row in page.rows if (m := _master_of(row))})
        wanted = [master for master in masters if master not in asked]
    return told


def _master_of(row: Row) -> str | None:
    return None if row.master_id is None else full_id(row.master_id)
