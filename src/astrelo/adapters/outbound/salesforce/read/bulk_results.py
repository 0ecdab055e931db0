"""The results of a finished bulk job, page by page.

Each page names the next one. Beside that Salesforce lists the locators at which pages begin, which lets several be
fetched at a time. The pages' own links are authoritative, the list is a forecast: a listed page is used only if it is
the one that the page before named, and where the list fails, pages are read one after the other. It fails where
Salesforce's pages are larger than ours: we request no more rows than fit well into memory.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import aclosing, contextmanager
from http import HTTPStatus
from typing import Any, Generic, NamedTuple, TypeVar

from astrelo.adapters.outbound.crm import http
from astrelo.adapters.outbound.crm.pagination import PaginationLoopGuard, prefetch
from astrelo.adapters.outbound.salesforce.api import error_mapper, wire
from astrelo.adapters.outbound.salesforce.api.client import JobResults
from astrelo.adapters.outbound.salesforce.read import pagination
from astrelo.domain import errors
from astrelo.domain.identifiers import Provider

R = TypeVar("R", bound=wire.Row)

MAX_ROWS = 10_000
"""Rows requested at a time: the memory that a page takes decides, not their number."""

_REDUCTION = 4
"""The number of rows is divided by so much when a page of them is too large."""

_PREFETCHED_PAGES = 1
"""Three pages are fetched side by side, of each of three objects. Each is megabytes of text: more of them would take
memory and gain no time."""

_DEAD_LOCATOR = "INVALID_QUERY_LOCATOR"
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.GONE})


class JobLost(Exception):
    """A job that will return no (more) results."""


class ResultPage(NamedTuple, Generic[R]):
    """A page of results, and the locator at which it begins."""

    locator: str | None
    results: JobResults[R]

    @property
    def rows(self) -> int:
        """How many rows were received, rejected ones included."""
        return self.results.page.count + len(self.results.page.rejected)


@contextmanager
def raise_job_lost() -> Iterator[None]:
    """Raise JobLost where Salesforce knows no such job, or none with this locator or in this version of the API."""
    try:
        yield
    except error_mapper.Refused as error:
        if error.status not in _GONE and error.code != _DEAD_LOCATOR:
            raise
        raise JobLost(error.code) from error


class JobPages(Generic[R]):
    """Reads one job's results."""

    def __init__(self, context: pagination.QueryContext[R], job: str) -> None:
        self._context = context
        self._job = job
        self._max_rows = MAX_ROWS

    async def pages_after(self, locator: str | None) -> AsyncGenerator[ResultPage[R], None]:
        """Yield every page from a locator on, in order. Raise JobLost."""
        wanted, loop_guard = locator, PaginationLoopGuard(locator, Provider.SALESFORCE)
        async with aclosing(self._read_listed(wanted)) as listed_pages:
            async for page in listed_pages:
                yield page
                if page.results.next_locator is None:
                    return
                wanted = loop_guard.follow(page.results.next_locator)
        async with aclosing(self._read_linked(wanted, loop_guard)) as linked_pages:
            async for page in linked_pages:
                yield page

    async def _read_listed(self, wanted: str | None) -> AsyncGenerator[ResultPage[R], None]:
        """Yield listed pages, fetched side by side, as long as each is the one that is wanted next."""
        async with aclosing(prefetch(self._fetch_listed(wanted), _PREFETCHED_PAGES)) as pages:
            async for page in pages:
                if page is None or wanted not in {None, page.locator}:
                    return
                yield page
                wanted = page.results.next_locator

    async def _read_linked(
        self, wanted: str | None, loop_guard: PaginationLoopGuard
    ) -> AsyncGenerator[ResultPage[R], None]:
        """Yield each page that the one before names; it is fetched while that one is being consumed."""
        upcoming = asyncio.create_task(self._read_page(wanted))
        try:
            while True:
                page = await upcoming
                if (next_locator := page.results.next_locator) is not None:
                    upcoming = asyncio.create_task(self._read_page(loop_guard.follow(next_locator)))
                yield page
                if next_locator is None:
                    return
        finally:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)

    async def _fetch_listed(
        self, wanted: str | None
    ) -> AsyncGenerator[Coroutine[Any, Any, ResultPage[R] | None], None]:
        """Begin to fetch the page at each listed locator, from the wanted one on.

        The first page needs no list and no locator: the first listed locator is another name for it.
        """
        is_reached = False
        async with aclosing(self._list_locators()) as locators:
            if wanted is None:
                yield self._try_page(None)
                is_reached = await anext(locators, None) is not None
            async for locator in locators:
                is_reached = is_reached or locator == wanted
                if is_reached:
                    yield self._try_page(locator)

    async def _list_locators(self) -> AsyncGenerator[str | None, None]:
        """Yield the locator of each listed page. A list that cannot be read ends here."""
        url: str | None = None
        loop_guard = PaginationLoopGuard(url, Provider.SALESFORCE)
        client, session, kind = self._context.client, self._context.session, self._context.kind
        while True:
            try:
                listing = await client.result_pages(session, kind, self._job, url)
                url = None if listing.next_url is None else loop_guard.follow(listing.next_url)
            except (error_mapper.Blocked, errors.CrmRejected, errors.CrmUnavailable):
                return
            for listed in listing.result_pages:
                yield listed.locator
            if url is None:
                return

    async def _try_page(self, locator: str | None) -> ResultPage[R] | None:
        """Return None for a page that fails, also by its size: reading it by its link shows why."""
        try:
            return await self._request_page(locator)
        except (error_mapper.Blocked, errors.CrmRejected, errors.CrmUnavailable):
            return None

    async def _read_page(self, locator: str | None) -> ResultPage[R]:
        while True:
            try:
                with raise_job_lost():
                    return await self._request_page(locator)
            except http.ResponseTooLarge:
                if self._max_rows == 1:
                    raise
                self._max_rows = max(1, self._max_rows // _REDUCTION)

    async def _request_page(self, locator: str | None) -> ResultPage[R]:
        client, session, kind = self._context.client, self._context.session, self._context.kind
        return ResultPage(locator, await client.results(session, kind, self._job, locator, self._max_rows))
