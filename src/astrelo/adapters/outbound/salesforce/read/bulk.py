"""Walking an object's rows by a Bulk API 2.0 query job: for more of them than are worth reading by queries.

The job's query has no order, so that Salesforce may divide it by ranges of ids and work on them side by side: the
rows come in any order. Its results stay for seven days and do not move, so that the cursor is a place in them. The
cursor is told as soon as there is a job, and after each look at one that is not done, on a page without records:
whoever waits may leave, and whoever takes the walk over finds the job again.
"""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from datetime import timedelta
from itertools import islice
from typing import TypeVar

import structlog
from msgspec import structs

from astrelo.adapters.outbound.crm.decoding import code_word
from astrelo.adapters.outbound.salesforce.api.error_mapper import Blocked, Refused
from astrelo.adapters.outbound.salesforce.api.responses import QueryJob
from astrelo.adapters.outbound.salesforce.api.wire import Row
from astrelo.adapters.outbound.salesforce.read.bulk_results import JobLost, JobPages, ResultPage, of_job
from astrelo.adapters.outbound.salesforce.read.cursors import IdRange, JobPosition, QueryPosition, cursor_of
from astrelo.adapters.outbound.salesforce.read.pagination import (
    GROUP_SIZE,
    Group,
    QueryContext,
    range_conditions,
)
from astrelo.domain.errors import CrmUnavailable
from astrelo.domain.identifiers import Provider
from astrelo.domain.ports.system import Clock

R = TypeVar("R", bound=Row)
_log = structlog.get_logger(__name__)

MAX_JOB_SECONDS = timedelta(hours=6)
"""A job that is not done after so long is given up; Salesforce's own attempts end far earlier."""

_FIRST_PAUSE = 0.5
_MAX_PAUSE = 20.0
_PAUSE_GROWTH = 1.5
_DONE = "JobComplete"
_UNDER_WAY = frozenset({"UploadComplete", "InProgress"})


class JobRefused(Exception):
    """There is no bulk query to be had: the org has used up its jobs of the day, say, or the user may make none."""


class JobMiscounted(JobLost):
    """A job whose results are not as many rows as it says it has."""


async def export_rows(
    reading: QueryContext[R], clock: Clock, start: JobPosition | IdRange | None, total: int | None = None
) -> AsyncGenerator[Group[R], None]:
    """Walk by a job: from a position in one, or by a new one over a stretch, or over everything.

    A job that is lost, or that gives other rows than it has, is replaced by a new one, and everything is told again.
    Raises CrmUnavailable when that is lost too, JobRefused when no new one, or none that is whole, can be had.
    """
    position = start if isinstance(start, JobPosition) else None
    id_range = start.id_range if isinstance(start, JobPosition) else start
    is_second = position is not None and position.replaces
    while True:
        if position is None:
            position = await _started(reading, clock, id_range, replaces=is_second)
            yield Group(cursor=cursor_of(position), expected_total=total)
        try:
            async with aclosing(_told(reading, clock, position)) as groups:
                async for group in groups:
                    yield group
        except Blocked as error:  # a security policy that keeps results of jobs back may let queries through
            raise JobRefused(str(error)) from error
        except JobLost as lost:
            _log.warning("crm.bulk_job_lost", job=position.job, reason=str(lost))
            if is_second and isinstance(lost, JobMiscounted):
                raise JobRefused(str(lost)) from None
            if is_second:
                # The beginning, or whoever tries again would find the lost job.
                yield Group(cursor=cursor_of(QueryPosition(id_range)))
                raise CrmUnavailable(Provider.SALESFORCE, f"a bulk query was lost twice: {lost}") from None
            reading.describing.forget(reading.session, reading.kind)
            position, is_second = None, True
        else:
            return


async def _started(
    reading: QueryContext[R], clock: Clock, id_range: IdRange | None, *, replaces: bool
) -> JobPosition:
    async def create(fields: Sequence[str]) -> QueryJob:
        deleted = id_range is not None
        query = reading.query(fields, range_conditions(id_range), deleted=deleted)
        return await reading.client.create_job(reading.session, reading.kind, query, deleted=deleted)

    try:
        job = await reading.describing.asking(reading.session, reading.kind, create)
    except (Refused, Blocked) as error:
        raise JobRefused(str(error)) from error
    return JobPosition(id_range, job.id, int(clock.now().timestamp()), replaces=replaces)


async def _told(
    reading: QueryContext[R], clock: Clock, position: JobPosition
) -> AsyncGenerator[Group[R], None]:
    pause = _FIRST_PAUSE
    while (job := await _looked_at(reading, clock, position)).state != _DONE:
        yield Group(cursor=cursor_of(position))
        await clock.sleep(pause)
        pause = min(pause * _PAUSE_GROWTH, _MAX_PAUSE)
    if job.number_records_processed == 0:  # nobody says what a page of no results looks like
        yield Group()
        return
    async with aclosing(_groups(reading, position, job.number_records_processed)) as groups:
        async for group in groups:
            yield group


async def _looked_at(reading: QueryContext[R], clock: Clock, position: JobPosition) -> QueryJob:
    """Raise JobLost for a job that is not done and never will be."""
    job = await of_job(reading.client.job(reading.session, reading.kind, position.job))
    if job.state not in {_DONE, *_UNDER_WAY}:
        raise JobLost(f"{code_word(job.state) or 'no state'} ({_reason(job)})")
    if job.state != _DONE and clock.now().timestamp() - position.made_at > MAX_JOB_SECONDS.total_seconds():
        raise JobLost(f"not done after {MAX_JOB_SECONDS}")
    return job


def _reason(job: QueryJob) -> str:
    """Return the code that a job's message begins with; the rest may quote a record."""
    return code_word((job.error_message or "").partition(" ")[0].rstrip(":,")) or "no error code"


async def _groups(
    reading: QueryContext[R], position: JobPosition, expected: int | None
) -> AsyncGenerator[Group[R], None]:
    """Hand the results out in groups, each with the place behind it.

    What was handed out is counted in rows: pages may have another size when they are asked for again. Whether all
    rows came is known before the last of them are handed out, for with those the walk ends.
    """
    async with aclosing(JobPages(reading, position.job).rows_after(position.locator)) as places:
        async for place in places:
            following = _behind(position, place)
            if following is None and expected not in {None, position.passed + place.rows}:
                raise JobMiscounted(f"{position.passed + place.rows} of {expected} rows came")
            for group in _parts(position, place, following):
                yield group
            position = following or position


def _behind(position: JobPosition, place: ResultPage[R]) -> JobPosition | None:
    """Return the position at the beginning of the next page, None behind the last."""
    locator = place.results.following
    if locator is None:
        return None
    handed_out = max(0, position.handed_out - place.results.page.count)
    return structs.replace(
        position, locator=locator, handed_out=handed_out, passed=position.passed + place.rows
    )


def _parts(position: JobPosition, place: ResultPage[R], following: JobPosition | None) -> Iterator[Group[R]]:
    """Divide a page. What was rejected goes with the rows that it stands among, whatever the page's size."""
    page, skipped = place.results.page, position.handed_out
    rows = page.rows(skipped)
    for start in range(skipped, page.count, GROUP_SIZE) or [skipped]:
        end = start + GROUP_SIZE
        is_last = end >= page.count
        group = Group(
            rows=list(islice(rows, GROUP_SIZE)),
            rejected=page.rejected_among(start, None if is_last else end),
        )
        if not is_last:
            group.cursor = cursor_of(structs.replace(position, locator=place.locator, handed_out=end))
        elif following is not None:
            group.cursor = cursor_of(following)
        yield group
