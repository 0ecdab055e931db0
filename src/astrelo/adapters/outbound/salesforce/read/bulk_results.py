"""The results of a bulk job that is done, page by page.

Each page names the one behind it. Beside that Salesforce lists the places where pages begin, which lets several be
fetched at a time. The first is the truth, the second a forecast: a page is taken from the forecast only if it is the
one that the page before named, and where the forecast fails the walk goes from page to page. It fails where
Salesforce's pages are larger than ours: we ask for no more rows than fit well into memory.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from http import HTTPStatus
from typing import Any, Generic, NamedTuple, TypeVar

from astrelo.adapters.outbound.crm.http import TooLarge
from astrelo.adapters.outbound.crm.pagination import PaginationLoopGuard, prefetch
from astrelo.adapters.outbound.salesforce.api.client import JobResults
from astrelo.adapters.outbound.salesforce.api.error_mapper import Blocked, Refused
from astrelo.adapters.outbound.salesforce.api.wire import Row
from astrelo.adapters.outbound.salesforce.read.pagination import QueryContext
from astrelo.domain.errors import CrmRejected, CrmUnavailable
from astrelo.domain.identifiers import Provider

T = TypeVar("T")
R = TypeVar("R", bound=Row)

MAX_ROWS = 10_000
"""Rows asked for at a time: what a page may take of memory decides, not their number."""

_FEWER = 4
"""By so much the number of rows is divided when a page of them is too large."""

_PAGES_UNTAKEN = 1
"""Three pages are fetched side by side, of each of three objects. Each is megabytes of text: more of them lie in
memory and bring nothing sooner."""

_DEAD_LOCATOR = "INVALID_QUERY_LOCATOR"
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.GONE})


class JobLost(Exception):
    """A job that will give no (more) results."""


class ResultPage(NamedTuple, Generic[R]):
    """A page of results, and the locator that it was found behind."""

    locator: str | None
    results: JobResults[R]

    @property
    def rows(self) -> int:
        """How many rows came, those that were rejected among them."""
        return self.results.page.count + len(self.results.page.rejected)


async def of_job(asking: Coroutine[Any, Any, T]) -> T:
    """Take "there is no such job", or none with this locator or for this version of the API, for what it says."""
    try:
        return await asking
    except Refused as error:
        if error.status not in _GONE and error.code != _DEAD_LOCATOR:
            raise
        raise JobLost(error.code) from error


class JobPages(Generic[R]):
    """Reads one job's results."""

    def __init__(self, reading: QueryContext[R], job: str) -> None:
        self._reading = reading
        self._job = job
        self._most_rows = MAX_ROWS

    async def rows_after(self, locator: str | None) -> AsyncGenerator[ResultPage[R], None]:
        """Yield every page behind a locator, in their order. Raises JobLost."""
        wanted, trail = locator, PaginationLoopGuard(locator, Provider.SALESFORCE)
        async with aclosing(self._foreseen(wanted)) as foreseen:
            async for place in foreseen:
                yield place
                if place.results.following is None:
                    return
                wanted = trail.follow(place.results.following)
        async with aclosing(self._one_by_one(wanted, trail)) as rest:
            async for place in rest:
                yield place

    async def _foreseen(self, wanted: str | None) -> AsyncGenerator[ResultPage[R], None]:
        """Yield listed pages, fetched side by side, as long as each is the one that is wanted next."""
        async with aclosing(prefetch(self._listed(wanted), _PAGES_UNTAKEN)) as fetch_rows:
            async for place in fetch_rows:
                if place is None or wanted not in {None, place.locator}:
                    return
                yield place
                wanted = place.results.following

    async def _one_by_one(
        self, wanted: str | None, trail: PaginationLoopGuard
    ) -> AsyncGenerator[ResultPage[R], None]:
        """Yield each page that the one before names; it is fetched while that one is in the reader's hands."""
        upcoming = asyncio.create_task(self._page(wanted))
        try:
            while True:
                place = await upcoming
                if (following := place.results.following) is not None:
                    upcoming = asyncio.create_task(self._page(trail.follow(following)))
                yield place
                if following is None:
                    return
        finally:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)

    async def _listed(
        self, wanted: str | None
    ) -> AsyncGenerator[Coroutine[Any, Any, ResultPage[R] | None], None]:
        """Begin to fetch the page at each listed place, from the wanted one on.

        The beginning needs no list and no locator: what is listed first is another name for it.
        """
        is_reached = False
        async with aclosing(self._locators()) as locators:
            if wanted is None:
                yield self._listed_page(None)
                is_reached = await anext(locators, None) is not None
            async for locator in locators:
                is_reached = is_reached or locator == wanted
                if is_reached:
                    yield self._listed_page(locator)

    async def _locators(self) -> AsyncGenerator[str | None, None]:
        """Yield the place of each listed page. A list that is not to be had ends it."""
        url: str | None = None
        trail = PaginationLoopGuard(url, Provider.SALESFORCE)
        client, session, kind = self._reading.client, self._reading.session, self._reading.kind
        while True:
            try:
                listing = await client.listing(session, kind, self._job, url)
                url = None if listing.next_url is None else trail.follow(listing.next_url)
            except (Blocked, CrmRejected, CrmUnavailable):
                return
            for listed in listing.result_pages:
                yield listed.locator
            if url is None:
                return

    async def _listed_page(self, locator: str | None) -> ResultPage[R] | None:
        """Return None for a page that does not come, be it for its size: whoever wants it finds out why."""
        try:
            return await self._at(locator)
        except (Blocked, CrmRejected, CrmUnavailable):
            return None

    async def _page(self, locator: str | None) -> ResultPage[R]:
        while True:
            try:
                return await of_job(self._at(locator))
            except TooLarge:
                if self._most_rows == 1:
                    raise
                self._most_rows = max(1, self._most_rows // _FEWER)

    async def _at(self, locator: str | None) -> ResultPage[R]:
        client, session, kind = self._reading.client, self._reading.session, self._reading.kind
        return ResultPage(locator, await client.results(session, kind, self._job, locator, self._most_rows))
