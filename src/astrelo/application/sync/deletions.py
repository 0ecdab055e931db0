"""Finding records that were deleted at the CRM: a full listing does not have them."""

from dataclasses import replace
from typing import Any

import structlog

from astrelo.application.messages import DELETIONS_DOUBTED
from astrelo.application.sync.changes import (
    ChangeHandlers,
    ChangeSet,
    Source,
    get_repository,
    note_unreadable,
)
from astrelo.application.sync.refetch_records import FETCH_SIZE
from astrelo.application.sync.time_slice import TimeSlice
from astrelo.domain.identifiers import ObjectType
from astrelo.domain.ports.state import UnitOfWork
from astrelo.domain.records import RecordPage
from astrelo.domain.schedule import SyncPolicy
from astrelo.domain.sync import Counts, SyncStep

log = structlog.get_logger()


class FindDeletions:
    """Archive records that a full listing lacked, once the CRM has confirmed for each one that it is gone.

    A truncated listing would otherwise empty a customer's account. If the policy does not allow so many
    deletions, none is archived, and the step gives the reason. Merged records do not count for that: the CRM
    names their survivors.
    """

    def __init__(self, uow: UnitOfWork, handlers: ChangeHandlers, policy: SyncPolicy) -> None:
        self._uow = uow
        self._handlers = handlers
        self._policy = policy

    async def __call__(self, source: Source, step: SyncStep, time_slice: TimeSlice) -> bool:
        """Return False if it had to stop early: the next time slice then starts it from the beginning.

        Raises RunTakenOver, and what CrmProvider.fetch raises.
        """
        async with self._uow(source.run.user_id) as tx:
            repository = get_repository(tx, step.object_type)
            unseen = await repository.list_unseen(source.run.provider, source.run.id)
            live = await repository.count_live(source.run.provider)
        departed: list[RecordPage] = []
        for start in range(0, len(unseen), FETCH_SIZE):
            if time_slice.must_end():
                return False
            page = await source.crm.fetch(
                source.session, step.object_type, unseen[start : start + FETCH_SIZE]
            )
            departed.append(page)
        gone = sum(
            len(page.removed_ids) + len(page.erased_ids) - len(page.reclassified_ids) for page in departed
        )
        step = replace(step, reason=None)  # of an earlier time slice that doubted them
        if not self._policy.allows_deletions(gone, live):
            await self._report_implausible(source, step, gone, live)
            return True
        for page in departed:
            step = await self._apply(source, step, page)
        return step.object_type is not ObjectType.CONTACTS or await self._erase_archived(
            source, step, time_slice
        )

    async def _erase_archived(self, source: Source, step: SyncStep, time_slice: TimeSlice) -> bool:
        """Erase archived contacts that the CRM has erased since, or merged into one that it has erased.

        No listing shows that, so without webhooks they would be kept forever. Returns False if it had to stop
        early.
        """
        async with self._uow(source.run.user_id) as tx:
            archived = await tx.contacts.list_archived(source.run.provider)
        for start in range(0, len(archived), FETCH_SIZE):
            if time_slice.must_end():
                return False
            part = archived[start : start + FETCH_SIZE]
            page = await source.crm.fetch(source.session, step.object_type, part)
            if page.erased_ids:
                async with self._uow(source.run.user_id) as tx:
                    await tx.runs.require_epoch(source.run.id, step)
                    await tx.links.share()
                    await tx.contacts.erase(source.run.provider, page.erased_ids)
                log.info("sync.erased_since_archived", contacts=len(page.erased_ids))
        return True

    async def _report_implausible(self, source: Source, step: SyncStep, gone: int, live: int) -> None:
        message = DELETIONS_DOUBTED.format(
            gone=gone, live=live, records=step.object_type, crm=source.run.provider.label
        )
        step = replace(step, reason=message.reason)
        async with self._uow(source.run.user_id) as tx:
            await tx.runs.advance(source.run.id, step)
        log.warning("sync.deletions_not_believed", object_type=step.object_type, gone=gone, live=live)

    async def _apply(self, source: Source, step: SyncStep, page: RecordPage) -> SyncStep:
        """Apply a page: records that are live after all count as received, the others as archived or merged."""
        survivors = set(page.merged.values())
        changes: ChangeSet[Any] = ChangeSet.from_page(page)
        alive = [record for record in changes.records if record.record_id not in survivors]
        merged_into = [record for record in changes.records if record.record_id in survivors]
        handler = self._handlers.get(step.object_type)
        async with self._uow(source.run.user_id) as tx:
            await tx.runs.require_epoch(source.run.id, step)
            await tx.runs.mark_seen(
                source.run.id, step.object_type, [record.record_id for record in changes.records]
            )
            counts = await handler.apply_changes(tx, source, ChangeSet(records=alive))
            counts += Counts(received=len(alive)) + await note_unreadable(tx, source, step.object_type, alive)
            departed = await handler.apply_changes(tx, source, replace(changes, records=merged_into))
            counts += Counts(archived=departed.archived, merged=departed.merged)
            step = replace(step, counts=step.counts + counts)
            await tx.runs.advance(source.run.id, step)
        return step
