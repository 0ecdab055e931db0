"""Read an object's rows by a Bulk API 2.0 query job, where there are more than are worth reading by queries.

The job's query has no order, so that Salesforce may divide it by ranges of ids and run the parts side by side: the
rows come in any order. Its results stay for seven days and do not move, so that the cursor is a position in them. The
cursor is yielded as soon as the job exists, and after each look at an unfinished job, on a page without records:
the caller may stop waiting, and a later stream finds the job again.
"""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from datetime import timedelta
from itertools import islice
from typing import TypeVar

import structlog
from msgspec import structs

from astrelo.adapters.outbound.crm import decoding
from astrelo.adapters.outbound.salesforce.api import error_mapper, responses, wire
from astrelo.adapters.outbound.salesforce.read import bulk_results, cursors, pagination
from astrelo.domain import errors
from astrelo.domain.identifiers import Provider
from astrelo.domain.ports.system import Clock

R = TypeVar("R", bound=wire.Row)
_log = structlog.get_logger(__name__)

MAX_JOB_SECONDS = timedelta(hours=6)
"""A job that is not finished after so long is abandoned; Salesforce's own attempts end far earlier."""

_INITIAL_PAUSE = 0.5
_MAX_PAUSE = 20.0
_PAUSE_GROWTH = 1.5
_DONE = "JobComplete"
_IN_PROGRESS = frozenset({"UploadComplete", "InProgress"})


class JobRefused(Exception):
    """No bulk query can be had: the org has used up its jobs of the day, say, or the user may create none."""


class JobMiscounted(bulk_results.JobLost):
    """A job whose results are not as many rows as it says it has."""


async def export_rows(
    context: pagination.QueryContext[R],
    clock: Clock,
    start: cursors.JobPosition | cursors.IdRange | None,
    total: int | None = None,
) -> AsyncGenerator[pagination.RawPage[R], None]:
    """Read by a job: from a position in one, or by a new one over a window, or over everything.

    A job that is lost, or that returns other rows than it has, is replaced by a new one, and all rows are yielded
    again. Raise CrmUnavailable when that is lost too, JobRefused when no new job, or none that is whole, can be had.
    """
    position = start if isinstance(start, cursors.JobPosition) else None
    id_range = start.id_range if isinstance(start, cursors.JobPosition) else start
    is_second = position is not None and position.replaces
    while True:
        if position is None:
            position = await _create_job(context, clock, id_range, replaces=is_second)
            yield pagination.RawPage(cursor=cursors.encode_cursor(position), expected_total=total)
        try:
            async with aclosing(_read_job(context, clock, position)) as raw_pages:
                async for raw_page in raw_pages:
                    yield raw_page
        except error_mapper.Blocked as error:
            # A security policy that withholds results of jobs may let queries through.
            raise JobRefused(str(error)) from error
        except bulk_results.JobLost as lost:
            _log.warning("crm.bulk_job_lost", job=position.job, reason=str(lost))
            if is_second and isinstance(lost, JobMiscounted):
                raise JobRefused(str(lost)) from None
            if is_second:
                # A cursor to the start: with the old one the next attempt would find the lost job.
                yield pagination.RawPage(cursor=cursors.encode_cursor(cursors.QueryPosition(id_range)))
                raise errors.CrmUnavailable(
                    Provider.SALESFORCE, f"a bulk query was lost twice: {lost}"
                ) from None
            context.field_access.forget(context.session, context.kind)
            position, is_second = None, True
        else:
            return


async def _create_job(
    context: pagination.QueryContext[R], clock: Clock, id_range: cursors.IdRange | None, *, replaces: bool
) -> cursors.JobPosition:
    async def create(fields: Sequence[str]) -> responses.QueryJob:
        deleted = id_range is not None
        query = context.build_query(fields, pagination.range_conditions(id_range), deleted=deleted)
        return await context.client.create_job(context.session, context.kind, query, deleted=deleted)

    try:
        job = await context.field_access.query(context.session, context.kind, create)
    except (error_mapper.Refused, error_mapper.Blocked) as error:
        raise JobRefused(str(error)) from error
    return cursors.JobPosition(id_range, job.id, int(clock.now().timestamp()), replaces=replaces)


async def _read_job(
    context: pagination.QueryContext[R], clock: Clock, position: cursors.JobPosition
) -> AsyncGenerator[pagination.RawPage[R], None]:
    pause = _INITIAL_PAUSE
    while (job := await _poll_job(context, clock, position)).state != _DONE:
        yield pagination.RawPage(cursor=cursors.encode_cursor(position))
        await clock.sleep(pause)
        pause = min(pause * _PAUSE_GROWTH, _MAX_PAUSE)
    if job.number_records_processed == 0:  # what a page of no results looks like is documented nowhere
        yield pagination.RawPage()
        return
    async with aclosing(_read_results(context, position, job.number_records_processed)) as raw_pages:
        async for raw_page in raw_pages:
            yield raw_page


async def _poll_job(
    context: pagination.QueryContext[R], clock: Clock, position: cursors.JobPosition
) -> responses.QueryJob:
    """Raise JobLost for a job that is not finished and never will be."""
    with bulk_results.raise_job_lost():
        job = await context.client.job(context.session, context.kind, position.job)
    if job.state not in {_DONE, *_IN_PROGRESS}:
        # The code that a job's message begins with; the rest may quote a record.
        code = (
            decoding.sanitize_code((job.error_message or "").partition(" ")[0].rstrip(":,"))
            or "no error code"
        )
        raise bulk_results.JobLost(f"{decoding.sanitize_code(job.state) or 'no state'} ({code})")
    if job.state != _DONE and clock.now().timestamp() - position.made_at > MAX_JOB_SECONDS.total_seconds():
        raise bulk_results.JobLost(f"not done after {MAX_JOB_SECONDS}")
    return job


async def _read_results(
    context: pagination.QueryContext[R], position: cursors.JobPosition, expected: int | None
) -> AsyncGenerator[pagination.RawPage[R], None]:
    """Yield the results in pages of ours, each with the position after it.

    Positions count rows: result pages may have another size when they are requested again. Whether all
    rows were received is checked before the last of them are yielded, for these end the stream.
    """
    job_pages = bulk_results.JobPages(context, position.job)
    async with aclosing(job_pages.pages_after(position.locator)) as result_pages:
        async for result_page in result_pages:
            locator = result_page.results.next_locator
            received = position.passed + result_page.rows
            if locator is None and expected not in {None, received}:
                raise JobMiscounted(f"{received} of {expected} rows came")
            handed_out = max(0, position.handed_out - result_page.results.page.count)
            next_position = (
                None
                if locator is None
                else structs.replace(position, locator=locator, handed_out=handed_out, passed=received)
            )
            for raw_page in _divide_page(position, result_page, next_position):
                yield raw_page
            position = next_position or position


def _divide_page(
    position: cursors.JobPosition,
    result_page: bulk_results.ResultPage[R],
    next_position: cursors.JobPosition | None,
) -> Iterator[pagination.RawPage[R]]:
    """Divide a page. Rejected records go with the rows around them, whatever the page's size."""
    page, skipped = result_page.results.page, position.handed_out
    rows = page.rows(skipped)
    for start in range(skipped, page.count, pagination.PAGE_SIZE) or [skipped]:
        end = start + pagination.PAGE_SIZE
        is_last = end >= page.count
        raw_page = pagination.RawPage(
            rows=list(islice(rows, pagination.PAGE_SIZE)),
            rejected=page.rejected_among(start, None if is_last else end),
        )
        if not is_last:
            next_part = structs.replace(position, locator=result_page.locator, handed_out=end)
            raw_page.cursor = cursors.encode_cursor(next_part)
        elif next_position is not None:
            raw_page.cursor = cursors.encode_cursor(next_position)
        yield raw_page
