"""Cutting a stream of pages into batches, each of which is written in one transaction."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from typing import Self

from astrelo.application.sync.time_slice import StopSignal
from astrelo.domain.errors import CrmRejected
from astrelo.domain.identifiers import Cursor, Provider, RecordId
from astrelo.domain.records import CrmRecord, RecordPage, RejectedRecord

BATCH_SIZE = 1_000
"""The maximum number of records in a transaction: small pages are put together, and a larger one is cut."""

MAX_PAGES = 20
"""The maximum number of pages in a transaction: empty pages would otherwise never fill a batch, and a stream
that commits nothing can neither be cancelled nor stopped."""

LINGER_SECONDS = 0.5
"""How long a batch that is not full waits for the next page; limits how late progress is visible."""


@dataclass(slots=True, kw_only=True)
class Batch:
    """Several pages, or a part of one."""

    cursor: Cursor | None
    """Where the stream continues if it stops after this batch."""
    ends_page: bool = False
    """Whether nothing is left of its last page; the cursor of a part is still the one before the page."""
    ends_stream: bool = False
    records: list[CrmRecord] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)
    departed_ids: set[RecordId] = field(default_factory=set)
    """Ids that the CRM reports as archived, erased or merged, recently or long ago."""
    withheld: set[str] = field(default_factory=set)
    are_live: bool = True
    pages: int = 0
    expected_total: int | None = None

    def add(self, page: RecordPage) -> None:
        self._add_records(page, 0, len(page.records))
        self._end_page(page)

    @classmethod
    def cut(cls, page: RecordPage, size: int, cursor: Cursor | None) -> Iterator[Self]:
        """Cut a page whose stream was at `cursor` before it.

        What is not a record goes with the last part, which moves the cursor: if the stream stops before, the page is
        read again, and only records are recognised as repeats.
        """
        starts = range(0, len(page.records), size) or range(1)
        for start in starts:
            part = cls(cursor=cursor)
            part._add_records(page, start, start + size)
            if start == starts[-1]:
                part._end_page(page)
            yield part

    def _add_records(self, page: RecordPage, start: int, end: int) -> None:
        self.records.extend(page.records[start:end])
        self.withheld.update(page.withheld)
        self.are_live = self.are_live and page.are_live
        self.expected_total = self.expected_total or page.expected_total

    def _end_page(self, page: RecordPage) -> None:
        self.pages += 1
        self.rejected.extend(page.rejected)
        self.departed_ids.update(page.removed_ids, page.erased_ids, page.merged)
        self.cursor, self.ends_page, self.ends_stream = page.cursor, True, page.cursor is None

    @property
    def size(self) -> int:
        return len(self.records) + len(self.rejected)


class BatchReader:
    """Reads batches from a stream of pages, and closes it when its context is left."""

    def __init__(
        self,
        pages: AsyncGenerator[RecordPage, None],
        provider: Provider,
        cursor: Cursor | None,
        batch_size: int = BATCH_SIZE,
        linger_seconds: float = LINGER_SECONDS,
    ) -> None:
        self._pages = pages
        self._provider = provider
        self._cursor = cursor
        self._batch_size = batch_size
        self._linger_seconds = linger_seconds
        self._requested: asyncio.Task[RecordPage] | None = None
        self._parts: deque[Batch] = deque()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._requested is not None:
            self._requested.cancel()
            await asyncio.gather(self._requested, return_exceptions=True)
        await self._pages.aclose()

    async def read(self, should_stop: StopSignal) -> Batch | None:
        """Wait for a page, then take more until the batch is full or the next page is late.

        Returns None when asked to stop: the next page may be a rate limit's window or a backoff away, and pages that
        are not stored are fetched again. Raises an error that comes instead of the first page.
        """
        while not should_stop():
            if not self._parts and (arrived := await self._wait_for_page()):
                before = self._cursor
                self._parts.extend(Batch.cut(self._take(arrived), self._batch_size, before))
            if self._parts:
                return await self._fill(self._parts.popleft())
        return None

    async def _fill(self, batch: Batch) -> Batch:
        while batch.ends_page and not batch.ends_stream and batch.pages < MAX_PAGES:
            arrived = await self._wait_for_page()
            # An error waits for the next batch: what came before it is written first.
            if arrived is None or arrived.exception() is not None:
                break
            page = arrived.result()
            if batch.size + len(page.records) + len(page.rejected) > self._batch_size:
                break
            batch.add(self._take(arrived))
        return batch

    async def _wait_for_page(self) -> asyncio.Task[RecordPage] | None:
        """Return the request of the next page when it has ended, or None when it takes longer."""
        if self._requested is None:
            self._requested = asyncio.create_task(self._request_page())
        await asyncio.wait({self._requested}, timeout=self._linger_seconds)
        return self._requested if self._requested.done() else None

    async def _request_page(self) -> RecordPage:
        try:
            return await anext(self._pages)
        except StopAsyncIteration:
            # Its last page had a cursor.
            raise CrmRejected(self._provider, None, "its listing stops before the end of data") from None

    def _take(self, arrived: asyncio.Task[RecordPage]) -> RecordPage:
        self._requested = None
        page = arrived.result()
        self._cursor = page.cursor
        return page
