"""Classifying the records of a batch as new, changed, unchanged or stale, by comparison with the stored ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple
from uuid import UUID

from astrelo.domain.identifiers import RecordId
from astrelo.domain.records import READING_VERSION_SIZE, ReadingVersion, RecordT, content_hash
from astrelo.domain.sync import Counts


class KnownRecord(NamedTuple):
    """The part of a stored record that classification needs."""

    entity_id: UUID
    """Our id of the contact or deal; for a company record, the company it belongs to."""
    content_hash: bytes
    source_updated_at: datetime
    archived_at: datetime | None
    identity_domain: str | None = None
    """Company records only, like `has_additional_domains`."""
    has_additional_domains: bool = False

    def outdates(self, updated_at: datetime, *, authoritative: bool, listed_since: datetime | None) -> bool:
        """Return whether a copy of the record with this modification time is not to be written."""
        if updated_at < self.source_updated_at:
            return True
        if self.archived_at is None or updated_at > self.archived_at:
            return False
        return not authoritative or (listed_since is not None and self.archived_at > listed_since)


class Write(NamedTuple, Generic[RecordT]):
    """A record that must be written, with its hash and what was stored before (None: it is new)."""

    record: RecordT
    content_hash: bytes
    known: KnownRecord | None

    @property
    def is_touch(self) -> bool:
        """Return whether the write counts as unchanged: only the modification time or the reading version differs.

        Hashes of different reading versions cannot be compared; an equal modification time means equal content.
        """
        known = self.known
        if known is None or known.archived_at is not None:
            return False
        return known.content_hash == self.content_hash or (
            known.source_updated_at == self.record.source_updated_at
            and known.content_hash != b""
            and known.content_hash[:READING_VERSION_SIZE] != self.content_hash[:READING_VERSION_SIZE]
        )


UpsertResult = Mapping[RecordId, bool]
"""Ids that the store wrote → whether it inserted them. An id that is missing had a newer stored copy."""


@dataclass(frozen=True, slots=True)
class ClassifiedChanges(Generic[RecordT]):
    """A batch, classified: the records to be written, and the numbers of the others."""

    writes: list[Write[RecordT]]
    unchanged: int
    stale: int


def keep_latest(records: Iterable[RecordT]) -> dict[RecordId, RecordT]:
    """Keep one record per id: the latest by source_updated_at, the last received among equals.

    One statement may not write a row twice (SQLSTATE 21000), and which copy wins must not depend on
    how a stream was cut into batches.
    """
    latest: dict[RecordId, RecordT] = {}
    for record in records:
        other = latest.get(record.record_id)
        if other is None or record.source_updated_at >= other.source_updated_at:
            latest[record.record_id] = record
    return latest


def classify_changes(
    records: Iterable[RecordT],
    known: Mapping[RecordId, KnownRecord],
    version: ReadingVersion,
    *,
    authoritative: bool = True,
    listed_since: datetime | None = None,
) -> ClassifiedChanges[RecordT]:
    """Classify records, at most one per id, into those to be written and those that are not.

    A listing, or a read by id, is authoritative: its records are live. A search is not, since its index may
    still hold an archived record: only a change after the archiving revives that one. The same applies to
    records archived since a listing began, `listed_since`: their page may have been read before.
    `version` is the reading version of these records: records stored under another one are written again.
    """
    writes: list[Write[RecordT]] = []
    unchanged = stale = 0
    for record in records:
        stored = known.get(record.record_id)
        if stored is not None and stored.outdates(
            record.source_updated_at, authoritative=authoritative, listed_since=listed_since
        ):
            stale += 1
            continue
        write = Write(record, content_hash(record, version), stored)
        if (
            stored is not None
            and stored.archived_at is None
            and stored.source_updated_at == record.source_updated_at
            and stored.content_hash == write.content_hash
        ):
            unchanged += 1
        else:
            writes.append(write)
    return ClassifiedChanges(writes, unchanged, stale)


def count_outcomes(batch: ClassifiedChanges[RecordT], written: UpsertResult) -> Counts:
    """Count the outcomes of a batch, given what the store has written."""
    inserted = sum(written.values())
    touches = sum(
        1 for write in batch.writes if write.is_touch and written.get(write.record.record_id) is False
    )
    return Counts(
        inserted=inserted,
        updated=len(written) - inserted - touches,
        unchanged=batch.unchanged + touches,
        stale=batch.stale + len(batch.writes) - len(written),
    )
