"""Pagination of an account's records: by the list endpoint for all of them, by search for a window of time."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from astrelo.adapters.outbound.crm import retries
from astrelo.adapters.outbound.crm.pagination import PaginationLoopGuard, cancel_task
from astrelo.adapters.outbound.hubspot.api import wire
from astrelo.adapters.outbound.hubspot.api.client import HubSpotClient, ObjectPage
from astrelo.adapters.outbound.hubspot.read import cursors
from astrelo.domain import errors
from astrelo.domain.identifiers import Cursor, ObjectType, Provider
from astrelo.domain.normalization import timestamp
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.records import RejectedRecord
from astrelo.domain.sync import Window

_log = structlog.get_logger(__name__)

SEARCH_ATTEMPTS = 3
"""How often a range whose results moved meanwhile is read before it is divided."""

_COUNT_SECONDS = 10.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(slots=True, kw_only=True)
class RawPage:
    """Records that are assembled and yielded together; `cursor` is the position after them."""

    objects: list[wire.CrmObject] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)
    cursor: Cursor | None = None
    expected_total: int | None = None
    responses: int = 0

    def add(self, page: ObjectPage) -> None:
        self.responses += 1
        self.objects.extend(page.objects)
        self.rejected.extend(page.rejected)

    @property
    def records(self) -> int:
        return len(self.objects) + len(self.rejected)

    @property
    def size(self) -> int:
        """Count short pages as full ones: a stream of empty ones must be yielded too, to be interruptible."""
        return max(self.records, self.responses * wire.LIST_LIMIT)


async def list_all(
    client: HubSpotClient, session: CrmSession, object_type: ObjectType, after: str | None, page_size: int
) -> AsyncGenerator[RawPage, None]:
    """Yield all live records in pages of at most `page_size`, from `after` on.

    The end of the data is the absence of a next cursor, never a short page. The first page of a stream from
    the start holds how many records search counts.
    """
    counting = asyncio.create_task(_count(client, session, object_type)) if after is None else None
    try:
        raw_page, loop_guard = RawPage(), PaginationLoopGuard(after, Provider.HUBSPOT)
        while True:
            page = await client.list_page(session, object_type, after)
            raw_page.add(page)
            if page.after is not None and raw_page.size + wire.LIST_LIMIT <= page_size:
                after = loop_guard.follow(page.after)
                continue
            raw_page.expected_total = await counting if counting else None
            counting = None
            if page.after is None:
                yield raw_page
                return
            after = loop_guard.follow(page.after)
            raw_page.cursor = cursors.encode_cursor(cursors.ListPosition(after))
            yield raw_page
            raw_page = RawPage()
    finally:
        await cancel_task(counting)


async def _count(client: HubSpotClient, session: CrmSession, object_type: ObjectType) -> int | None:
    """Count the live records by a search. The count is informative: pagination does not depend on it."""
    try:
        async with asyncio.timeout(_COUNT_SECONDS):
            return (await client.search(session, object_type, [], limit=1, policy=retries.NO_RETRY)).total
    except (errors.CrmError, TimeoutError) as error:
        _log.info("crm.count_unknown", object_type=object_type.value, reason=str(error))
        return None


async def search_window(
    client: HubSpotClient, session: CrmSession, object_type: ObjectType, ranges: Sequence[cursors.SearchRange]
) -> AsyncGenerator[RawPage, None]:
    """Yield the records of these ranges, one range after the other.

    A range is complete when as many distinct records of it came as search counts, and it counted the same on
    every page; otherwise it is read again, then divided: a record that is modified meanwhile leaves a
    window and shifts the others from page to page. Records that do not belong to the range are yielded,
    but do not count for it. Ranges with more results than a search can page through are divided at once.
    """
    open_ranges, attempts = list(ranges), 0
    expected: int | None = None
    while open_ranges:
        first = await client.search(session, object_type, open_ranges[0].filters(wire.MODIFIED[object_type]))
        if first.total is None:
            raise errors.CrmRejected(Provider.HUBSPOT, None, "a search that does not say how many it found")
        expected = first.total if expected is None else expected
        if first.total > wire.MAX_SEARCH_RESULTS or attempts == SEARCH_ATTEMPTS:
            open_ranges, attempts = [*open_ranges[0].halves(), *open_ranges[1:]], 0
            continue
        raw_pages = _search_range(client, session, object_type, open_ranges[0], first)
        async with aclosing(raw_pages):
            async for raw_page, is_complete in raw_pages:
                if is_complete:
                    open_ranges, attempts = open_ranges[1:], 0
                elif is_complete is not None:
                    attempts += 1
                raw_page.cursor = (
                    cursors.encode_cursor(cursors.SearchPosition(open_ranges)) if open_ranges else None
                )
                raw_page.expected_total = expected
                if raw_page.records or not open_ranges:
                    yield raw_page


async def _search_range(
    client: HubSpotClient,
    session: CrmSession,
    object_type: ObjectType,
    wanted: cursors.SearchRange,
    page: ObjectPage,
) -> AsyncGenerator[tuple[RawPage, bool | None], None]:
    """Yield the pages of one range from its first response on, the last one with whether the range is complete."""
    counter, raw_page = _RangeCounter(wanted), RawPage()
    loop_guard = PaginationLoopGuard(None, Provider.HUBSPOT)
    while True:
        raw_page.add(page)
        counter.add(page)
        if page.after is None or counter.received >= wire.MAX_SEARCH_RESULTS:
            yield raw_page, counter.is_complete
            return
        if raw_page.records + wire.SEARCH_LIMIT > wire.ASSOCIATIONS_LIMIT:
            yield raw_page, None
            raw_page = RawPage()
        filters = wanted.filters(wire.MODIFIED[object_type])
        page = await client.search(session, object_type, filters, loop_guard.follow(page.after))


class _RangeCounter:
    """Whether one reading of a range brought all that search counted, while its count did not change."""

    def __init__(self, wanted: cursors.SearchRange) -> None:
        self.received = 0
        self._wanted = wanted
        self._ids: set[str] = set()
        self._without_id = 0
        self._totals: set[int | None] = set()

    def add(self, page: ObjectPage) -> None:
        self.received += len(page.objects) + len(page.rejected)
        self._ids.update(crm_object.id for crm_object in page.objects if self.may_count(crm_object))
        self._ids.update(record.record_id for record in page.rejected if record.record_id is not None)
        self._without_id += sum(record.record_id is None for record in page.rejected)
        self._totals.add(page.total)

    @property
    def is_complete(self) -> bool:
        return self._totals == {len(self._ids) + self._without_id}

    def may_count(self, crm_object: wire.CrmObject) -> bool:
        """Return whether search can have counted this record; True where its time or id is unreadable.

        True also for the only id of a range: its record may show a later time than the index has, and cannot
        be missed.
        """
        wanted = self._wanted
        if crm_object.id.isdecimal() and not wanted.lowest <= int(crm_object.id) <= wanted.highest:
            return False
        properties = crm_object.properties
        modified = timestamp(
            properties.lastmodifieddate
            if isinstance(properties, wire.ContactProperties)
            else properties.hs_lastmodifieddate
        )
        return (
            wanted.lowest == wanted.highest
            or modified is None
            or wanted.start <= (modified - _EPOCH) // _MILLISECOND <= wanted.end
        )


def search_ranges(window: Window) -> Sequence[cursors.SearchRange]:
    """Widen a window to whole milliseconds, which is what search compares."""
    start = (window.start - _EPOCH) // _MILLISECOND
    end = -((_EPOCH - window.end) // _MILLISECOND)
    return [cursors.SearchRange(start, end)]
