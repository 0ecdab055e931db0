"""One run, from taking it up to its reconciliation."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import structlog

from astrelo.application.sync.handlers import SyncCompanies, SyncContacts, SyncDeals
from astrelo.application.sync.progress_gate import ProgressGate
from astrelo.application.sync.record_stream import Source
from astrelo.application.sync.refetch_records import FindDeletions, RefetchRecords
from astrelo.application.sync.run_lifecycle import RunLifecycle, lock_if_owner
from astrelo.application.sync.schedule_syncs import RequestSync
from astrelo.application.sync.time_slice import StopSignal, TimeSlice, never
from astrelo.application.tokens.access_tokens import AccessTokens, ConnectionSession
from astrelo.domain.connection import CrmConnection
from astrelo.domain.errors import (
    AccountBusy,
    AstreloError,
    CrmRejected,
    NotFound,
    PermissionMissing,
    ProviderNotConfigured,
    RateLimited,
    ReauthorizationRequired,
    RunTakenOver,
    StoreUnavailable,
)
from astrelo.domain.identifiers import RecordId, SyncRunId, UserId
from astrelo.domain.ports.crm import CrmProviders, CrmSession
from astrelo.domain.ports.state import UnitOfWork
from astrelo.domain.ports.system import Clock
from astrelo.domain.records import OwnerRecord
from astrelo.domain.schedule import SyncPolicy
from astrelo.domain.sync import MAX_ATTEMPTS, OwnersStep, RunStatus, StepStatus, SyncMode, SyncRun, SyncStep

log = structlog.get_logger()


class RunSync:
    """Bring one connection's records up to date.

    Owners first, then companies, contacts and deals side by side, then every link, then the
    reconciliation. A run that was interrupted goes on from the cursors of its steps.
    """

    def __init__(
        self,
        uow: UnitOfWork,
        crms: CrmProviders,
        tokens: AccessTokens,
        companies: SyncCompanies,
        contacts: SyncContacts,
        deals: SyncDeals,
        request_sync: RequestSync,
        policy: SyncPolicy,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._crms = crms
        self._tokens = tokens
        self._walks = {walk.object_type: walk for walk in (companies, contacts, deals)}
        change_handlers = {walk.object_type: walk.apply_changes for walk in (companies, contacts, deals)}
        self._follow_hints = RefetchRecords(uow, change_handlers)
        self._find_deletions = FindDeletions(uow, change_handlers, policy)
        self._endings = RunLifecycle(uow, request_sync, policy, clock)
        self._policy = policy
        self._clock = clock

    async def __call__(self, user_id: UserId, run_id: SyncRunId, should_stop: StopSignal = never) -> None:
        """Take the run up and carry it as far as it goes; its row says how that ended.

        Raises StoreUnavailable only: the run is then still open, and is to be taken up again.
        Harmless for a run that has ended, waits for a person, or was purged.
        """
        try:
            taken = await self._claim(user_id, run_id)
        except NotFound:
            log.info("sync.purged")
            return
        except AccountBusy:
            await self._endings.postpone(user_id, run_id)
            return
        if taken is None:
            return
        run, connection = taken
        try:
            await self._carry_out(run, connection, TimeSlice(self._clock, self._policy, should_stop))
        except RunTakenOver:
            log.info("sync.taken_over")
        except StoreUnavailable:
            raise
        except ReauthorizationRequired as error:
            await self._endings.park_for_reauthorization(run, error, connection.connected_at)
        except RateLimited as error:
            await self._endings.park(run, error)
        except AstreloError as error:
            log.warning("sync.failed", reason=str(error))
            await self._endings.fail(run, str(error))
        except Exception as error:
            log.exception("sync.crashed")
            reason = f"something broke on our side; the log has the details ({type(error).__name__})"
            await self._endings.fail(run, reason)

    async def _claim(self, user_id: UserId, run_id: SyncRunId) -> tuple[SyncRun, CrmConnection] | None:
        async with self._uow(user_id) as tx:
            run = await tx.runs.lock(run_id)
            now = self._clock.now()
            if not run.status.is_open or _waits_for_a_person(run):
                log.info("sync.nothing_to_do", status=run.status)
                return None
            if run.attempts >= MAX_ATTEMPTS:
                reason = f"given up on our side: its worker went away without a word, {MAX_ATTEMPTS} times"
                await tx.runs.save(run.fail(reason, now))
                return None
            run = run.claim(now)
            await tx.runs.save(run)
            log.info("sync.claimed", attempt=run.attempts)
            return run, await tx.connections.get_by_id(run.connection_id)

    async def _carry_out(self, run: SyncRun, connection: CrmConnection, turn: TimeSlice) -> None:
        crm = self._crms.get(run.provider)
        if crm is None:
            raise ProviderNotConfigured(run.provider)
        # Connected again since the last run, its API may have moved: one that is gone refuses no token.
        self._tokens.forget(connection.id)
        session = ConnectionSession(self._tokens, connection)
        owner_ids = await self._owner_ids(run, session)
        progress_gate = ProgressGate(run.open_steps)
        source = Source(run=run, crm=crm, session=session, owner_ids=owner_ids, progress_gate=progress_gate)
        steps = await self._walk_side_by_side(source, turn)
        is_walked = all(step.is_done for step in steps)
        if is_walked and await self._look_for_deletions(source, steps, turn):
            await self._endings.finish(run)
        else:
            await self._endings.yield_worker(run)

    async def _owner_ids(self, run: SyncRun, session: CrmSession) -> frozenset[RecordId] | None:
        """Read the owners in the run's first slice; the others know them from the store. None when they are left out."""
        owners = run.owners
        if owners.status is StepStatus.PENDING:
            owners = await self._read_owners(run, session)
        if owners.status is not StepStatus.COMPLETED:
            return None
        async with self._uow(run.user_id) as tx:
            return await tx.owners.list_ids(run.provider)

    async def _read_owners(self, run: SyncRun, session: CrmSession) -> OwnersStep:
        told: Sequence[OwnerRecord] = ()
        step = OwnersStep(status=StepStatus.COMPLETED)
        try:
            told = await self._crms.by_name[run.provider].list_owners(session)
        except (PermissionMissing, CrmRejected) as error:
            step = OwnersStep(status=_status_after(error), reason=_why_left_out("owners", error))
            log.warning("sync.owners_left_out", status=step.status, reason=step.reason)
        async with self._uow(run.user_id) as tx:
            current = await lock_if_owner(tx, run)
            await tx.owners.put(run.provider, told)
            await tx.runs.save(replace(current, owners=step))
        return step

    async def _walk_side_by_side(self, source: Source, turn: TimeSlice) -> Sequence[SyncStep]:
        try:
            async with asyncio.TaskGroup() as group:
                pending_refetches = group.create_task(self._follow_hints(source, turn))
                walks = [group.create_task(self._walk(source, step, turn)) for step in source.run.open_steps]
        except ExceptionGroup as several:
            raise _most_telling(several) from several
        log.debug("sync.walked", pending_refetches=pending_refetches.result())
        return [walk.result() for walk in walks]

    async def _walk(self, source: Source, step: SyncStep, turn: TimeSlice) -> SyncStep:
        try:
            if source.run.mode is SyncMode.REFETCH:
                return await self._store(source, replace(step, status=StepStatus.COMPLETED))
            return await self._walks[step.object_type](source, step, turn)
        except (PermissionMissing, CrmRejected) as error:
            return await self._left_out(source, step, error)

    async def _look_for_deletions(self, source: Source, walked: Sequence[SyncStep], turn: TimeSlice) -> bool:
        """Look behind every whole walk of the run, also those that an earlier attempt brought to their end."""
        if source.run.mode is SyncMode.REFETCH:
            return True
        before = [step for step in source.run.steps if step.is_done]
        for step in (*before, *walked):
            is_whole = step.status is StepStatus.COMPLETED and step.window is None
            try:
                if is_whole and not await self._find_deletions(source, step, turn):
                    return False
            except (PermissionMissing, CrmRejected) as error:
                await self._left_out(source, step, error)
        return True

    async def _left_out(
        self, source: Source, step: SyncStep, error: PermissionMissing | CrmRejected
    ) -> SyncStep:
        """End one object type without its rest; the others go on."""
        status = _status_after(error)
        log.warning(
            "sync.object_type_left_out", object_type=step.object_type, status=status, reason=str(error)
        )
        async with self._uow(source.run.user_id) as tx:
            # As it was committed: the walk may have come some way.
            reached = (await lock_if_owner(tx, source.run)).step(step.object_type)
            reason = _why_left_out(step.object_type, error)
            left_out = replace(reached, status=status, reason=reason)
            await tx.runs.advance(source.run.id, left_out)
        return left_out

    async def _store(self, source: Source, step: SyncStep) -> SyncStep:
        async with self._uow(source.run.user_id) as tx:
            await tx.runs.advance(source.run.id, step)
        return step


def _status_after(error: PermissionMissing | CrmRejected) -> StepStatus:
    return StepStatus.REFUSED if isinstance(error, PermissionMissing) else StepStatus.FAILED


def _why_left_out(what: str, error: PermissionMissing | CrmRejected) -> str:
    if isinstance(error, PermissionMissing):
        return str(error)
    return (
        f"{error.provider.label}: what it answered about the {what} makes no sense to us; "
        f"the next sync reads them again, and if it stays, tell us ({error.detail})"
    )


def _waits_for_a_person(run: SyncRun) -> bool:
    return run.status is RunStatus.PARKED and run.parked_until is None


def _most_telling(several: ExceptionGroup) -> Exception:
    """Choose, of what side-by-side walks raised, the one that decides what happens to the run."""
    order = (RunTakenOver, StoreUnavailable, ReauthorizationRequired, RateLimited, AstreloError, Exception)
    return next(error for kind in order for error in several.exceptions if isinstance(error, kind))
