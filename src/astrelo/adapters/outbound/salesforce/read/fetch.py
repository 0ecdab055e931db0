"""Fetch records by id, and distinguish those in the recycle bin, merged away, or not there at all.

A row that was merged away is deleted, and names its master; the master may have been merged away in turn. Fifteen
days after its deletion, or as soon as a user empties the bin, a row is gone for good, and with it the record of
what became of it. A row that sharing rules hide from the user looks the same, but may come back; only the log of
deletions distinguishes the two, and it goes back fifteen days as well.

An account that has become a person's exists, and is no company any more: it is removed, without any doubt.
"""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from astrelo.adapters.outbound.crm.pagination import split_batches
from astrelo.adapters.outbound.salesforce.api import record_ids, soql, wire
from astrelo.adapters.outbound.salesforce.api.client import MAX_IDS_PER_QUERY
from astrelo.adapters.outbound.salesforce.read import pagination
from astrelo.adapters.outbound.salesforce.read.deletions import Deletions
from astrelo.domain.identifiers import ObjectType, RecordId
from astrelo.domain.records import RejectedRecord

R = TypeVar("R", bound=wire.Row)


@dataclass(slots=True)
class FetchResult(Generic[R]):
    """What became of each requested id. Ids are returned in the form in which they were requested."""

    rows: list[R] = field(default_factory=list)
    """Each once: the requested ones, and those that others of them were merged into."""
    rejected: list[RejectedRecord] = field(default_factory=list)
    removed: list[RecordId] = field(default_factory=list)
    erased: list[RecordId] = field(default_factory=list)
    reclassified: list[RecordId] = field(default_factory=list)
    """Those of the removed that are a person's account now, or were merged into one."""
    merged: dict[RecordId, RecordId] = field(default_factory=dict)


async def fetch_records(
    context: pagination.QueryContext[wire.RecordRow], ids: Sequence[RecordId], deletions: Deletions
) -> FetchResult[wire.RecordRow]:
    """Find out what became of each id. An id that Salesforce cannot have is not queried, and counts as removed.

    A contact that was deleted and has left the recycle bin counts as erased: its erasure may have been demanded. One
    of which nothing is known is removed.
    """
    full_ids = {id_: record_ids.full_id(id_) for id_ in dict.fromkeys(ids)}
    history = await _read_history(context, list(filter(None, dict.fromkeys(full_ids.values()))))
    found: FetchResult[wire.RecordRow] = FetchResult(rejected=history.rejected)
    live: dict[str, wire.RecordRow] = {}
    missing: dict[RecordId, str] = {}
    for id_, full in full_ids.items():
        if full is None:
            found.removed.append(id_)
            continue
        survivor, row = history.follow_merges(full)
        if row is None:
            if history.certainly_lacks(survivor):
                missing[id_] = survivor
        elif row.is_deleted or row.is_person:
            found.removed.append(id_)
            if not row.is_deleted:
                found.reclassified.append(id_)
        else:
            live[survivor] = row
            if survivor != full:
                found.merged[id_] = row.id
    found.rows += live.values()
    if missing and context.kind.object_type is ObjectType.CONTACTS:
        deleted_ids = await deletions.deleted_ids(context.session, context.kind)
    else:
        deleted_ids = frozenset()
    for id_, survivor in missing.items():
        (found.erased if survivor in deleted_ids else found.removed).append(id_)
    return found


@dataclass(slots=True)
class _MergeHistory(Generic[R]):
    """Rows by id, with those that they were merged into."""

    rows: dict[str, R] = field(default_factory=dict)
    rejected: list[RejectedRecord] = field(default_factory=list)

    def follow_merges(self, id_: str) -> tuple[str, R | None]:
        """Follow a row to the last one that it was merged into, as far as these rows go."""
        passed: set[str] = set()
        row = self.rows.get(id_)
        while row is not None and row.is_deleted and (master := _master_of(row)) and master not in passed:
            passed.add(master)
            id_, row = master, self.rows.get(master)
        return id_, row

    def certainly_lacks(self, id_: str) -> bool:
        """Return whether the id cannot be one of the rows that were received but could not be read."""
        return not any(rejected.record_id in {id_, None} for rejected in self.rejected)


async def _read_history(context: pagination.QueryContext[R], ids: Sequence[str]) -> _MergeHistory[R]:
    """Read the rows of these ids, and of those that they were merged into."""
    history: _MergeHistory[R] = _MergeHistory()
    requested: set[str] = set()
    wanted = list(ids)
    while wanted:
        requested.update(wanted)
        masters: dict[str, None] = {}
        for batch_ids in split_batches(wanted, MAX_IDS_PER_QUERY):
            pages = pagination.paginate_rows(context, [soql.Condition("Id", "IN", batch_ids)], deleted=True)
            async with aclosing(pages):
                async for page in pages:
                    history.rows.update({row.id: row for row in page.rows})
                    history.rejected += page.rejected
                    masters.update({m: None for row in page.rows if (m := _master_of(row))})
        wanted = [master for master in masters if master not in requested]
    return history


def _master_of(row: wire.Row) -> str | None:
    return None if row.master_id is None else record_ids.full_id(row.master_id)
