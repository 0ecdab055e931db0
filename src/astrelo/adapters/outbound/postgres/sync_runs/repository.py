"""Sync runs in PostgreSQL: the truth about what runs, how far it is, and what it counted."""

from collections.abc import Collection, Mapping, Sequence

import asyncpg
import msgspec

from astrelo.adapters.outbound.postgres.session.encoding import join_columns
from astrelo.adapters.outbound.postgres.session.statements import statement
from astrelo.domain.errors import AccountBusy, NotFound, RunTakenOver
from astrelo.domain.identifiers import (
    ConnectionId,
    CrmAccountId,
    Cursor,
    ObjectType,
    Provider,
    RecordId,
    SyncRunId,
    UserId,
)
from astrelo.domain.ports.state import SyncRuns
from astrelo.domain.records import ReadingVersion, RejectedRecord
from astrelo.domain.sync import Counts, OwnersStep, RunStatus, StepStatus, SyncMode, SyncRun, SyncStep, Window
from astrelo.domain.unreadable import MAX_EXAMPLES, Unreadable

_ONE_RUNNING_PER_ACCOUNT = "sync_runs_one_running_per_account"


class PgSyncRuns(SyncRuns):
    def __init__(self, connection: asyncpg.Connection, user_id: UserId) -> None:
        self._connection = connection
        self._user_id = user_id

    async def add(self, run: SyncRun) -> None:
        await self._connection.execute(
            statement("run_add"),
            self._user_id,
            run.id,
            run.connection_id,
            run.provider,
            run.account_id,
            run.mode,
            run.status,
            run.requested_at,
        )
        await self._connection.execute(
            statement("run_add_steps"),
            self._user_id,
            run.id,
            [step.object_type for step in run.steps],
            [step.window and step.window.start for step in run.steps],
            [step.window and step.window.end for step in run.steps],
            [step.reading_version for step in run.steps],
        )

    async def get(self, run_id: SyncRunId) -> SyncRun:
        return await self._load("run_get", run_id)

    async def lock(self, run_id: SyncRunId) -> SyncRun:
        return await self._load("run_lock", run_id)

    async def get_latest(self, connection_id: ConnectionId) -> SyncRun | None:
        run_id = await self._connection.fetchval(statement("run_latest"), self._user_id, connection_id)
        return None if run_id is None else await self.get(run_id)

    async def save(self, run: SyncRun) -> None:
        try:
            await self._save(run)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name == _ONE_RUNNING_PER_ACCOUNT:
                raise AccountBusy(run.id) from error
            raise

    async def advance(self, run_id: SyncRunId, step: SyncStep) -> None:
        counts = step.counts
        held = await self._connection.fetchval(
            statement("run_advance"),
            self._user_id,
            run_id,
            step.object_type,
            step.epoch,
            step.status,
            step.cursor,
            counts.received,
            counts.repeats,
            counts.inserted,
            counts.updated,
            counts.unchanged,
            counts.stale,
            counts.archived,
            counts.merged,
            _json(counts.rejected),
            _json(counts.unreadable),
            _json(counts.hidden),
            step.expected_total,
            step.reason,
        )
        if held is None:
            raise RunTakenOver(run_id)

    async def require_epoch(self, run_id: SyncRunId, step: SyncStep) -> None:
        held = await self._connection.fetchval(
            statement("run_hold"), self._user_id, run_id, step.object_type, step.epoch
        )
        if held is None:
            raise RunTakenOver(run_id)

    async def mark_seen(
        self, run_id: SyncRunId, object_type: ObjectType, ids: Collection[RecordId]
    ) -> set[RecordId]:
        if not ids:
            return set()
        ordered = sorted(ids)
        batch = (self._user_id, run_id, object_type, ordered[0], ordered[-1], *join_columns(ordered))
        before = await self._connection.fetch(statement("run_seen_before"), *batch)
        await self._connection.execute(statement("run_mark_seen"), *batch)
        return {row["id"] for row in before}

    async def reject(
        self, run_id: SyncRunId, object_type: ObjectType, rejected: Sequence[RejectedRecord]
    ) -> None:
        ids = [entry.record_id for entry in rejected]
        reasons = [entry.reason for entry in rejected]
        await self._connection.execute(
            statement("run_reject"), self._user_id, run_id, object_type, ids, reasons
        )

    async def note_unreadable(
        self, run_id: SyncRunId, object_type: ObjectType, found: Mapping[Unreadable, Sequence[RecordId]]
    ) -> None:
        entries = [
            {"field": field, "trouble": trouble, "records": len(ids), "record_ids": ids[:MAX_EXAMPLES]}
            for (field, trouble), ids in found.items()
        ]
        await self._connection.execute(
            statement("run_note_unreadable"), self._user_id, run_id, object_type, _json(entries), MAX_EXAMPLES
        )

    async def forget_seen(self, run_id: SyncRunId) -> None:
        await self._connection.execute(statement("run_forget_seen"), self._user_id, run_id)

    async def find_other_statuses(
        self, provider: Provider, account_id: CrmAccountId, besides: SyncRunId | None = None
    ) -> frozenset[RunStatus]:
        rows = await self._connection.fetch(statement("run_others_on_account"), provider, account_id, besides)
        return frozenset(RunStatus(row["status"]) for row in rows)

    async def _save(self, run: SyncRun) -> None:
        await self._connection.execute(
            statement("run_save"),
            self._user_id,
            run.id,
            run.status,
            run.reason,
            run.started_at,
            run.finished_at,
            run.parked_until,
            run.attempts,
            run.owners.status,
            run.owners.reason,
        )
        await self._connection.execute(
            statement("run_raise_epochs"),
            self._user_id,
            run.id,
            [step.object_type for step in run.steps],
            [step.epoch for step in run.steps],
        )

    async def _load(self, query: str, run_id: SyncRunId) -> SyncRun:
        row = await self._connection.fetchrow(statement(query), self._user_id, run_id)
        if row is None:
            raise NotFound("sync run", run_id)
        steps = await self._connection.fetch(statement("run_steps"), self._user_id, run_id)
        by_kind = {ObjectType(step["object_type"]): _step(step) for step in steps}
        return _run(row, tuple(by_kind[kind] for kind in ObjectType if kind in by_kind))


def _run(row: asyncpg.Record, steps: tuple[SyncStep, ...]) -> SyncRun:
    return SyncRun(
        id=SyncRunId(row["id"]),
        user_id=UserId(row["user_id"]),
        connection_id=ConnectionId(row["connection_id"]),
        provider=Provider(row["provider"]),
        account_id=CrmAccountId(row["account_id"]),
        mode=SyncMode(row["mode"]),
        status=RunStatus(row["status"]),
        reason=row["reason"],
        requested_at=row["requested_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        parked_until=row["parked_until"],
        attempts=row["attempts"],
        owners=OwnersStep(status=StepStatus(row["owners_status"]), reason=row["owners_reason"]),
        steps=steps,
    )


def _step(row: asyncpg.Record) -> SyncStep:
    start, end = row["window_start"], row["window_end"]
    return SyncStep(
        object_type=ObjectType(row["object_type"]),
        status=StepStatus(row["status"]),
        epoch=row["epoch"],
        cursor=None if row["cursor"] is None else Cursor(row["cursor"]),
        counts=_counts(row),
        expected_total=row["expected_total"],
        window=Window(start=start, end=end) if start and end else None,
        reading_version=ReadingVersion(row["reading_version"]),
        reason=row["reason"],
    )


def _counts(row: asyncpg.Record) -> Counts:
    return Counts(
        received=row["received"],
        repeats=row["repeats"],
        inserted=row["inserted"],
        updated=row["updated"],
        unchanged=row["unchanged"],
        stale=row["stale"],
        archived=row["archived"],
        merged=row["merged"],
        rejected=msgspec.json.decode(row["rejected"], type=dict[str, int]),
        unreadable=msgspec.json.decode(row["unreadable"], type=dict[str, int]),
        hidden=msgspec.json.decode(row["hidden"], type=dict[str, int]),
    )


def _json(counts: object) -> str:
    return msgspec.json.encode(counts).decode()
