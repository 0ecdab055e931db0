"""Walking an account's records: by the list endpoint for all of them, by search for a window of time."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import structlog

from astrelo.adapters.outbound.crm.pagination import PaginationLoopGuard, cancelled
from astrelo.adapters.outbound.crm.transport import NO_RETRY
from astrelo.adapters.outbound.hubspot.api.client import (
    ASSOCIATIONS_LIMIT,
    LIST_LIMIT,
    MODIFIED,
    SEARCH_CAP,
    SEARCH_LIMIT,
    HubSpotClient,
    ObjectPage,
)
from astrelo.adapters.outbound.hubspot.api.wire import ContactProperties, CrmObject
from astrelo.adapters.outbound.hubspot.read.cursors import (
    ListPosition,
    SearchPosition,
    SearchRange,
    cursor_of,
)
from astrelo.domain.errors import CrmError, CrmRejected
from astrelo.domain.identifiers import Cursor, ObjectType, Provider
from astrelo.domain.normalization import timestamp
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.records import RejectedRecord
from astrelo.domain.sync import Window

T = TypeVar("T")
_log = structlog.get_logger(__name__)

SEARCH_ATTEMPTS = 3
"""How often a range is read whose results moved meanwhile, before it is divided."""

_COUNT_SECONDS = 10.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(slots=True, kw_only=True)
class Group:
    """Records to be completed and yielded together; `cursor` is where the walk goes on after them."""

    objects: list[CrmObject] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)
    cursor: Cursor | None = None
    expected_total: int | None = None
    pages: int = 0

    def add(self, page: ObjectPage) -> None:
        self.pages += 1
        self.objects.extend(page.objects)
        self.rejected.extend(page.rejected)

    @property
    def seen(self) -> int:
        return len(self.objects) + len(self.rejected)

    @property
    def size(self) -> int:
        """Short pages count as full ones: a walk through empty ones must be yielded too, to be interrupted."""
        return max(self.seen, self.pages * LIST_LIMIT)


async def list_all(
    client: HubSpotClient, session: CrmSession, object_type: ObjectType, after: str | None, group_size: int
) -> AsyncGenerator[Group, None]:
    """Walk all live records in groups of at most `group_size`, from `after` on.

    The end of data is the absence of a next cursor, never a short page. The first group of a walk from
    the start tells how many records search counts.
    """
    counting = asyncio.create_task(_count(client, session, object_type)) if after is None else None
    try:
        group, trail = Group(), PaginationLoopGuard(after, Provider.HUBSPOT)
        while True:
            page = await client.list_page(session, object_type, after)
            group.add(page)
            if page.after is not None and group.size + LIST_LIMIT <= group_size:
                after = trail.follow(page.after)
                continue
            group.expected_total = await counting if counting else None
            counting = None
            if page.after is None:
                yield group
                return
            after = trail.follow(page.after)
            group.cursor = cursor_of(ListPosition(after))
            yield group
            group = Group()
    finally:
        await cancelled(counting)


async def _count(client: HubSpotClient, session: CrmSession, object_type: ObjectType) -> int | None:
    """Ask search how many live records there are. Only good to know: the walk does not depend on it."""
    try:
        async with asyncio.timeout(_COUNT_SECONDS):
            return (await client.search(session, object_type, [], limit=1, policy=NO_RETRY)).total
    except (CrmError, TimeoutError) as error:
        _log.info("crm.count_unknown", object_type=object_type.value, reason=str(error))
        return None


async def search_window(
    client: HubSpotClient, session: CrmSession, object_type: ObjectType, ranges: Sequence[SearchRange]
) -> AsyncGenerator[Group, None]:
    """Walk the records of these ranges, one after the other.

    A range is done when as many distinct records of it came as search counts, and it counted the same on
    every page; otherwise it is read again, then divided: a record that is modified meanwhile leaves a
    window and shifts the others from page to page. Records that do not belong to the range are yielded,
    but stand in for none that does. Ranges beyond the cap are divided at once.
    """
    open_ranges, attempts = list(ranges), 0
    expected: int | None = None
    while open_ranges:
        first = await client.search(session, object_type, open_ranges[0].filters(MODIFIED[object_type]))
        if first.total is None:
            raise CrmRejected(Provider.HUBSPOT, None, "a search that does not say how many it found")
        expected = first.total if expected is None else expected
        if first.total > SEARCH_CAP or attempts == SEARCH_ATTEMPTS:
            open_ranges, attempts = [*open_ranges[0].halves(), *open_ranges[1:]], 0
            continue
        async with aclosing(_read_range(client, session, object_type, open_ranges[0], first)) as reading:
            async for group, is_complete in reading:
                if is_complete:
                    open_ranges, attempts = open_ranges[1:], 0
                elif is_complete is not None:
                    attempts += 1
                group.cursor = cursor_of(SearchPosition(open_ranges)) if open_ranges else None
                group.expected_total = expected
                if group.seen or not open_ranges:
                    yield group


async def _read_range(
    client: HubSpotClient, session: CrmSession, object_type: ObjectType, wanted: SearchRange, page: ObjectPage
) -> AsyncGenerator[tuple[Group, bool | None], None]:
    """Yield a range's groups from its first page on, the last one with whether nothing can be missing."""
    count_outcomes, group, trail = _Tally(wanted), Group(), PaginationLoopGuard(None, Provider.HUBSPOT)
    while True:
        group.add(page)
        count_outcomes.add(page)
        if page.after is None or count_outcomes.received >= SEARCH_CAP:
            yield group, count_outcomes.is_complete
            return
        if group.seen + SEARCH_LIMIT > ASSOCIATIONS_LIMIT:
            yield group, None
            group = Group()
        filters = wanted.filters(MODIFIED[object_type])
        page = await client.search(session, object_type, filters, trail.follow(page.after))


class _Tally:
    """Whether one reading of a range brought everything that search counted, while its count stood still."""

    def __init__(self, wanted: SearchRange) -> None:
        self.received = 0
        self._wanted = wanted
        self._ids: set[str] = set()
        self._unnamed = 0
        self._totals: set[int | None] = set()

    def add(self, page: ObjectPage) -> None:
        self.received += len(page.objects) + len(page.rejected)
        self._ids.update(told.id for told in page.objects if _may_belong_to(self._wanted, told))
        self._ids.update(record.record_id for record in page.rejected if record.record_id is not None)
        self._unnamed += sum(record.record_id is None for record in page.rejected)
        self._totals.add(page.total)

    @property
    def is_complete(self) -> bool:
        return self._totals == {len(self._ids) + self._unnamed}


def _may_belong_to(wanted: SearchRange, told: CrmObject) -> bool:
    """Tell whether search can have counted this record. One of unreadable time or id is given the benefit of the doubt.

    So is the only id of a range: its record may show a later time than the index has, and cannot be missed.
    """
    if told.id.isdecimal() and not wanted.lowest <= int(told.id) <= wanted.highest:
        return False
    modified = timestamp(_modified_property(told))
    return (
        wanted.lowest == wanted.highest
        or modified is None
        or wanted.start <= (modified - _EPOCH) // _MILLISECOND <= wanted.end
    )


def _modified_property(told: CrmObject) -> str | None:
    properties = told.properties
    return (
        properties.lastmodifieddate
        if isinstance(properties, ContactProperties)
        else properties.hs_lastmodifieddate
    )


def ranges_of(window: Window) -> Sequence[SearchRange]:
    """Widen a window to whole milliseconds, which is what search compares."""
    start = (window.start - _EPOCH) // _MILLISECOND
    end = -((_EPOCH - window.end) // _MILLISECOND)
    return [SearchRange(start, end)]
