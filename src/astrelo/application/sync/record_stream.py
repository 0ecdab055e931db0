"""Walking a CRM's records into the store: one loop for companies, contacts and deals.

Fetching runs ahead of writing by a bounded queue. Several pages make a batch, and a batch is one
transaction together with the cursor past it, so that a crash repeats at most a batch and loses none.
No transaction is open while the CRM is asked.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, cast

import structlog

from astrelo.application.sync.progress_gate import ProgressGate
from astrelo.application.sync.time_slice import StopSignal, TimeSlice
from astrelo.domain.change_classification import keep_latest
from astrelo.domain.errors import CrmRejected
from astrelo.domain.identifiers import Cursor, ObjectType, Provider, RecordId
from astrelo.domain.ports.crm import CrmProvider, CrmSession
from astrelo.domain.ports.records import CompanyRepository, ContactRepository, DealRepository
from astrelo.domain.ports.state import Transaction, UnitOfWork
from astrelo.domain.ports.system import Clock
from astrelo.domain.records import (
    CrmRecord,
    PendingRefetch,
    RecordPage,
    RecordT,
    RejectedRecord,
)
from astrelo.domain.sync import Counts, StepStatus, SyncRun, SyncStep
from astrelo.domain.unreadable import find_unreadable_values

BATCH_SIZE = 1_000
"""Records in a transaction, about: a batch is whole pages."""

MAX_PAGES = 20
"""Pages in a transaction at most: pages without records would otherwise never make a batch, and a walk
that commits nothing can neither be cancelled nor stopped."""

MAX_PREFETCHED_PAGES = 4
"""How many pages are fetched ahead of writing."""

LINGER_SECONDS = 0.5
"""How long a batch that is not full waits for the next page: bounds how late progress shows."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a run reads from."""

    run: SyncRun
    crm: CrmProvider
    session: CrmSession
    owner_ids: frozenset[RecordId] | None
    """The CRM's owners; None when they could not be read."""
    progress_gate: ProgressGate = field(default_factory=ProgressGate)
    """Shared by the walks that are made side by side."""


@dataclass(slots=True)
class Batch:
    """Pages that are written together."""

    records: list[CrmRecord] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)
    departed_ids: set[RecordId] = field(default_factory=set)
    """Ids that are said to be archived, erased or merged away, now or long ago."""
    withheld: set[str] = field(default_factory=set)
    are_live: bool = True
    pages: int = 0
    cursor: Cursor | None = None
    expected_total: int | None = None
    ends_walk: bool = False

    def add(self, page: RecordPage) -> None:
        self.pages += 1
        self.records.extend(page.records)
        self.rejected.extend(page.rejected)
        self.departed_ids.update(page.removed_ids, page.erased_ids, page.merged)
        self.withheld.update(page.withheld)
        self.are_live = self.are_live and page.are_live
        self.cursor = page.cursor
        self.expected_total = self.expected_total or page.expected_total
        self.ends_walk = page.cursor is None

    @property
    def is_full(self) -> bool:
        told = len(self.records) + len(self.rejected)
        return self.ends_walk or told >= BATCH_SIZE or self.pages >= MAX_PAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSet(Generic[RecordT]):
    """What the CRM told about one object type: records, each once, and what became of others."""

    records: Collection[RecordT]
    removed_ids: Collection[RecordId] = ()
    erased_ids: Collection[RecordId] = ()
    merged: Mapping[RecordId, RecordId] = field(default_factory=dict)
    """Its survivors are among the records."""
    authoritative: bool = True
    """Whether a record in it is sure to live: not so in a search whose index lags."""
    listed_since: datetime | None = None
    """When the walk began that listed the records; None when they were read by id just now."""

    @property
    def has_departures(self) -> bool:
        return bool(self.removed_ids or self.erased_ids or self.merged)

    @property
    def ids(self) -> Collection[RecordId]:
        told: list[RecordId] = [record.record_id for record in self.records]
        return [*told, *self.removed_ids, *self.erased_ids, *self.merged] if self.has_departures else told


ChangeHandler = Callable[[Transaction, Source, ChangeSet[RecordT]], Awaitable[Counts]]
"""What is done with changes, inside their transaction."""


class RecordStream:
    """The loop itself."""

    def __init__(self, uow: UnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def __call__(
        self,
        source: Source,
        step: SyncStep,
        apply_changes: ChangeHandler[RecordT],
        turn: TimeSlice,
    ) -> SyncStep:
        """Walk from the step's cursor to the provider's end of data, or until the slice is over.

        Returns the step as committed. Raises RunTakenOver when another worker owns the run, and what
        CrmProvider.read raises; pages fetched before an error are committed first.
        """
        pages = source.crm.read(source.session, step.object_type, window=step.window, cursor=step.cursor)
        should_stop = turn.must_end
        try:
            async with _fetched_ahead(pages, source.crm.provider) as queue:
                while not step.is_done and (batch := await _next_batch(queue, should_stop)) is not None:
                    step = await self._commit(source, step, batch, apply_changes)
                    should_stop = turn.is_over
        finally:
            source.progress_gate.release(step.object_type)
        return step

    async def _commit(
        self, source: Source, step: SyncStep, batch: Batch, apply_changes: ChangeHandler[RecordT]
    ) -> SyncStep:
        run_id = source.run.id
        step = replace(
            step,
            cursor=batch.cursor,
            expected_total=batch.expected_total or step.expected_total,
            status=StepStatus.COMPLETED if batch.ends_walk else StepStatus.RUNNING,
        )
        await source.progress_gate.wait_for_turn(step, len(batch.records) + len(batch.rejected))
        distinct = keep_latest(cast("list[RecordT]", batch.records))
        async with self._uow(source.run.user_id) as tx:
            await tx.runs.advance(run_id, step)
            again = await tx.runs.mark_seen(run_id, step.object_type, distinct.keys())
            if batch.rejected:
                await tx.runs.reject(run_id, step.object_type, batch.rejected)
            told = ChangeSet(
                records=[record for record_id, record in distinct.items() if record_id not in again],
                authoritative=step.window is None or batch.are_live,
                listed_since=source.run.started_at,
            )
            counts = await _store(tx, source, told, [distinct[id_] for id_ in again], apply_changes)
            counts += await note_unreadable(tx, source, step.object_type, told.records)
            if batch.departed_ids and step.window is not None:
                await self._note_departed(tx, source, step.object_type, batch.departed_ids)
            step = replace(step, counts=step.counts + counts + _received(batch, distinct, again))
            await tx.runs.advance(run_id, step)
        source.progress_gate.record_progress(step)
        log.info("sync.batch_stored", object_type=step.object_type, received=step.counts.received)
        return step

    async def _note_departed(
        self, tx: Transaction, source: Source, object_type: ObjectType, ids: Collection[RecordId]
    ) -> None:
        """Have records that still live with us read again, though the CRM says that they are gone.

        A whole walk looks for what it did not meet; this would otherwise wait for the next one.
        """
        known = await store_of(tx, object_type).find_known(source.run.provider, ids)
        living = [
            PendingRefetch(object_type, id_) for id_, stored in known.items() if stored.archived_at is None
        ]
        if living:
            await tx.pending_refetches.add(source.run.connection_id, living, self._clock.now())


def store_of(
    tx: Transaction, object_type: ObjectType
) -> CompanyRepository | ContactRepository | DealRepository:
    match object_type:
        case ObjectType.COMPANIES:
            return tx.companies
        case ObjectType.CONTACTS:
            return tx.contacts
        case ObjectType.DEALS:
            return tx.deals


async def _store(
    tx: Transaction,
    source: Source,
    told: ChangeSet[RecordT],
    again: Collection[RecordT],
    apply_changes: ChangeHandler[RecordT],
) -> Counts:
    """Apply a batch; records received before in this walk are applied too, but already counted."""
    counts = await apply_changes(tx, source, told)
    if again:
        await apply_changes(tx, source, replace(told, records=again))
    return counts


async def note_unreadable(
    tx: Transaction, source: Source, object_type: ObjectType, records: Collection[CrmRecord]
) -> Counts:
    """Keep for the run's report which values of the records could not be kept as they are, and count them."""
    found = find_unreadable_values(list(records), source.owner_ids)
    if found:
        await tx.runs.note_unreadable(source.run.id, object_type, found)
    fields: Counter[str] = Counter()
    for (field_name, _), ids in found.items():
        fields[field_name] += len(ids)
    return Counts(unreadable=fields)


def _received(batch: Batch, distinct: Collection[RecordId], again: Collection[RecordId]) -> Counts:
    return Counts(
        received=len(batch.records) + len(batch.rejected),
        repeats=len(batch.records) - len(distinct) + len(again),
        rejected=Counter(entry.reason.value for entry in batch.rejected),
        hidden=dict.fromkeys(batch.withheld, len(distinct) - len(again)),
    )


PageQueue = asyncio.Queue[RecordPage | Exception]


@asynccontextmanager
async def _fetched_ahead(
    pages: AsyncGenerator[RecordPage, None], provider: Provider
) -> AsyncIterator[PageQueue]:
    """Fetch in a task of its own; an error takes its place in the queue, behind the pages before it.

    So does the end of a walk whose last page has a cursor: whoever waits for the next page would wait forever.
    """
    queue: PageQueue = asyncio.Queue(MAX_PREFETCHED_PAGES)

    async def fetch() -> None:
        try:
            async with aclosing(pages):
                async for page in pages:
                    await queue.put(page)
            await queue.put(CrmRejected(provider, None, "its walk stops before the end of data"))
        except Exception as error:  # noqa: BLE001 - it is raised again where the pages are consumed
            await queue.put(error)

    task = asyncio.create_task(fetch())
    try:
        yield queue
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _next_batch(queue: PageQueue, should_stop: StopSignal) -> Batch | None:
    """Wait for a page, then take more until the batch is full or the next page is late.

    None when asked to stop: the CRM may be a rate window or a backoff away from its next page, and what
    is not stored yet is fetched again.
    """
    first = await _first_item(queue, should_stop)
    if first is None:
        return None
    batch = Batch()
    batch.add(_page(first))
    while not batch.is_full:
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                item = await queue.get()
        except TimeoutError:
            break
        if isinstance(item, Exception):
            _put_back(queue, item)
            break
        batch.add(item)
    return batch


async def _first_item(queue: PageQueue, should_stop: StopSignal) -> RecordPage | Exception | None:
    while not should_stop():
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                return await queue.get()
        except TimeoutError:
            continue
    return None


def _page(item: RecordPage | Exception) -> RecordPage:
    if isinstance(item, Exception):
        raise item
    return item


def _put_back(queue: PageQueue, error: Exception) -> None:
    """Leave the error for the next batch. It was the last item, so there is room and no order to keep."""
    queue.put_nowait(error)
