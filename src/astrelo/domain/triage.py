"""Which told records are news: the comparison of a batch with what is stored."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple
from uuid import UUID

from astrelo.domain.identifiers import RecordId
from astrelo.domain.records import RecordT, content_hash


class KnownRecord(NamedTuple):
    """What is stored of a record, as far as a batch needs it."""

    entity_id: UUID
    """Ours: of the contact or the deal; of a company record, the company it belongs to."""
    content_hash: bytes
    source_updated_at: datetime
    archived: bool
    identity_domain: str | None = None
    """Company records only."""


class Write(NamedTuple, Generic[RecordT]):
    """A record that must be written, with its hash and what was stored before (None: it is new)."""

    record: RecordT
    content_hash: bytes
    known: KnownRecord | None


@dataclass(frozen=True, slots=True)
class Triage(Generic[RecordT]):
    """A batch, sorted. A bump (newer time, equal content) is written, and counted as unchanged."""

    writes: list[Write[RecordT]]
    inserted: int
    updated: int
    unchanged: int
    stale: int


def latest_of_each(records: Iterable[RecordT]) -> dict[RecordId, RecordT]:
    """Keep one record per id: the latest by source_updated_at, the last told among equals.

    One statement may not write a row twice (SQLSTATE 21000), and which copy wins must not depend on
    how a walk was cut into batches.
    """
    latest: dict[RecordId, RecordT] = {}
    for record in records:
        other = latest.get(record.record_id)
        if other is None or record.source_updated_at >= other.source_updated_at:
            latest[record.record_id] = record
    return latest


def triage(records: Iterable[RecordT], known: Mapping[RecordId, KnownRecord]) -> Triage[RecordT]:
    """Sort records, at most one per id, into what must be written and what need not."""
    writes: list[Write[RecordT]] = []
    inserted = updated = unchanged = stale = 0
    for record in records:
        stored = known.get(record.record_id)
        fingerprint = content_hash(record)
        if stored is None:
            inserted += 1
        elif record.source_updated_at < stored.source_updated_at:
            stale += 1
            continue
        elif stored.archived or fingerprint != stored.content_hash:
            updated += 1
        else:
            unchanged += 1
            if record.source_updated_at == stored.source_updated_at:
                continue
        writes.append(Write(record, fingerprint, stored))
    return Triage(writes, inserted, updated, unchanged, stale)
