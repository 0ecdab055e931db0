"""A sync run: its states, its steps, and the reconciliation that says whether anything was lost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from astrelo.domain.connection import CrmConnection
from astrelo.domain.errors import InvalidTransition
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
"""How often a run is taken up before it ends as failed; a run that kills its worker must end."""


MAX_RESUMABLE_AGE = timedelta(hours=6)
"""A failed run that began longer ago is not resumed: a new one is fresher for little more work."""


class SyncMode(StrEnum):
    FULL = "full"
    """Every live record by the lists; what is missing from them is looked for and archived."""
    INCREMENTAL = "incremental"
    """What was modified in a window, by search."""
    REFETCH = "events"
    """Only the records that webhooks named."""

    def covers(self, other: "SyncMode") -> bool:
        """Tell whether a run of this mode, begun now, sees all that one of the other would."""
        return _THOROUGHNESS.index(self) >= _THOROUGHNESS.index(other)


_THOROUGHNESS = (SyncMode.REFETCH, SyncMode.INCREMENTAL, SyncMode.FULL)


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PARKED = "parked"
    """Waits for a time (`parked_until`) or for a person (a reauthorization); holds no worker."""
    COMPLETED = "completed"
    PARTIAL = "partial"
    """Done, but not with everything: an object type, or the owners, was refused or could not be read."""
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
    """The CRM answered something about this object type that makes no sense to us."""


_ENDED = frozenset({StepStatus.COMPLETED, StepStatus.REFUSED, StepStatus.FAILED})
_NOT_READ = frozenset({StepStatus.REFUSED, StepStatus.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Modification times from `start` to `end`, both inclusive."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """What an object type of a connection is known to hold."""

    complete_as_of: datetime
    """Everything the CRM held at this time is stored."""
    watermark: datetime
    """Up to here modifications were asked for; the last of them may have been published since."""
    reading_version: ReadingVersion
    """By which rules all of it was read."""


def incremental_windows(
    freshness: Mapping[ObjectType, Freshness], now: datetime, settle_delay: timedelta
) -> Mapping[ObjectType, Window]:
    """Plan an incremental run: from the watermark to now, overlapping by the settle delay.

    The CRM's search publishes late, so what was modified shortly before the last window's end is asked
    for again. An object type without a watermark gets no window: it is walked whole.
    """
    return {
        kind: Window(start=min(known.watermark, now) - settle_delay, end=now)
        for kind, known in freshness.items()
    }


def was_read_by_other_rules(freshness: Mapping[ObjectType, Freshness], versions: ReadingVersions) -> bool:
    """Return whether something stored must be read again whole, as the rules of reading have changed since."""
    return any(known.reading_version != versions.of(kind) for kind, known in freshness.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What became of the records of a walk. Addable: a step's counts are the sum of its batches'."""

    received: int = 0
    """Everything the provider sent, repeats and rejected ones included."""
    repeats: int = 0
    """Received again in the same walk."""
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    stale: int = 0
    """Older than what is stored."""
    archived: int = 0
    """Found to be gone at the CRM. Not received, so not part of the balance."""
    merged: int = 0
    """Found to be merged into another record. Not received either."""
    rejected: Mapping[str, int] = field(default_factory=dict)
    """Reason → how many."""
    unreadable: Mapping[str, int] = field(default_factory=dict)
    """Field → in how many distinct records its value could not be kept as it is."""
    hidden: Mapping[str, int] = field(default_factory=dict)
    """Field → in how many distinct records the user who connected may not see it."""

    @property
    def distinct(self) -> int:
        return self.received - self.repeats

    @property
    def rejections(self) -> int:
        return sum(self.rejected.values())

    @property
    def adds_up(self) -> bool:
        """Tell whether every distinct record is accounted for."""
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
    """Raised at every takeover; a batch commits only under the epoch it was begun with."""
    cursor: Cursor | None = None
    counts: Counts = field(default_factory=Counts)
    expected_total: int | None = None
    window: Window | None = None
    reading_version: ReadingVersion = UNKNOWN_VERSION
    """Of the process that planned the run: should other rules begin meanwhile, the next run reads all again."""
    reason: str | None = None
    """Why it was refused, why it failed, or why its deletions were not believed; for people."""

    @property
    def is_done(self) -> bool:
        """Tell whether this run does no more about it, whatever it ended as."""
        return self.status in _ENDED

    def reopen(self) -> Self:
        """Go on from the cursor in what was refused or failed; anything else stays as it is."""
        if self.status not in _NOT_READ:
            return self
        return replace(self, status=StepStatus.PENDING, reason=None)

    def freshness(self, run_started_at: datetime, settle_delay: timedelta) -> Freshness:
        """Tell what the store holds once this step is done. A list is up to date, a search is not."""
        as_of, watermark = run_started_at, run_started_at
        if self.window is not None:
            as_of, watermark = self.window.end - settle_delay, self.window.end
        return Freshness(complete_as_of=as_of, watermark=watermark, reading_version=self.reading_version)

    @property
    def is_reconciled(self) -> bool:
        """The walk reached the provider's end of data and every distinct record is accounted for."""
        return self.status is StepStatus.COMPLETED and self.counts.adds_up


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnersStep:
    """The owners' part of a run: read whole in its first slice, so without a cursor, and uncounted."""

    status: StepStatus = StepStatus.PENDING
    reason: str | None = None
    """Why they were refused or failed, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRun:
    """The aggregate. The database row is the truth; a queue only says when to look at it."""

    id: SyncRunId
    user_id: UserId
    connection_id: ConnectionId
    provider: Provider
    account_id: CrmAccountId
    """At most one run of an account is running, whoever's it is: they would share its rate limit."""
    mode: SyncMode
    status: RunStatus
    requested_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    parked_until: datetime | None = None
    attempts: int = 0
    """How often it was taken up since it last stopped in good order."""
    reason: str | None = None
    """Why it is parked, partial or failed, for people."""
    owners: OwnersStep = OwnersStep()
    steps: tuple[SyncStep, ...] = ()

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
        """Make a queued run with one pending step per object type; one without a window walks everything."""
        told = windows or {}
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
                SyncStep(object_type=kind, window=told.get(kind), reading_version=versions.of(kind))
                for kind in ObjectType
            ),
        )

    def claim(self, at: datetime) -> Self:
        """Start or take over: raises the epoch of every step, so that a former worker is fenced off."""
        self._require_open("started")
        return replace(
            self,
            status=RunStatus.RUNNING,
            started_at=self.started_at or at,
            parked_until=None,
            reason=None,
            attempts=self.attempts + 1,
            steps=tuple(replace(step, epoch=step.epoch + 1) for step in self.steps),
        )

    def postpone(self) -> Self:
        """Wait for another run of the same account: as before, but under an epoch of its own."""
        self._require_open("deferred")
        steps = tuple(replace(step, epoch=step.epoch + 1) for step in self.steps)
        return replace(self, status=RunStatus.QUEUED, steps=steps)

    def park(self, reason: str, until: datetime | None) -> Self:
        """Wait for a time, or without one for a person. Whoever parks a run has not crashed: attempts restart."""
        self._require_open("parked")
        return replace(self, status=RunStatus.PARKED, reason=reason, parked_until=until, attempts=0)

    def requeue(self) -> Self:
        """Go on later from the cursors, with attempts counted anew."""
        if self.status not in _RESUMABLE:
            raise InvalidTransition("sync run", self.status, "resumed")
        return replace(
            self, status=RunStatus.QUEUED, reason=None, parked_until=None, finished_at=None, attempts=0
        )

    def resume(self) -> Self:
        """Go on because somebody asks: what was refused or failed before may be readable by now."""
        steps = tuple(step.reopen() for step in self.steps)
        return replace(self.requeue(), owners=OwnersStep(), steps=steps)

    def is_resumable(self, now: datetime, wanted: SyncMode) -> bool:
        """Tell whether a request for a sync should go on with this run rather than begin another.

        One that failed must do all that is wanted: else another does it, and this one's part with it. One that
        only followed webhooks has no cursor to go on from; what it left is followed by any run.
        """
        if self.status is RunStatus.FAILED and self.mode is not SyncMode.REFETCH:
            is_recent = now - (self.started_at or self.requested_at) < MAX_RESUMABLE_AGE
            return is_recent and self.mode.covers(wanted)
        return self.status is RunStatus.PARKED

    def finish(self, at: datetime) -> Self:
        """End a run whose steps are all done: completed, or partial when something was refused or failed.

        One that read no object type because of what failed has failed itself.
        """
        self._require_open("finished")
        if self.open_steps:
            raise InvalidTransition("sync run", f"still reading {self.open_steps[0].object_type}", "finished")
        reasons = [self.owners.reason, *(step.reason for step in self.steps)]
        lacking = [reason for reason in reasons if reason]
        status = RunStatus.PARTIAL if lacking else RunStatus.COMPLETED
        if self._read_nothing:
            status = RunStatus.FAILED
        return replace(self, status=status, finished_at=at, reason=". ".join(lacking) or None)

    def fail(self, reason: str, at: datetime) -> Self:
        self._require_open("failed")
        return replace(self, status=RunStatus.FAILED, finished_at=at, reason=reason)

    def cancel(self, reason: str, at: datetime) -> Self:
        """Stop for good. Raises every epoch, so that running work writes nothing more."""
        self._require_open("cancelled")
        return replace(
            self,
            status=RunStatus.CANCELLED,
            finished_at=at,
            reason=reason,
            steps=tuple(replace(step, epoch=step.epoch + 1) for step in self.steps),
        )

    def step(self, object_type: ObjectType) -> SyncStep:
        return next(step for step in self.steps if step.object_type is object_type)

    @property
    def epoch(self) -> int:
        """How often the run was taken up or called off: differs between any two workers that had it."""
        return max((step.epoch for step in self.steps), default=0)

    @property
    def open_steps(self) -> Sequence[SyncStep]:
        return [step for step in self.steps if not step.is_done]

    @property
    def _read_nothing(self) -> bool:
        ended_as = {step.status for step in self.steps}
        return StepStatus.FAILED in ended_as and ended_as <= _NOT_READ

    def _require_open(self, action: str) -> None:
        if not self.status.is_open:
            raise InvalidTransition("sync run", self.status, action)
