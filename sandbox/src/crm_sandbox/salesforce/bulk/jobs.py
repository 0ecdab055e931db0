"""Bulk API 2.0 query jobs: their states, and the rows of a finished job."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Literal

from crm_sandbox.rate_limits import SlidingWindowLimiter
from crm_sandbox.salesforce.errors import ApiError, error_for_status
from crm_sandbox.salesforce.flags import DAY_SECONDS
from crm_sandbox.salesforce.org.ids import BULK_JOB_PREFIX, numbered_id
from crm_sandbox.salesforce.org.org import Org
from crm_sandbox.salesforce.org.store import Row
from crm_sandbox.salesforce.query.selection import Selection

MAX_DAILY_JOBS = 10_000
CHUNK_ROWS = 200
"""Rows of a PK chunk here; real chunks have 100,000 and more."""
State = Literal["UploadComplete", "InProgress", "JobComplete", "Aborted", "Failed"]
FINISHED: frozenset[State] = frozenset({"JobComplete", "Aborted", "Failed"})


@dataclass(slots=True, kw_only=True)
class Job:
    id: str
    operation: str
    version: str
    delimiter: str
    line_ending: str
    selection: Selection
    created_at: float
    state: State = "UploadComplete"
    polls: int = 0
    rows: Sequence[Row] = field(default=(), repr=False)

    @property
    def is_chunked(self) -> bool:
        """Whether PK chunking applies: an order or a limit flags it off."""
        statement = self.selection.statement
        return not statement.ordering and statement.limit is None

    def finish(self, state: State) -> None:
        """End the job; a complete one keeps the rows as they are now, an aborted or failed one none."""
        self.state = state
        if state == "JobComplete":
            rows = self.selection.select_rows()
            self.rows = _shuffle_chunks(rows, Random(self.id)) if self.is_chunked else rows


class BulkJobs:
    """An org's query jobs. Every poll advances a job; it ends after `bulk_polls` of them."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._jobs: dict[str, Job] = {}
        self._numbers = count(1)
        self._daily = SlidingWindowLimiter(MAX_DAILY_JOBS, DAY_SECONDS)

    def create(
        self, selection: Selection, *, operation: str, version: str, delimiter: str, line_ending: str
    ) -> Job:
        job = Job(
            id=numbered_id(BULK_JOB_PREFIX, next(self._numbers)),
            operation=operation,
            version=version,
            delimiter=delimiter,
            line_ending=line_ending,
            selection=selection,
            created_at=self._org.clock.now(),
        )
        self._jobs[job.id] = job
        self._daily.admit(job.created_at)
        return job

    def find(self, job_id: str, version: str) -> Job:
        """Return a job; 404 when it is unknown or too old, 409 when it was created with another API version."""
        job = self._jobs.get(job_id)
        if job is None or self._org.clock.now() - job.created_at >= self._org.flags.bulk_job_seconds:
            raise error_for_status(404)
        if job.version != version:
            raise ApiError(
                409,
                "VERSION_MISMATCH",
                f"The job was created with API version {job.version.removeprefix('v')}: ask for it with that one.",
            )
        return job

    def poll(self, job: Job) -> None:
        """Advance a job by one poll."""
        if job.state in FINISHED:
            return
        job.polls += 1
        if job.polls > self._org.flags.bulk_polls:
            job.finish(self._org.flags.bulk_outcome)
        else:
            job.state = "InProgress"

    def list_all(self) -> list[Job]:
        return list(self._jobs.values())

    def remaining_today(self) -> int:
        """Return how many jobs may still be created within 24 hours; deleted ones have used up theirs."""
        return self._daily.remaining(self._org.clock.now())

    def delete(self, job: Job) -> None:
        if job.state not in FINISHED:
            raise ApiError(400, "INVALIDJOBSTATE", f"The job is in state {job.state}: abort it first.")
        del self._jobs[job.id]


def _shuffle_chunks(rows: Sequence[Row], rng: Random) -> list[Row]:
    by_id = sorted(rows, key=lambda row: row.id)
    chunks = [by_id[start : start + CHUNK_ROWS] for start in range(0, len(by_id), CHUNK_ROWS)]
    rng.shuffle(chunks)
    return [row for chunk in chunks for row in chunk]
