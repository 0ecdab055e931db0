"""Batches hold what the pages hold, never more than their size, and stopping after any of them loses nothing."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrelo.application.sync.batches import MAX_PAGES, Batch, BatchReader
from astrelo.application.sync.time_slice import never_stop
from astrelo.domain.errors import CrmRejected, CrmUnavailable
from astrelo.domain.identifiers import Cursor, Provider, RecordId
from astrelo.domain.records import RecordPage, RejectedRecord, RejectionReason
from tests.support.builders import company

PROVIDER = Provider.HUBSPOT

PageSizes = Sequence[tuple[int, int, bool]]
"""For each page: records, rejected records, and whether it comes after all that has been waiting."""

page_sizes = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 3), st.booleans()), min_size=1, max_size=2 * MAX_PAGES
)


def make_pages(sizes: PageSizes) -> list[RecordPage]:
    return [
        RecordPage(
            records=[company(f"{place}-{number}") for number in range(records)],
            rejected=[
                RejectedRecord(f"{place}!{number}", RejectionReason.BAD_ID) for number in range(rejected)
            ],
            removed_ids=[RecordId(f"{place}-gone")],
            cursor=Cursor(str(place + 1)) if place + 1 < len(sizes) else None,
        )
        for place, (records, rejected, _) in enumerate(sizes)
    ]


async def stream(
    pages: Sequence[RecordPage], sizes: PageSizes, error: Exception | None = None
) -> AsyncGenerator[RecordPage, None]:
    for page, (_, _, is_late) in zip(pages, sizes, strict=True):
        for _ in range(20 if is_late else 0):
            await asyncio.sleep(0)
        yield page
    if error is not None:
        raise error


async def read_all(pages: AsyncGenerator[RecordPage, None], size: int) -> list[Batch]:
    batches: list[Batch] = []
    async with BatchReader(pages, PROVIDER, None, size, linger_seconds=0) as reader:
        while not (batches and batches[-1].ends_stream):
            batch = await reader.read(never_stop)
            assert batch is not None
            batches.append(batch)
    return batches


@given(page_sizes, st.integers(1, 12))
def test_batches_hold_what_the_pages_hold_in_their_order(sizes: PageSizes, size: int) -> None:
    pages = make_pages(sizes)
    batches = asyncio.run(read_all(stream(pages, sizes), size))
    assert list(chain(*(batch.records for batch in batches))) == list(
        chain(*(page.records for page in pages))
    )
    assert list(chain(*(batch.rejected for batch in batches))) == list(
        chain(*(page.rejected for page in pages))
    )
    assert set().union(*(batch.departed_ids for batch in batches)) == {
        f"{place}-gone" for place in range(len(pages))
    }
    assert all(len(batch.records) <= size and batch.pages <= MAX_PAGES for batch in batches)


@given(page_sizes, st.integers(1, 12))
def test_what_is_read_from_a_batchs_cursor_on_is_all_that_was_not_read_before(
    sizes: PageSizes, size: int
) -> None:
    pages = make_pages(sizes)
    everything = [*chain(*(page.records for page in pages)), *chain(*(page.rejected for page in pages))]
    before: list[object] = []
    for batch in asyncio.run(read_all(stream(pages, sizes), size)):
        before += [*batch.records, *batch.rejected]
        rest = [] if batch.ends_stream else pages[int(batch.cursor or 0) :]
        after = [entry for page in rest for entry in (*page.records, *page.rejected)]
        assert all(entry in before or entry in after for entry in everything)
        if batch.ends_page:
            assert len(before) + len(after) == len(everything)
        assert not set(before) & {rejected for page in rest for rejected in page.rejected}


@given(page_sizes, st.integers(1, 12))
def test_an_error_comes_after_the_pages_before_it(sizes: PageSizes, size: int) -> None:
    pages = [*make_pages(sizes)[:-1], make_pages([*sizes, (0, 0, False)])[len(sizes) - 1]]
    given: list[object] = []

    async def read_until_error() -> None:
        error = CrmUnavailable(PROVIDER, "a test")
        async with BatchReader(stream(pages, sizes, error), PROVIDER, None, size, 0) as reader:
            while batch := await reader.read(never_stop):
                given.extend(batch.records)

    with pytest.raises(CrmUnavailable):
        asyncio.run(read_until_error())
    assert given == list(chain(*(page.records for page in pages)))


def test_a_stream_that_ends_at_a_page_with_a_cursor_is_an_error() -> None:
    page = RecordPage(records=[company("1")], cursor=Cursor("more"))
    with pytest.raises(CrmRejected, match="before the end of data"):
        asyncio.run(read_all(stream([page], [(1, 0, False)]), 10))


def test_a_reader_that_is_asked_to_stop_does_not_wait_for_the_next_page() -> None:
    async def never() -> AsyncGenerator[RecordPage, None]:
        await asyncio.Event().wait()
        yield RecordPage(records=[], cursor=None)

    async def read() -> Batch | None:
        looks = iter((False, False, True))
        async with BatchReader(never(), PROVIDER, None, 10, linger_seconds=0) as reader:
            return await reader.read(lambda: next(looks))

    assert asyncio.run(read()) is None
