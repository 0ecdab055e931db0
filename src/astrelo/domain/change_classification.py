"""Which told records are news: the comparison of a batch with what is stored."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple
from uuid import UUID

from astrelo.domain.identifiers import RecordId
from astrelo.domain.records import READING_VERSION_SIZE, ReadingVersion, RecordT, content_hash
from astrelo.domain.sync import Counts


class KnownRecord(NamedTuple):
    """What is stored of a record, as far as a batch needs it."""

    entity_id: UUID
    """Ours: of the contact or the deal; of a company record, the company it belongs to."""
    content_hash: bytes
    source_updated_at: datetime
    archived_at: datetime | None
    identity_domain: str | None = None
    """Company records only, as is the next."""
    has_additional_domains: bool = False


class Write(NamedTuple, Generic[RecordT]):
    """A record that must be written, with its hash and what was stored before (None: it is new)."""

    record: RecordT
    content_hash: bytes
    known: KnownRecord | None

    @property
    def has_equal_content(self) -> bool:
        known = self.known
        return known is not None and known.archived_at is None and known.content_hash == self.content_hash

    @property
    def is_touch(self) -> bool:
        """Written, and counted as unchanged: a newer time with equal content, or equal content read by other rules.

        The hash of an older reading version does not tell whether the content is equal; an equal time does.
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
"""Ids that the store wrote → whether it inserted them. An id it left out had a newer copy by then."""


@dataclass(frozen=True, slots=True)
class ClassifiedChanges(Generic[RecordT]):
    """A batch, sorted: what must be written, and how many records need not be."""

    writes: list[Write[RecordT]]
    unchanged: int
    stale: int


def keep_latest(records: Iterable[RecordT]) -> dict[RecordId, RecordT]:
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


def classify_changes(
    records: Iterable[RecordT],
    known: Mapping[RecordId, KnownRecord],
    version: ReadingVersion,
    *,
    authoritative: bool = True,
    listed_since: datetime | None = None,
) -> ClassifiedChanges[RecordT]:
    """Sort records, at most one per id, into what must be written and what need not.

    A list, or a read by id, is authoritative: a record in it lives. A search is not, since its index may
    still hold a record that is archived by now: there only a change after the archiving revives one.
    So it is with what was archived since a walk began, `listed_since`: its page may have been read before.
    `version` is the one by which these records were read: what is stored under another is written anew.
    """
    writes: list[Write[RecordT]] = []
    unchanged = stale = 0
    for record in records:
        stored = known.get(record.record_id)
        if stored is not None and _is_stale(
            record.source_updated_at, stored, authoritative=authoritative, listed_since=listed_since
        ):
            stale += 1
            continue
        write = Write(record, content_hash(record, version), stored)
        if (
            stored is not None
            and record.source_updated_at == stored.source_updated_at
            and write.has_equal_content
        ):
            unchanged += 1
            continue
        writes.append(write)
    return ClassifiedChanges(writes, unchanged, stale)


def _is_stale(
    told_at: datetime, stored: KnownRecord, *, authoritative: bool, listed_since: datetime | None
) -> bool:
    if told_at < stored.source_updated_at:
        return True
    if stored.archived_at is None or told_at > stored.archived_at:
        return False
    return not authoritative or (listed_since is not None and stored.archived_at > listed_since)


def count_outcomes(sorted_batch: ClassifiedChanges[RecordT], written: UpsertResult) -> Counts:
    """Count what became of a batch, by what the store says it did."""
    inserted = sum(written.values())
    touches = sum(
        1 for write in sorted_batch.writes if write.is_touch and written.get(write.record.record_id) is False
    )
    return Counts(
        inserted=inserted,
        updated=len(written) - inserted - touches,
        unchanged=sorted_batch.unchanged + touches,
        stale=sorted_batch.stale + len(sorted_batch.writes) - len(written),
    )
