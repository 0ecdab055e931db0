"""Executing one run, from claiming it to its reconciliation."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import structlog

from astrelo.application import messages
from astrelo.application.sync.changes import Source
from astrelo.application.sync.deletions import FindDeletions
from astrelo.application.sync.progress_gate import ProgressGate
from astrelo.application.sync.record_stream import RecordStream
from astrelo.application.sync.refetch_records import RefetchRecords
from astrelo.application.sync.run_lifecycle import RunLifecycle, lock_if_owner
from astrelo.application.sync.time_slice import StopSignal, TimeSlice, never_stop
from astrelo.application.tokens.access_tokens import AccessTokens, ConnectionSession
from astrelo.domain import errors
from astrelo.domain.connection import CrmConnection
from astrelo.domain.identifiers import RecordId, SyncRunId, UserId
from astrelo.domain.ports.crm import CrmProviders, CrmSession
from astrelo.domain.ports.state import UnitOfWork
from astrelo.domain.ports.system import Clock
from astrelo.domain.records import OwnerRecord
from astrelo.domain.schedule import SyncPolicy
from astrelo.domain.sync import OwnersStep, StepStatus, SyncMode, SyncRun, SyncStep

log = structlog.get_logger()

_PAUSES_OF_OUTAGE = (0.1, 0.5, 2.0, 5.0, 10.0)
"""Seconds between a worker's tries to note, in a store that was not available, that it is there: longer than a restart."""

_PRECEDENCE = (
    errors.RunTakenOver,
    errors.StoreUnavailable,
    errors.ReauthorizationRequired,
    errors.RateLimited,
    errors.AstreloError,
    Exception,
)
"""Of several errors in concurrent streams, the first of these decides what happens to the run."""


class RunSync:
    """Bring one connection's records up to date.

    Owners first, then companies, contacts and deals concurrently, then all links, then the
    reconciliation. An interrupted run continues from the cursors of its steps.
    """

    def __init__(
        self,
        uow: UnitOfWork,
        crms: CrmProviders,
        tokens: AccessTokens,
        stream_records: RecordStream,
        refetch_records: RefetchRecords,
        find_deletions: FindDeletions,
        lifecycle: RunLifecycle,
        policy: SyncPolicy,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._crms = crms
        self._tokens = tokens
        self._stream_records = stream_records
        self._refetch_records = refetch_records
        self._find_deletions = find_deletions
        self._lifecycle = lifecycle
        self._policy = policy
        self._clock = clock

    async def __call__(
        self, user_id: UserId, run_id: SyncRunId, should_stop: StopSignal = never_stop
    ) -> None:
        """Claim the run and execute a time slice of it; the run's row holds the outcome.

        Raises StoreUnavailable only: the run is then still open, and must be claimed again.
        Does nothing for a run that has ended, waits for a reauthorization, or was purged.
        """
        try:
            try:
                claimed = await self._lifecycle.claim(user_id, run_id)
            except errors.AccountBusy:
                await self._lifecycle.postpone(user_id, run_id)
                return
        except errors.NotFound:
            log.info("sync.purged")
            return
        if claimed is None:
            return
        run, connection = claimed
        try:
            await self._execute_while_owner(
                run, connection, TimeSlice(self._clock, self._policy, should_stop)
            )
        except errors.RunTakenOver:
            log.info("sync.taken_over")
        except errors.StoreUnavailable as error:
            await self._give_back_attempt(run, error)
            raise
        except errors.ReauthorizationRequired as error:
            await self._lifecycle.park_for_reauthorization(run, error, connection.connected_at)
        except errors.RateLimited as error:
            await self._lifecycle.park(run, error)
        except errors.AstreloError as error:
            log.warning("sync.failed", reason=str(error))
            await self._lifecycle.fail(run, messages.describe(error).reason)
        except Exception as error:
            log.exception("sync.crashed")
            await self._lifecycle.fail(run, messages.CRASHED.format(error=type(error).__name__).reason)

    async def _give_back_attempt(self, run: SyncRun, unavailable: errors.StoreUnavailable) -> None:
        """Not count an attempt that an outage of the store has ended, if the store is back within some seconds.

        One whose own statements may be the cause counts: else it would be made for ever.
        """
        if not unavailable.is_outage:
            return
        for pause in _PAUSES_OF_OUTAGE:
            await self._clock.sleep(pause)
            with suppress(errors.StoreUnavailable):
                await self._lifecycle.give_back_attempt(run)
                return

    async def _execute_while_owner(
        self, run: SyncRun, connection: CrmConnection, time_slice: TimeSlice
    ) -> None:
        """Stop waiting for the CRM, which may take minutes to send a page, once the run is no longer ours.

        Raises RunTakenOver then.
        """
        work = asyncio.create_task(self._execute(run, connection, time_slice))
        try:
            while not (await asyncio.wait({work}, timeout=self._policy.owner_check.total_seconds()))[0]:
                if not await self._is_owner(run):
                    raise errors.RunTakenOver(run.id)
            work.result()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _is_owner(self, run: SyncRun) -> bool:
        try:
            return await self._lifecycle.is_owner(run)
        except errors.StoreUnavailable:
            return True  # the work itself will find out

    async def _execute(self, run: SyncRun, connection: CrmConnection, time_slice: TimeSlice) -> None:
        crm = self._crms.get(run.provider)
        if crm is None:
            raise errors.ProviderNotConfigured(run.provider)
        # A reconnect since the last run may have changed the API's address: a dead address does not refuse the token.
        self._tokens.forget(connection.id)
        session = ConnectionSession(self._tokens, connection)
        owner_ids = await self._load_owner_ids(run, session)
        progress_gate = ProgressGate(run.open_steps)
        source = Source(run=run, crm=crm, session=session, owner_ids=owner_ids, progress_gate=progress_gate)
        steps = await self._stream_all(source, time_slice)
        if all(step.is_done for step in steps) and await self._archive_missing(source, steps, time_slice):
            await self._lifecycle.finish(run)
        else:
            await self._lifecycle.yield_worker(run)

    async def _load_owner_ids(self, run: SyncRun, session: CrmSession) -> frozenset[RecordId] | None:
        """Read the owners in the run's first time slice, later from the store. None if the CRM did not return them."""
        step = run.owners
        if step.status is StepStatus.PENDING:
            owners: Sequence[OwnerRecord] = ()
            step = OwnersStep(status=StepStatus.COMPLETED)
            try:
                owners = await self._crms.by_name[run.provider].list_owners(session)
            except (errors.PermissionMissing, errors.CrmRejected) as error:
                step = OwnersStep(
                    status=_get_status(error), reason=messages.describe_left_out("owners", error).reason
                )
                log.warning("sync.owners_left_out", status=step.status, reason=step.reason)
            async with self._uow(run.user_id) as tx:
                await self._lifecycle.record_owners(tx, run, step)
                await tx.owners.put(run.provider, owners)
        if step.status is not StepStatus.COMPLETED:
            return None
        async with self._uow(run.user_id) as tx:
            return await tx.owners.list_ids(run.provider)

    async def _stream_all(self, source: Source, time_slice: TimeSlice) -> Sequence[SyncStep]:
        try:
            async with asyncio.TaskGroup() as group:
                refetched = group.create_task(self._refetch_records(source, time_slice))
                tasks = [
                    group.create_task(self._stream(source, step, time_slice))
                    for step in source.run.open_steps
                ]
        except ExceptionGroup as errors:
            raise next(
                error for kind in _PRECEDENCE for error in errors.exceptions if isinstance(error, kind)
            ) from errors
        log.debug("sync.streamed", refetched=refetched.result())
        return [task.result() for task in tasks]

    async def _stream(self, source: Source, step: SyncStep, time_slice: TimeSlice) -> SyncStep:
        if source.run.mode is SyncMode.REFETCH:
            completed = replace(step, status=StepStatus.COMPLETED)
            async with self._uow(source.run.user_id) as tx:
                await tx.runs.advance(source.run.id, completed)
            return completed
        try:
            return await self._stream_records(source, step, time_slice)
        except (errors.PermissionMissing, errors.CrmRejected) as error:
            return await self._end_step(source, step, error)

    async def _archive_missing(
        self, source: Source, streamed: Sequence[SyncStep], time_slice: TimeSlice
    ) -> bool:
        """Find deletions after every full listing of the run, also those that an earlier attempt completed."""
        if source.run.mode is SyncMode.REFETCH:
            return True
        completed_before = [step for step in source.run.steps if step.is_done]
        for step in (*completed_before, *streamed):
            is_full = step.status is StepStatus.COMPLETED and step.window is None
            try:
                if is_full and not await self._find_deletions(source, step, time_slice):
                    return False
            except (errors.PermissionMissing, errors.CrmRejected) as error:
                await self._end_step(source, step, error)
        return True

    async def _end_step(
        self, source: Source, step: SyncStep, error: errors.PermissionMissing | errors.CrmRejected
    ) -> SyncStep:
        """End one object type as refused or failed; the others continue."""
        status = _get_status(error)
        log.warning(
            "sync.object_type_left_out", object_type=step.object_type, status=status, reason=str(error)
        )
        async with self._uow(source.run.user_id) as tx:
            # As last committed: batches may have been stored before the error.
            committed = (await lock_if_owner(tx, source.run)).step(step.object_type)
            reason = messages.describe_left_out(step.object_type, error).reason
            ended = replace(committed, status=status, reason=reason)
            await tx.runs.advance(source.run.id, ended)
        return ended


def _get_status(error: errors.PermissionMissing | errors.CrmRejected) -> StepStatus:
    return StepStatus.REFUSED if isinstance(error, errors.PermissionMissing) else StepStatus.FAILED
