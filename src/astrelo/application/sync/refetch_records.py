"""Reading single records again: those that webhooks named, and those a full walk did not meet."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

import structlog

from astrelo.application.sync.record_stream import ChangeHandler, ChangeSet, Source, note_unreadable, store_of
from astrelo.application.sync.time_slice import TimeSlice
from astrelo.domain.change_classification import keep_latest
from astrelo.domain.errors import CrmRejected, PermissionMissing
from astrelo.domain.identifiers import ObjectType, RecordId
from astrelo.domain.ports.state import UnitOfWork
from astrelo.domain.records import CompanyRecord, RecordPage
from astrelo.domain.schedule import SyncPolicy
from astrelo.domain.sync import Counts, SyncStep

FETCH_SIZE = 500
"""Records read and applied together."""

log = structlog.get_logger()

ChangeHandlers = Mapping[ObjectType, ChangeHandler[Any]]
"""How the changes of each object type are stored."""


class RefetchRecords:
    """Read again what webhooks named. Replayed, repeated or late words do no harm: what is read counts."""

    def __init__(self, uow: UnitOfWork, change_handlers: ChangeHandlers) -> None:
        self._uow = uow
        self._change_handlers = change_handlers

    async def __call__(self, source: Source, turn: TimeSlice) -> int:
        """Follow the hints that wait now, of every object type; return how many records were read.

        A slice follows some of each type even when it is over, so that slices however short come to an end.
        Raises RunTakenOver, and what CrmProvider.fetch raises; hints that were not followed stay.
        """
        return sum([await self._follow(source, step, turn) for step in source.run.steps])

    async def _follow(self, source: Source, step: SyncStep, turn: TimeSlice) -> int:
        followed = 0
        while pending_refetches := await self._waiting(source, step.object_type):
            page = await self._read(source, step.object_type, list(pending_refetches))
            await self._apply(source, step, page, pending_refetches)
            followed += len(pending_refetches)
            if turn.is_over():
                break
        return followed

    async def _read(self, source: Source, object_type: ObjectType, ids: Sequence[RecordId]) -> RecordPage:
        """Read the records, or nothing when reading them can never work: hints that stay would fail every run."""
        try:
            return await source.crm.fetch(source.session, object_type, ids)
        except PermissionMissing:
            log.info("sync.hints_refused", object_type=object_type)  # the walk reports it
        except CrmRejected as error:
            log.warning("sync.hints_dropped", object_type=object_type, ids=ids, reason=str(error))
        return RecordPage(records=(), cursor=None)

    async def _waiting(self, source: Source, object_type: ObjectType) -> Mapping[RecordId, datetime]:
        async with self._uow(source.run.user_id) as tx:
            return await tx.pending_refetches.list_waiting(source.run.connection_id, object_type, FETCH_SIZE)

    async def _apply(
        self, source: Source, step: SyncStep, page: RecordPage, pending_refetches: Mapping[RecordId, datetime]
    ) -> None:
        changes = _changes(page)
        async with self._uow(source.run.user_id) as tx:
            await tx.runs.require_epoch(source.run.id, step)
            if step.window is None:
                await tx.runs.mark_seen(
                    source.run.id, step.object_type, [record.record_id for record in changes.records]
                )
            counts = await self._change_handlers[step.object_type](tx, source, changes)
            await tx.pending_refetches.remove_read(
                source.run.connection_id, step.object_type, pending_refetches
            )
        log.info(
            "sync.hints_followed",
            object_type=step.object_type,
            read=len(pending_refetches),
            archived=counts.archived,
            merged=counts.merged,
        )


class FindDeletions:
    """Archive what a whole walk did not meet, once the CRM has confirmed for each record that it is gone.

    A listing that was cut short would otherwise empty a customer's account. Should a larger share be gone
    than the policy believes, nothing is archived, and the step says so. Records that were merged away do
    not count for that: the CRM shows what became of them.
    """

    def __init__(self, uow: UnitOfWork, change_handlers: ChangeHandlers, policy: SyncPolicy) -> None:
        self._uow = uow
        self._change_handlers = change_handlers
        self._policy = policy

    async def __call__(self, source: Source, step: SyncStep, turn: TimeSlice) -> bool:
        """Return False when it had to end before it was done: it then begins anew, so that no slice divides it.

        Raises RunTakenOver, and what CrmProvider.fetch raises.
        """
        async with self._uow(source.run.user_id) as tx:
            store = store_of(tx, step.object_type)
            unseen = await store.list_unseen(source.run.provider, source.run.id)
            live = await store.count_live(source.run.provider)
        departed: list[RecordPage] = []
        for start in range(0, len(unseen), FETCH_SIZE):
            if turn.must_end():
                return False
            page = await source.crm.fetch(
                source.session, step.object_type, unseen[start : start + FETCH_SIZE]
            )
            departed.append(page)
        gone = sum(
            len(page.removed_ids) + len(page.erased_ids) - len(page.reclassified_ids) for page in departed
        )
        if not self._policy.allows_deletions(gone, live):
            await self._refuse(source, step, gone, live)
            return True
        for page in departed:
            step = await self._apply(source, step, page)
        return step.object_type is not ObjectType.CONTACTS or await self._forget_erased(source, step, turn)

    async def _forget_erased(self, source: Source, step: SyncStep, turn: TimeSlice) -> bool:
        """Delete contacts that the CRM has erased since they were archived, or merged into one that it erased.

        No list shows that, and whoever's webhooks are not set up would keep them for ever. Returns False
        when it had to end before it was done.
        """
        async with self._uow(source.run.user_id) as tx:
            archived = await tx.contacts.list_archived(source.run.provider)
        for start in range(0, len(archived), FETCH_SIZE):
            if turn.must_end():
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

    async def _refuse(self, source: Source, step: SyncStep, gone: int, live: int) -> None:
        reason = (
            f"{gone} of {live} {step.object_type} are gone at the CRM, more than is believed: "
            "none was archived. Look there; a higher ASTRELO_SYNC_MAX_DELETION_RATIO accepts it"
        )
        step = replace(step, reason=reason)
        async with self._uow(source.run.user_id) as tx:
            await tx.runs.advance(source.run.id, step)
        log.warning("sync.deletions_not_believed", object_type=step.object_type, gone=gone, live=live)

    async def _apply(self, source: Source, step: SyncStep, page: RecordPage) -> SyncStep:
        """Store a page: records that live after all are received like others, the rest is told apart."""
        survivors = set(page.merged.values())
        distinct = _distinct(page)
        alive = [record for record_id, record in distinct.items() if record_id not in survivors]
        apply_changes = self._change_handlers[step.object_type]
        async with self._uow(source.run.user_id) as tx:
            await tx.runs.advance(source.run.id, step)
            await tx.runs.mark_seen(source.run.id, step.object_type, distinct.keys())
            counts = await apply_changes(tx, source, ChangeSet(records=alive))
            counts += Counts(received=len(alive)) + await note_unreadable(tx, source, step.object_type, alive)
            departed = await apply_changes(tx, source, _departures(page, survivors))
            counts += Counts(archived=departed.archived, merged=departed.merged)
            step = replace(step, counts=step.counts + counts)
            await tx.runs.advance(source.run.id, step)
        return step


def _distinct(page: RecordPage) -> dict[RecordId, Any]:
    return keep_latest(cast("Sequence[CompanyRecord]", page.records))


def _changes(page: RecordPage) -> ChangeSet[Any]:
    return ChangeSet(
        records=list(_distinct(page).values()),
        removed_ids=page.removed_ids,
        erased_ids=page.erased_ids,
        merged=page.merged,
    )


def _departures(page: RecordPage, survivors: set[RecordId]) -> ChangeSet[Any]:
    told = _changes(page)
    return replace(told, records=[record for record in told.records if record.record_id in survivors])
