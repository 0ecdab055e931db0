"""Streaming a CRM's records into the store: one loop for companies, contacts and deals.

A batch is written in one transaction together with the cursor after it, so that a crash repeats at most one batch
and loses none. No transaction is open during a request to the CRM.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from typing import Any, cast

import structlog

from astrelo.application.sync.batches import BATCH_SIZE, LINGER_SECONDS, Batch, BatchReader
from astrelo.application.sync.changes import (
    ChangeHandlers,
    ChangeSet,
    Source,
    get_repository,
    note_unreadable,
)
from astrelo.application.sync.time_slice import TimeSlice
from astrelo.domain.change_classification import keep_latest
from astrelo.domain.errors import CrmRejected
from astrelo.domain.identifiers import ObjectType, RecordId
from astrelo.domain.ports.state import Transaction, UnitOfWork
from astrelo.domain.ports.system import Clock
from astrelo.domain.records import PendingRefetch
from astrelo.domain.sync import Counts, StepStatus, SyncStep

log = structlog.get_logger()

MAX_REPEATS = 100_000
"""Beside as many as there are distinct records. Interrupted pages are read again, and never as many."""


class RecordStream:
    """Streams one object type's records from a CRM into the store."""

    def __init__(
        self,
        uow: UnitOfWork,
        clock: Clock,
        handlers: ChangeHandlers,
        batch_size: int = BATCH_SIZE,
        linger_seconds: float = LINGER_SECONDS,
        max_repeats: int = MAX_REPEATS,
    ) -> None:
        self._uow = uow
        self._clock = clock
        self._handlers = handlers
        self._batch_size = batch_size
        self._linger_seconds = linger_seconds
        self._max_repeats = max_repeats

    async def __call__(self, source: Source, step: SyncStep, time_slice: TimeSlice) -> SyncStep:
        """Stream from the step's cursor to the CRM's end of data, or until the time slice is over.

        Returns the step as committed. Raises RunTakenOver when another worker owns the run, CrmRejected for a listing
        that begins again and again, and what CrmProvider.read raises; pages fetched before an error are committed first.
        """
        pages = source.crm.read(source.session, step.object_type, window=step.window, cursor=step.cursor)
        reader = BatchReader(pages, source.crm.provider, step.cursor, self._batch_size, self._linger_seconds)
        should_stop = time_slice.must_end
        try:
            async with reader:
                while not step.is_done and (batch := await reader.read(should_stop)) is not None:
                    step = await self._write(source, step, batch)
                    if step.counts.repeats > step.counts.distinct + self._max_repeats:
                        # The adapters' guards see loops that fit into a time slice; a longer one shows in the counts.
                        raise CrmRejected(source.crm.provider, None, "its listing begins again and again")
                    # A page that is stored in part would be read again, so a time slice ends after a whole one.
                    should_stop = time_slice.is_over if batch.ends_page else time_slice.must_end
        finally:
            source.progress_gate.release(step.object_type)
        return step

    async def _write(self, source: Source, step: SyncStep, batch: Batch) -> SyncStep:
        """Write a batch and the step's progress in one transaction."""
        run_id = source.run.id
        step = replace(
            step,
            cursor=batch.cursor,
            expected_total=batch.expected_total or step.expected_total,
            status=StepStatus.COMPLETED if batch.ends_stream else StepStatus.RUNNING,
        )
        await source.progress_gate.wait_for_turn(step, batch.size)
        async with self._uow(source.run.user_id) as tx:
            await tx.runs.require_epoch(run_id, step)
            if batch.rejected:
                await tx.runs.reject(run_id, step.object_type, batch.rejected)
            counts = await self._apply_records(tx, source, step, batch)
            if batch.departed_ids and step.window is not None:
                await self._request_refetch(tx, source, step.object_type, batch.departed_ids)
            step = replace(step, counts=step.counts + counts)
            await tx.runs.advance(run_id, step)
        source.progress_gate.record_progress(step)
        log.info("sync.batch_stored", object_type=step.object_type, received=step.counts.received)
        return step

    async def _apply_records(self, tx: Transaction, source: Source, step: SyncStep, batch: Batch) -> Counts:
        handler = self._handlers.get(step.object_type)
        distinct = keep_latest(cast("list[Any]", batch.records))
        repeated_ids = await tx.runs.mark_seen(source.run.id, step.object_type, distinct.keys())
        changes: ChangeSet[Any] = ChangeSet(
            records=[record for record_id, record in distinct.items() if record_id not in repeated_ids],
            authoritative=step.window is None or batch.are_live,
            listed_since=source.run.started_at,
        )
        counts = await handler.apply_changes(tx, source, changes)
        if repeated_ids:
            # Received before in this run, so applied again but already counted.
            repeats = [distinct[record_id] for record_id in repeated_ids]
            await handler.apply_changes(tx, source, replace(changes, records=repeats))
        counts += await note_unreadable(tx, source, step.object_type, changes.records)
        return counts + Counts(
            received=batch.size,
            repeats=len(batch.records) - len(changes.records),
            rejected=Counter(entry.reason.value for entry in batch.rejected),
            hidden=dict.fromkeys(batch.withheld, len(changes.records)),
        )

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
