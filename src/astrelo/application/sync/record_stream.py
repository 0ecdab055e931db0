"""Streaming a CRM's records into the store: one loop for companies, contacts and deals.

Pages are prefetched into a bounded queue. Several pages make a batch, and a batch is written in one
transaction together with the cursor after it, so that a crash repeats at most one batch and loses none.
No transaction is open during a request to the CRM.
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
from astrelo.domain.records import CrmRecord, PendingRefetch, RecordPage, RecordT, RejectedRecord
from astrelo.domain.sync import Counts, StepStatus, SyncRun, SyncStep
from astrelo.domain.unreadable import find_unreadable_values

BATCH_SIZE = 1_000
"""The approximate number of records in a transaction: a batch is whole pages."""

MAX_PAGES = 20
"""The maximum number of pages in a transaction: empty pages would otherwise never fill a batch, and a stream
that commits nothing can neither be cancelled nor stopped."""

MAX_PREFETCHED_PAGES = 4
"""The size of the queue of prefetched pages."""

LINGER_SECONDS = 0.5
"""How long a batch that is not full waits for the next page; limits how late progress is visible."""

log = structlog.get_logger()


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


@dataclass(slots=True)
class Batch:
    """Pages that are written in one transaction."""

    records: list[CrmRecord] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)
    departed_ids: set[RecordId] = field(default_factory=set)
    """Ids that the CRM reports as archived, erased or merged, recently or long ago."""
    withheld: set[str] = field(default_factory=set)
    are_live: bool = True
    pages: int = 0
    cursor: Cursor | None = None
    expected_total: int | None = None
    ends_stream: bool = False

    def add(self, page: RecordPage) -> None:
        self.pages += 1
        self.records.extend(page.records)
        self.rejected.extend(page.rejected)
        self.departed_ids.update(page.removed_ids, page.erased_ids, page.merged)
        self.withheld.update(page.withheld)
        self.are_live = self.are_live and page.are_live
        self.cursor = page.cursor
        self.expected_total = self.expected_total or page.expected_total
        self.ends_stream = page.cursor is None

    @property
    def is_full(self) -> bool:
        return self.ends_stream or self.size >= BATCH_SIZE or self.pages >= MAX_PAGES

    @property
    def size(self) -> int:
        return len(self.records) + len(self.rejected)


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

    @property
    def has_departures(self) -> bool:
        return bool(self.removed_ids or self.erased_ids or self.merged)

    @property
    def ids(self) -> Collection[RecordId]:
        ids: list[RecordId] = [record.record_id for record in self.records]
        return [*ids, *self.removed_ids, *self.erased_ids, *self.merged] if self.has_departures else ids


ChangeHandler = Callable[[Transaction, Source, ChangeSet[RecordT]], Awaitable[Counts]]
"""Applies changes inside their transaction."""


class RecordStream:
    """Streams one object type's records from a CRM into the store."""

    def __init__(self, uow: UnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def __call__(
        self,
        source: Source,
        step: SyncStep,
        apply_changes: ChangeHandler[RecordT],
        time_slice: TimeSlice,
    ) -> SyncStep:
        """Stream from the step's cursor to the CRM's end of data, or until the time slice is over.

        Returns the step as committed. Raises RunTakenOver when another worker owns the run, and what
        CrmProvider.read raises; pages fetched before an error are committed first.
        """
        pages = source.crm.read(source.session, step.object_type, window=step.window, cursor=step.cursor)
        should_stop = time_slice.must_end
        try:
            async with _prefetch(pages, source.crm.provider) as queue:
                while not step.is_done and (batch := await _collect_batch(queue, should_stop)) is not None:
                    step = await self._commit(source, step, batch, apply_changes)
                    should_stop = time_slice.is_over
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
            status=StepStatus.COMPLETED if batch.ends_stream else StepStatus.RUNNING,
        )
        await source.progress_gate.wait_for_turn(step, batch.size)
        distinct = keep_latest(cast("list[RecordT]", batch.records))
        async with self._uow(source.run.user_id) as tx:
            await tx.runs.advance(run_id, step)
            repeated_ids = await tx.runs.mark_seen(run_id, step.object_type, distinct.keys())
            if batch.rejected:
                await tx.runs.reject(run_id, step.object_type, batch.rejected)
            changes = ChangeSet(
                records=[record for record_id, record in distinct.items() if record_id not in repeated_ids],
                authoritative=step.window is None or batch.are_live,
                listed_since=source.run.started_at,
            )
            counts = await apply_changes(tx, source, changes)
            if repeated_ids:
                # Received before in this run, so applied again but already counted.
                await apply_changes(
                    tx, source, replace(changes, records=[distinct[id_] for id_ in repeated_ids])
                )
            counts += await note_unreadable(tx, source, step.object_type, changes.records)
            if batch.departed_ids and step.window is not None:
                await self._request_refetch(tx, source, step.object_type, batch.departed_ids)
            counts += Counts(
                received=batch.size,
                repeats=len(batch.records) - len(changes.records),
                rejected=Counter(entry.reason.value for entry in batch.rejected),
                hidden=dict.fromkeys(batch.withheld, len(changes.records)),
            )
            step = replace(step, counts=step.counts + counts)
            await tx.runs.advance(run_id, step)
        source.progress_gate.record_progress(step)
        log.info("sync.batch_stored", object_type=step.object_type, received=step.counts.received)
        return step

    async def _request_refetch(
        self, tx: Transaction, source: Source, object_type: ObjectType, ids: Collection[RecordId]
    ) -> None:
        """Have records read again that are live here and that the CRM reports as gone.

        Only a full run looks for missing records; without this, they would wait for the next one.
        """
        known = await get_repository(tx, object_type).find_known(source.run.provider, ids)
        live = [
            PendingRefetch(object_type, id_) for id_, stored in known.items() if stored.archived_at is None
        ]
        if live:
            await tx.pending_refetches.add(source.run.connection_id, live, self._clock.now())


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


PageQueue = asyncio.Queue[RecordPage | Exception]


@asynccontextmanager
async def _prefetch(pages: AsyncGenerator[RecordPage, None], provider: Provider) -> AsyncIterator[PageQueue]:
    """Fetch in a separate task; an error goes through the queue, after the pages before it.

    A stream that stops although its last page has a cursor is an error too: its reader would wait forever.
    """
    queue: PageQueue = asyncio.Queue(MAX_PREFETCHED_PAGES)

    async def fetch() -> None:
        try:
            async with aclosing(pages):
                async for page in pages:
                    await queue.put(page)
            await queue.put(CrmRejected(provider, None, "its listing stops before the end of data"))
        except Exception as error:  # noqa: BLE001 - raised again where the pages are read
            await queue.put(error)

    task = asyncio.create_task(fetch())
    try:
        yield queue
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _collect_batch(queue: PageQueue, should_stop: StopSignal) -> Batch | None:
    """Wait for a page, then take more until the batch is full or the next page is late.

    Returns None when asked to stop: the next page may be a rate limit's window or a backoff away, and pages that
    are not stored are fetched again. Raises an error that comes instead of the first page.
    """
    batch = Batch()
    while not batch.is_full:
        if batch.pages == 0 and should_stop():
            return None
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                item = await queue.get()
        except TimeoutError:
            if batch.pages:
                break
            continue
        if not isinstance(item, Exception):
            batch.add(item)
        elif batch.pages:
            # Put the error back for the next batch: it was the last item, so there is room and the order is kept.
            queue.put_nowait(item)
            break
        else:
            raise item
    return batch
