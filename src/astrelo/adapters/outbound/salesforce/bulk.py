"""Walking an object's rows by a Bulk API 2.0 query job: for more of them than are worth reading by queries.

The job's query has no order, so that Salesforce may divide it by ranges of ids and work on them side by side: the
rows come in any order. Its results stay for seven days and do not move, so that the cursor is a place in them. The
cursor is told as soon as there is a job, on a page without records: whoever takes the walk over while the job runs
finds it again.

Salesforce lists the pages of the results, which lets several be fetched at a time, and each page names the one
behind it. The second is the truth, the first a forecast: a page is taken from the forecast only if it is the one
that the page before named, and where the forecast fails the walk goes from page to page.
"""

from collections.abc import AsyncGenerator, Coroutine, Iterator, Sequence
from contextlib import aclosing
from datetime import timedelta
from http import HTTPStatus
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

import structlog

from astrelo.adapters.outbound.crm.decoding import code_word
from astrelo.adapters.outbound.crm.walking import Trail, ahead
from astrelo.adapters.outbound.salesforce.answers import QueryJob
from astrelo.adapters.outbound.salesforce.client import JobResults, locator_in
from astrelo.adapters.outbound.salesforce.cursors import JobPosition, Stretch, cursor_of
from astrelo.adapters.outbound.salesforce.dialect import Refused
from astrelo.adapters.outbound.salesforce.soql import Query
from astrelo.adapters.outbound.salesforce.walk import GROUP_SIZE, Group, Reading, within
from astrelo.adapters.outbound.salesforce.wire import Row
from astrelo.domain.errors import CrmRejected, CrmUnavailable
from astrelo.domain.identifiers import Cursor, Provider
from astrelo.domain.ports import Clock

T = TypeVar("T")
R = TypeVar("R", bound=Row)
_log = structlog.get_logger(__name__)

LONGEST_JOB = timedelta(hours=6)
"""A job that is not done after so long is given up; Salesforce's own attempts end far earlier."""

_PAGES_UNTAKEN = 1
"""Three pages are fetched side by side, of each of three objects. Each is megabytes of text: more of them lie in
memory and bring nothing sooner."""

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 20.0
_PAUSE_GROWTH = 1.5
_UNDER_WAY = frozenset({"UploadComplete", "InProgress"})
_DEAD_LOCATOR = "INVALID_QUERY_LOCATOR"
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.GONE})


class _JobLost(Exception):
    """A job that will give no (more) results."""


class _Place(NamedTuple, Generic[R]):
    """A page of results, and the locator that it was found behind."""

    locator: str | None
    results: JobResults[R]


async def exported(
    reading: Reading[R], clock: Clock, start: JobPosition | Stretch | None, total: int | None = None
) -> AsyncGenerator[Group[R], None]:
    """Walk by a job: from a position in one, or by a new one over a stretch, or over everything.

    A job that is lost is replaced by a new one, and everything is told again. Raises CrmUnavailable when that is
    lost too.
    """
    position = start if isinstance(start, JobPosition) else None
    stretch = start.stretch if isinstance(start, JobPosition) else start
    is_second = False
    while True:
        if position is None:
            position = await _started(reading, clock, stretch)
            yield Group(cursor=cursor_of(position), expected_total=total)
        try:
            await _finished(reading, clock, position)
            async with aclosing(_groups(reading, position)) as groups:
                async for group in groups:
                    yield group
        except _JobLost as lost:
            _log.warning("crm.bulk_job_lost", job=position.job, reason=str(lost))
            if is_second:
                raise CrmUnavailable(Provider.SALESFORCE, f"a bulk query was lost twice: {lost}") from None
            reading.describing.forget(reading.session, reading.kind)
            position, is_second = None, True
        else:
            return


async def _started(reading: Reading[R], clock: Clock, stretch: Stretch | None) -> JobPosition:
    async def create(fields: Sequence[str]) -> QueryJob:
        query = Query(fields, reading.kind.object, within(stretch))
        return await reading.client.create_job(
            reading.session, reading.kind, query, deleted=stretch is not None
        )

    job = await reading.describing.asking(reading.session, reading.kind, create)
    return JobPosition(stretch, job.id, int(clock.now().timestamp()))


async def _finished(reading: Reading[R], clock: Clock, position: JobPosition) -> None:
    """Wait until the job is done. Raise _JobLost for one that never will be."""
    pause = _FIRST_PAUSE
    while True:
        job = await _of_job(reading.client.job(reading.session, reading.kind, position.job))
        if job.state == "JobComplete":
            return
        if job.state not in _UNDER_WAY:
            raise _JobLost(f"{code_word(job.state) or 'no state'} ({_reason(job)})")
        if clock.now().timestamp() - position.made_at > LONGEST_JOB.total_seconds():
            raise _JobLost(f"not done after {LONGEST_JOB}")
        await clock.sleep(pause)
        pause = min(pause * _PAUSE_GROWTH, _LONGEST_PAUSE)


def _reason(job: QueryJob) -> str:
    """Return the code that a job's message begins with; the rest may quote a record."""
    return code_word((job.error_message or "").partition(" ")[0].rstrip(":,")) or "no error code"


async def _of_job(asking: Coroutine[Any, Any, T]) -> T:
    """Take "there is no such job", or none with this locator or for this version of the API, for what it says."""
    try:
        return await asking
    except Refused as error:
        if error.status not in _GONE and error.code != _DEAD_LOCATOR:
            raise
        raise _JobLost(error.code) from error


async def _groups(reading: Reading[R], position: JobPosition) -> AsyncGenerator[Group[R], None]:
    """Hand the results out in groups, each with the place behind it.

    What was handed out is counted in rows: pages may have another size when they are asked for again.
    """
    skipped = position.handed_out
    async with aclosing(_places(reading, position)) as places:
        async for place in places:
            for group in _parts(position, place, skipped):
                yield group
            skipped = max(0, skipped - place.results.page.count)


def _parts(position: JobPosition, place: _Place[R], skipped: int) -> Iterator[Group[R]]:
    """Divide a page. What was rejected goes with its first part: an interruption then repeats, and loses none."""
    page, following = place.results
    rows = page.rows(skipped)
    for start in range(skipped, page.count, GROUP_SIZE) or [skipped]:
        end = start + GROUP_SIZE
        group = Group(rows=list(islice(rows, GROUP_SIZE)), rejected=() if start else page.rejected)
        if end < page.count:
            group.cursor = _behind(position, place.locator, end)
        elif following is not None:
            group.cursor = _behind(position, following, max(0, skipped - page.count))
        yield group


def _behind(position: JobPosition, locator: str | None, rows: int) -> Cursor:
    return cursor_of(JobPosition(position.stretch, position.job, position.made_at, locator, rows))


async def _places(reading: Reading[R], position: JobPosition) -> AsyncGenerator[_Place[R], None]:
    """Fetch the pages behind the position's locator: those that were foreseen, then one after the other."""
    wanted, trail = position.locator, Trail(position.locator, Provider.SALESFORCE)
    async with aclosing(_foreseen(reading, position.job, wanted)) as foreseen:
        async for place in foreseen:
            yield place
            if place.results.following is None:
                return
            wanted = trail.follow(place.results.following)
    while True:
        results = await _of_job(reading.client.results(reading.session, reading.kind, position.job, wanted))
        yield _Place(wanted, results)
        if results.following is None:
            return
        wanted = trail.follow(results.following)


async def _foreseen(reading: Reading[R], job: str, wanted: str | None) -> AsyncGenerator[_Place[R], None]:
    """Fetch listed pages side by side, as long as each is the one that is wanted next."""
    async with aclosing(ahead(_listed(reading, job, wanted), _PAGES_UNTAKEN)) as fetched:
        async for place in fetched:
            if place is None or wanted not in {None, place.locator}:
                return
            yield place
            wanted = place.results.following


async def _listed(
    reading: Reading[R], job: str, wanted: str | None
) -> AsyncGenerator[Coroutine[Any, Any, _Place[R] | None], None]:
    """Begin to fetch each listed page from the wanted one on. A list that is refused ends it."""
    url: str | None = None
    trail, is_reached = Trail(url, Provider.SALESFORCE), wanted is None
    while True:
        try:
            listing = await reading.client.listing(reading.session, reading.kind, job, url)
            url = None if listing.next_url is None else trail.follow(listing.next_url)
        except CrmRejected:
            return
        for listed in listing.result_pages:
            locator = locator_in(listed.result_url)
            is_reached = is_reached or locator == wanted
            if is_reached:
                yield _listed_page(reading, job, locator, listed.result_url)
        if url is None:
            return


async def _listed_page(reading: Reading[R], job: str, locator: str | None, url: str) -> _Place[R] | None:
    """Fetch a listed page; None for one that is refused, be it for its size: whoever wants it asks for less."""
    asking = reading.client.listed_results(reading.session, reading.kind, job, url)
    try:
        return _Place(locator, await asking)
    except CrmRejected:
        return None
