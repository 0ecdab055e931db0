"""Changes of a CRM's records, and what applies them to the store."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, Self, cast

from astrelo.application.sync.progress_gate import ProgressGate
from astrelo.domain.change_classification import keep_latest
from astrelo.domain.identifiers import ObjectType, RecordId
from astrelo.domain.ports.crm import CrmProvider, CrmSession
from astrelo.domain.ports.records import CompanyRepository, ContactRepository, DealRepository
from astrelo.domain.ports.state import Transaction
from astrelo.domain.records import CrmRecord, RecordPage, RecordT
from astrelo.domain.sync import Counts, SyncRun
from astrelo.domain.unreadable import find_unreadable_values


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The CRM account that a run reads from."""

    run: SyncRun
    crm: CrmProvider
    session: CrmSession
    owner_ids: frozenset[RecordId] | None
    """The CRM's owners; None when they could not be read."""
    progress_gate: ProgressGate = field(default_factory=ProgressGate)
    """Shared by the concurrent streams of a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSet(Generic[RecordT]):
    """Changes of one object type at the CRM: records, each once, and the ids of removed and merged ones."""

    records: Collection[RecordT]
    removed_ids: Collection[RecordId] = ()
    erased_ids: Collection[RecordId] = ()
    merged: Mapping[RecordId, RecordId] = field(default_factory=dict)
    """Merged id → surviving id. The survivors are among the records."""
    authoritative: bool = True
    """Whether its records are known to be live; not so in a search, whose index lags."""
    listed_since: datetime | None = None
    """When the listing of the records began; None when they were just read by id."""

    @classmethod
    def from_page(cls, page: RecordPage) -> Self:
        """Return the changes of records that were read by id."""
        return cls(
            records=list(keep_latest(cast("Sequence[RecordT]", page.records)).values()),
            removed_ids=page.removed_ids,
            erased_ids=page.erased_ids,
            merged=page.merged,
        )

    @property
    def has_departures(self) -> bool:
        return bool(self.removed_ids or self.erased_ids or self.merged)

    @property
    def ids(self) -> Collection[RecordId]:
        ids: list[RecordId] = [record.record_id for record in self.records]
        return [*ids, *self.removed_ids, *self.erased_ids, *self.merged] if self.has_departures else ids


class ChangeHandler(Protocol[RecordT]):
    """What an object type does with its changes."""

    object_type: ObjectType

    async def apply_changes(self, tx: Transaction, source: Source, changes: ChangeSet[RecordT]) -> Counts:
        """Apply them in this transaction, and count the outcomes."""


class ChangeHandlers:
    """The handler of each object type."""

    def __init__(self, *handlers: ChangeHandler[Any]) -> None:
        self._by_type = {handler.object_type: handler for handler in handlers}

    def get(self, object_type: ObjectType) -> ChangeHandler[Any]:
        return self._by_type[object_type]


def get_repository(
    tx: Transaction, object_type: ObjectType
) -> CompanyRepository | ContactRepository | DealRepository:
    match object_type:
        case ObjectType.COMPANIES:
            return tx.companies
        case ObjectType.CONTACTS:
            return tx.contacts
        case ObjectType.DEALS:
            return tx.deals


async def note_unreadable(
    tx: Transaction, source: Source, object_type: ObjectType, records: Collection[CrmRecord]
) -> Counts:
    """Store for the run's report which values could not be kept as they are, and count them by field."""
    found = find_unreadable_values(list(records), source.owner_ids)
    if found:
        await tx.runs.note_unreadable(source.run.id, object_type, found)
    fields: Counter[str] = Counter()
    for (field_name, _), ids in found.items():
        fields[field_name] += len(ids)
    return Counts(unreadable=fields)
