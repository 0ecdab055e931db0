"""A sync run: its states, its steps, and the reconciliation that says whether anything was lost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from astrelo.domain import errors
from astrelo.domain.connection import CrmConnection
from astrelo.domain.identifiers import (
    ConnectionId,
    CrmAccountId,
    Cursor,
    ObjectType,
    Provider,
    SyncRunId,
    UserId,
)
from astrelo.domain.reading_version import ReadingVersions
from astrelo.domain.records import UNKNOWN_VERSION, ReadingVersion

MAX_ATTEMPTS = 5
"""How often a run is claimed before it fails: a run that crashes its workers must end."""


MAX_RESUMABLE_AGE = timedelta(hours=6)
"""A failed run that began longer ago is not resumed: a new run is fresher for little more work."""


class SyncMode(StrEnum):
    FULL = "full"
    """Read every live record from the CRM's listings; find what is missing from them and archive it."""
    INCREMENTAL = "incremental"
    """Read what was modified in a window, by search."""
    REFETCH = "refetch"
    """Read only the records that webhooks named."""

    def covers(self, other: "SyncMode") -> bool:
        """Return whether a run of this mode, begun now, sees everything that a run of the other mode would."""
        return _THOROUGHNESS.index(self) >= _THOROUGHNESS.index(other)


_THOROUGHNESS = (SyncMode.REFETCH, SyncMode.INCREMENTAL, SyncMode.FULL)


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PARKED = "parked"
    """Waits until a time (`parked_until`) or for a reauthorization, without a worker."""
    COMPLETED = "completed"
    PARTIAL = "partial"
    """Finished, but an object type or the owners could not be read."""
    FAILED = "failed"
    """Stopped by an error, or nothing could be read. It can be resumed from its cursors."""
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        return self in _OPEN


_OPEN = frozenset({RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PARKED})
_RESUMABLE = _OPEN | {RunStatus.FAILED}


class StepStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    REFUSED = "refused"
    """The grant does not cover this object type."""
    FAILED = "failed"
    """The CRM returned something about this object type that could not be read."""


_ENDED = frozenset({StepStatus.COMPLETED, StepStatus.REFUSED, StepStatus.FAILED})
_NOT_READ = frozenset({StepStatus.REFUSED, StepStatus.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Modification times from `start` to `end`, both inclusive."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How up to date the stored records of one object type are."""

    complete_as_of: datetime
    """Everything the CRM held at this time is stored."""
    watermark: datetime
    """Modifications up to this time were requested; the CRM may have published the last of them since."""
    reading_version: ReadingVersion
    """The rules by which all of it was read."""


def incremental_windows(
    freshness: Mapping[ObjectType, Freshness], now: datetime, settle_delay: timedelta
) -> Mapping[ObjectType, Window]:
    """Plan an incremental run: from the watermark to now, overlapping by the settle delay.

    The CRM's search publishes late, so modifications shortly before the last window's end are requested
    again. An object type without a watermark gets no window: all its records are read.
    """
    return {
        kind: Window(start=min(known.watermark, now) - settle_delay, end=now)
        for kind, known in freshness.items()
    }


def was_read_by_other_rules(freshness: Mapping[ObjectType, Freshness], versions: ReadingVersions) -> bool:
    """Return whether some object type was read by rules that have changed, so that all of it must be read again."""
    return any(known.reading_version != versions.get(kind) for kind, known in freshness.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Outcomes of the records of a stream. Addable: a step's counts are the sum of its batches' counts."""

    received: int = 0
    """Everything that the CRM sent, including repeats and rejected records."""
    repeats: int = 0
    """Received again in the same stream."""
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    stale: int = 0
    """Older than the stored record."""
    archived: int = 0
    """Found to be gone at the CRM. Not received, so not part of the reconciliation."""
    merged: int = 0
    """Found to be merged into another record. Not received either."""
    rejected: Mapping[str, int] = field(default_factory=dict)
    """Reason → how many."""
    unreadable: Mapping[str, int] = field(default_factory=dict)
    """Field → number of distinct records whose value could not be kept as it is."""
    hidden: Mapping[str, int] = field(default_factory=dict)
    """Field → number of distinct records in which the user who connected may not see it."""

    @property
    def distinct(self) -> int:
        return self.received - self.repeats

    @property
    def rejections(self) -> int:
        return sum(self.rejected.values())

    @property
    def changes(self) -> int:
        """Return how many records it made differ from what was stored, or could not."""
        return self.inserted + self.updated + self.archived + self.merged + self.rejections

    @property
    def adds_up(self) -> bool:
        """Return whether every distinct record is accounted for."""
        return self.distinct == (self.inserted + self.updated + self.unchanged + self.stale + self.rejections)

    def __add__(self, other: Self) -> Self:
        return replace(
            self,
            received=self.received + other.received,
            repeats=self.repeats + other.repeats,
            inserted=self.inserted + other.inserted,
            updated=self.updated + other.updated,
            unchanged=self.unchanged + other.unchanged,
            stale=self.stale + other.stale,
            archived=self.archived + other.archived,
            merged=self.merged + other.merged,
            rejected=dict(Counter(self.rejected) + Counter(other.rejected)),
            unreadable=dict(Counter(self.unreadable) + Counter(other.unreadable)),
            hidden=dict(Counter(self.hidden) + Counter(other.hidden)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncStep:
    """One object type's part of a run."""

    object_type: ObjectType
    status: StepStatus = StepStatus.PENDING
    epoch: int = 0
    """Raised whenever the run is claimed; a batch commits only under the epoch with which it began."""
    cursor: Cursor | None = None
    counts: Counts = field(default_factory=Counts)
    expected_total: int | None = None
    window: Window | None = None
    reading_version: ReadingVersion = UNKNOWN_VERSION
    """Of the process that planned the run: if the rules change meanwhile, the next run reads everything again."""
    reason: str | None = None
    """Why it was refused or failed, or why its deletions were not applied; shown to users."""

    @property
    def is_done(self) -> bool:
        """Return whether the step has ended, whatever its outcome."""
        return self.status in _ENDED

    def reopen(self) -> Self:
        """Return the step as pending, at its cursor, if it was refused or failed; unchanged otherwise."""
        if self.status not in _NOT_READ:
            return self
        return replace(self, status=StepStatus.PENDING, reason=None)

    def freshness(self, run_started_at: datetime, settle_delay: timedelta) -> Freshness:
        """Return the freshness that this step achieves when done. A listing is up to date, a search lags."""
        as_of, watermark = run_started_at, run_started_at
        if self.window is not None:
            as_of, watermark = self.window.end - settle_delay, self.window.end
        return Freshness(complete_as_of=as_of, watermark=watermark, reading_version=self.reading_version)

    @property
    def is_reconciled(self) -> bool:
        """Return whether the stream reached the CRM's end of data and every distinct record is accounted for."""
        return self.status is StepStatus.COMPLETED and self.counts.adds_up


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnersStep:
    """The owners' part of a run: read completely in its first time slice, without cursor or counts."""

    status: StepStatus = StepStatus.PENDING
    reason: str | None = None
    """Why they were refused or failed; shown to users."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRun:
    """The aggregate. The database row is the truth; a job only says when to look at it."""

    id: SyncRunId
    user_id: UserId
    connection_id: ConnectionId
    provider: Provider
    account_id: CrmAccountId
    """At most one run per CRM account is running, across all users: runs would share its rate limit."""
    mode: SyncMode
    status: RunStatus
    requested_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    parked_until: datetime | None = None
    attempts: int = 0
    """How often it was claimed since it last stopped without a crash."""
    reason: str | None = None
    """Why it is parked, partial or failed; shown to users."""
    owners: OwnersStep = OwnersStep()
    steps: tuple[SyncStep, ...] = ()

    @property
    def changed_nothing(self) -> bool:
        """Return whether it is complete, and found everything as it was."""
        return self.status is RunStatus.COMPLETED and not any(step.counts.changes for step in self.steps)

    @classmethod
    def request(
        cls,
        run_id: SyncRunId,
        connection: CrmConnection,
        at: datetime,
        versions: ReadingVersions,
        mode: SyncMode = SyncMode.FULL,
        windows: Mapping[ObjectType, Window] | None = None,
    ) -> Self:
        """Return a queued run with one pending step per object type; a step without a window reads everything."""
        return cls(
            id=run_id,
            user_id=connection.user_id,
            connection_id=connection.id,
            provider=connection.provider,
            account_id=connection.account.account_id,
            mode=mode,
            status=RunStatus.QUEUED,
            requested_at=at,
            steps=tuple(
                SyncStep(
                    object_type=kind, window=(windows or {}).get(kind), reading_version=versions.get(kind)
                )
                for kind in ObjectType
            ),
        )

    def claim(self, at: datetime) -> Self:
        """Start or take over the run. Raises the epoch of every step, which fences off a former worker."""
        self._require_open("started")
        return replace(
            self,
            status=RunStatus.RUNNING,
            started_at=self.started_at or at,
            parked_until=None,
            reason=None,
            attempts=self.attempts + 1,
            steps=self._raise_epochs(),
        )

    def give_back_attempt(self) -> Self:
        """Not count the last attempt: what ended it is the store, and not the loss of its worker."""
        return replace(self, attempts=max(0, self.attempts - 1))

    def postpone(self) -> Self:
        """Queue the run behind another run of the same account, under a new epoch."""
        self._require_open("deferred")
        return replace(
            self, status=RunStatus.QUEUED, reason=None, parked_until=None, steps=self._raise_epochs()
        )

    def park(self, reason: str, until: datetime | None) -> Self:
        """Wait until a time, or with None until a reauthorization. Resets the attempts: the worker did not crash."""
        self._require_open("parked")
        return replace(self, status=RunStatus.PARKED, reason=reason, parked_until=until, attempts=0)

    def requeue(self) -> Self:
        """Queue the run to continue from its cursors, with attempts reset. Also resumes a failed run."""
        if self.status not in _RESUMABLE:
            raise errors.InvalidTransition("sync run", self.status, "resumed")
        return replace(
            self, status=RunStatus.QUEUED, reason=None, parked_until=None, finished_at=None, attempts=0
        )

    def resume(self) -> Self:
        """Queue the run because a sync was requested: retry the owners and steps that were refused or failed."""
        steps = tuple(step.reopen() for step in self.steps)
        return replace(self.requeue(), owners=OwnersStep(), steps=steps)

    def is_resumable(self, now: datetime, wanted: SyncMode) -> bool:
        """Return whether a request for a sync should resume this run instead of starting another.

        A failed run is resumed only if its mode covers the wanted one; otherwise a new run does both. A failed
        refetch has no cursor to resume from, and any run processes the refetches that it left.
        """
        if self.status is RunStatus.FAILED and self.mode is not SyncMode.REFETCH:
            is_recent = now - (self.started_at or self.requested_at) < MAX_RESUMABLE_AGE
            return is_recent and self.mode.covers(wanted)
        return self.status is RunStatus.PARKED

    def finish(self, at: datetime) -> Self:
        """End a run whose steps are all done, as completed, or as partial when something was refused or failed.

        A run that read no object type, at least one of them because of a failure, is failed.
        """
        self._require_open("finished")
        if self.open_steps:
            raise errors.InvalidTransition(
                "sync run", f"still reading {self.open_steps[0].object_type}", "finished"
            )
        reasons = [self.owners.reason, *(step.reason for step in self.steps)]
        given = [reason for reason in reasons if reason]
        outcomes = {step.status for step in self.steps}
        status = RunStatus.PARTIAL if given else RunStatus.COMPLETED
        if StepStatus.FAILED in outcomes and outcomes <= _NOT_READ:
            status = RunStatus.FAILED
        return replace(self, status=status, finished_at=at, reason=" ".join(given) or None)

    def fail(self, reason: str, at: datetime) -> Self:
        """End the run until it is resumed. Raises the epoch of every step, as `cancel` does: a frozen worker wakes up."""
        self._require_open("failed")
        steps = self._raise_epochs()
        return replace(self, status=RunStatus.FAILED, finished_at=at, reason=reason, steps=steps)

    def cancel(self, reason: str, at: datetime) -> Self:
        """Stop for good. Raises the epoch of every step, so that running work writes nothing more."""
        self._require_open("cancelled")
        steps = self._raise_epochs()
        return replace(self, status=RunStatus.CANCELLED, finished_at=at, reason=reason, steps=steps)

    def step(self, object_type: ObjectType) -> SyncStep:
        return next(step for step in self.steps if step.object_type is object_type)

    @property
    def epoch(self) -> int:
        """How often the run was claimed, postponed, failed or cancelled; differs between any two workers that had it."""
        return max((step.epoch for step in self.steps), default=0)

    @property
    def open_steps(self) -> Sequence[SyncStep]:
        return [step for step in self.steps if not step.is_done]

    def _raise_epochs(self) -> tuple[SyncStep, ...]:
        return tuple(replace(step, epoch=step.epoch + 1) for step in self.steps)

    def _require_open(self, action: str) -> None:
        if not self.status.is_open:
            raise errors.InvalidTransition("sync run", self.status, action)
