"""Sync runs in PostgreSQL: the truth about what runs, how far it is, and what it counted."""

from collections.abc import Collection, Mapping, Sequence

import asyncpg
import msgspec

from astrelo.adapters.outbound.postgres.notifications.throttle import Notification, Urgency
from astrelo.adapters.outbound.postgres.session.columns import join_columns
from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.domain import errors
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
from astrelo.domain.schedule import LastRequests
from astrelo.domain.sync import Counts, OwnersStep, RunStatus, StepStatus, SyncMode, SyncRun, SyncStep, Window
from astrelo.domain.unreadable import MAX_EXAMPLES, Unreadable

_ONE_RUNNING_PER_ACCOUNT = "account_runs_one_running"
_ON_ACCOUNT = frozenset({RunStatus.QUEUED, RunStatus.RUNNING})


class PgSyncRuns(SyncRuns):
    def __init__(
        self, connection: asyncpg.Connection, user_id: UserId, notification: Notification | None = None
    ) -> None:
        self._queries = Queries(connection, user_id=user_id)
        self._notification = notification or Notification()

    async def add(self, run: SyncRun) -> None:
        self._notification.note(Urgency.NOW)
        await self._queries.execute(
            "add_run",
            run_id=run.id,
            connection_id=run.connection_id,
            provider=run.provider,
            account_id=run.account_id,
            mode=run.mode,
            status=run.status,
            requested_at=run.requested_at,
        )
        await self._queries.execute(
            "add_steps",
            run_id=run.id,
            object_types=[step.object_type for step in run.steps],
            window_starts=[step.window and step.window.start for step in run.steps],
            window_ends=[step.window and step.window.end for step in run.steps],
            reading_versions=[step.reading_version for step in run.steps],
        )
        await self._note_on_account(run)

    async def get(self, run_id: SyncRunId) -> SyncRun:
        return await self._load("get_run", run_id)

    async def lock(self, run_id: SyncRunId) -> SyncRun:
        return await self._load("lock_run", run_id)

    async def get_latest(self, connection_id: ConnectionId) -> SyncRun | None:
        run_id = await self._queries.value("get_latest_run_id", connection_id=connection_id)
        return None if run_id is None else await self.get(run_id)

    async def get_last_requests(self, connection_id: ConnectionId) -> LastRequests:
        row = await self._queries.row("get_last_requests", connection_id=connection_id)
        if row is None:
            raise errors.NotFound("connection", connection_id)
        return LastRequests(
            last=row["last_requested_at"], last_full=row["last_full_requested_at"], is_open=row["is_open"]
        )

    async def save(self, run: SyncRun) -> None:
        self._notification.note(Urgency.NOW)
        await self._queries.execute(
            "save_run",
            run_id=run.id,
            status=run.status,
            reason=run.reason,
            started_at=run.started_at,
            finished_at=run.finished_at,
            parked_until=run.parked_until,
            attempts=run.attempts,
            owners_status=run.owners.status,
            owners_reason=run.owners.reason,
            changed_nothing=run.changed_nothing,
        )
        await self._note_on_account(run)
        await self._queries.execute(
            "raise_epochs",
            run_id=run.id,
            object_types=[step.object_type for step in run.steps],
            epochs=[step.epoch for step in run.steps],
        )

    async def advance(self, run_id: SyncRunId, step: SyncStep) -> None:
        counts = step.counts
        self._notification.note(Urgency.SOON)
        held = await self._queries.value(
            "advance_step",
            run_id=run_id,
            object_type=step.object_type,
            epoch=step.epoch,
            status=step.status,
            cursor=step.cursor,
            received=counts.received,
            repeats=counts.repeats,
            inserted=counts.inserted,
            updated=counts.updated,
            unchanged=counts.unchanged,
            stale=counts.stale,
            archived=counts.archived,
            merged=counts.merged,
            rejected=_encode_json(counts.rejected),
            unreadable=_encode_json(counts.unreadable),
            hidden=_encode_json(counts.hidden),
            expected_total=step.expected_total,
            reason=step.reason,
        )
        if held is None:
            raise errors.RunTakenOver(run_id)

    async def require_epoch(self, run_id: SyncRunId, step: SyncStep) -> None:
        held = await self._queries.value(
            "hold_step", run_id=run_id, object_type=step.object_type, epoch=step.epoch
        )
        if held is None:
            raise errors.RunTakenOver(run_id)

    async def mark_seen(
        self, run_id: SyncRunId, object_type: ObjectType, ids: Collection[RecordId]
    ) -> set[RecordId]:
        if not ids:
            return set()
        ordered = sorted(ids)
        batch = {
            "run_id": run_id,
            "object_type": object_type,
            "first_id": ordered[0],
            "last_id": ordered[-1],
            **join_columns(ids=ordered),
        }
        before = await self._queries.rows("list_seen_before", **batch)
        await self._queries.execute("mark_seen", **batch)
        return {row["id"] for row in before}

    async def reject(
        self, run_id: SyncRunId, object_type: ObjectType, rejected: Sequence[RejectedRecord]
    ) -> None:
        await self._queries.execute(
            "add_rejections",
            run_id=run_id,
            object_type=object_type,
            record_ids=[entry.record_id for entry in rejected],
            reasons=[entry.reason for entry in rejected],
        )

    async def note_unreadable(
        self, run_id: SyncRunId, object_type: ObjectType, found: Mapping[Unreadable, Sequence[RecordId]]
    ) -> None:
        entries = [
            {"field": field, "trouble": trouble, "records": len(ids), "record_ids": ids[:MAX_EXAMPLES]}
            for (field, trouble), ids in found.items()
        ]
        await self._queries.execute(
            "note_unreadable",
            run_id=run_id,
            object_type=object_type,
            entries=_encode_json(entries),
            max_examples=MAX_EXAMPLES,
        )

    async def forget_seen(self, run_id: SyncRunId) -> None:
        await self._queries.execute("forget_seen", run_id=run_id)

    async def find_other_statuses(
        self, provider: Provider, account_id: CrmAccountId, besides: SyncRunId | None = None
    ) -> frozenset[RunStatus]:
        rows = await self._queries.rows(
            "list_other_runs_on_account", provider=provider, account_id=account_id, run_id=besides
        )
        return frozenset(RunStatus.RUNNING if row["is_running"] else RunStatus.QUEUED for row in rows)

    async def _note_on_account(self, run: SyncRun) -> None:
        account = {"provider": run.provider, "account_id": run.account_id, "run_id": run.id}
        if run.status not in _ON_ACCOUNT:
            await self._queries.execute("release_account", **account)
            return
        try:
            await self._queries.execute(
                "hold_account",
                **account,
                connection_id=run.connection_id,
                is_running=run.status is RunStatus.RUNNING,
            )
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name == _ONE_RUNNING_PER_ACCOUNT:
                raise errors.AccountBusy(run.id) from error
            raise

    async def _load(self, query: str, run_id: SyncRunId) -> SyncRun:
        row = await self._queries.row(query, run_id=run_id)
        if row is None:
            raise errors.NotFound("sync run", run_id)
        steps = await self._queries.rows("get_steps", run_id=run_id)
        by_kind = {ObjectType(step["object_type"]): _to_step(step) for step in steps}
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
            steps=tuple(by_kind[kind] for kind in ObjectType if kind in by_kind),
        )


def _to_step(row: asyncpg.Record) -> SyncStep:
    start, end = row["window_start"], row["window_end"]
    return SyncStep(
        object_type=ObjectType(row["object_type"]),
        status=StepStatus(row["status"]),
        epoch=row["epoch"],
        cursor=None if row["cursor"] is None else Cursor(row["cursor"]),
        counts=Counts(
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
        ),
        expected_total=row["expected_total"],
        window=Window(start=start, end=end) if start and end else None,
        reading_version=ReadingVersion(row["reading_version"]),
        reason=row["reason"],
    )


def _encode_json(counts: object) -> str:
    return msgspec.json.encode(counts).decode()
