"""Reading by id the records that webhooks named."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog

from astrelo.application.sync.changes import ChangeHandlers, ChangeSet, Source
from astrelo.application.sync.time_slice import TimeSlice
from astrelo.domain.errors import CrmRejected, PermissionMissing
from astrelo.domain.identifiers import RecordId
from astrelo.domain.ports.state import UnitOfWork
from astrelo.domain.records import RecordPage
from astrelo.domain.sync import SyncStep

FETCH_SIZE = 500
"""The number of records that are read and applied together."""

log = structlog.get_logger()


class RefetchRecords:
    """Read the records that webhooks named. Repeated or late webhooks do no harm: the record that is read counts.

    They do not count as seen by the run: its listing has them too, and counts them once.
    """

    def __init__(self, uow: UnitOfWork, handlers: ChangeHandlers) -> None:
        self._uow = uow
        self._handlers = handlers

    async def __call__(self, source: Source, time_slice: TimeSlice) -> int:
        """Read the pending records of every object type, and return their number.

        Reads some of each type even when the time slice is over, so that short slices make progress too.
        Raises RunTakenOver, and what CrmProvider.fetch raises; refetches that were not done stay pending.
        """
        return sum([await self._refetch(source, step, time_slice) for step in source.run.steps])

    async def _refetch(self, source: Source, step: SyncStep, time_slice: TimeSlice) -> int:
        connection_id, object_type = source.run.connection_id, step.object_type
        count = 0
        while True:
            async with self._uow(source.run.user_id) as tx:
                pending = await tx.pending_refetches.list_waiting(connection_id, object_type, FETCH_SIZE)
            if not pending:
                return count
            page = RecordPage(records=(), cursor=None)
            try:
                page = await source.crm.fetch(source.session, object_type, list(pending))
            except PermissionMissing:
                log.info("sync.refetches_refused", object_type=object_type)  # the stream reports it
            except CrmRejected as error:
                # Dropped, because they would fail every run.
                log.warning(
                    "sync.refetches_dropped", object_type=object_type, ids=list(pending), reason=str(error)
                )
            await self._apply(source, step, page, pending)
            count += len(pending)
            if time_slice.is_over():
                return count

    async def _apply(
        self, source: Source, step: SyncStep, page: RecordPage, pending_refetches: Mapping[RecordId, datetime]
    ) -> None:
        changes: ChangeSet[Any] = ChangeSet.from_page(page)
        async with self._uow(source.run.user_id) as tx:
            await tx.runs.require_epoch(source.run.id, step)
            counts = await self._handlers.get(step.object_type).apply_changes(tx, source, changes)
            await tx.pending_refetches.remove_read(
                source.run.connection_id, step.object_type, pending_refetches
            )
        log.info(
            "sync.refetched",
            object_type=step.object_type,
            read=len(pending_refetches),
            archived=counts.archived,
            merged=counts.merged,
        )
