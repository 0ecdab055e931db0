"""Cursors are opaque, and nothing but our own is taken for one."""

import contextlib
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from astrelo.adapters.inbound.http.pagination import decode_cursor, encode_cursor, page_of
from astrelo.domain.errors import InvalidInput


class Entry(Struct, frozen=True):
    id: UUID


@given(st.uuids())
def test_a_cursor_leads_back_to_its_id(last: UUID) -> None:
    assert decode_cursor(encode_cursor(last)) == last


# Fixed, because xdist's workers must collect the same tests.
AN_ID = UUID("018f3c5a-7d2e-7b6a-9c41-2f8d5e0a6b13")


def test_no_cursor_begins_at_the_start() -> None:
    assert decode_cursor(None) is None


@pytest.mark.parametrize(
    "cursor", ["", "x", "ä", "=", "\ud800", str(AN_ID), "A" * 23, "AQ==", encode_cursor(AN_ID) + "A"]
)
def test_what_is_not_a_cursor_of_ours_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        decode_cursor(cursor)


@given(st.text(max_size=60))
def test_any_text_is_an_id_or_refused(cursor: str) -> None:
    with contextlib.suppress(InvalidInput):
        assert isinstance(decode_cursor(cursor), UUID)


def test_a_full_page_points_to_its_own_last_entry() -> None:
    entries = [Entry(uuid4()) for _ in range(3)]
    page = page_of(entries, 2)
    assert page.data == entries[:2]
    assert page.has_more
    assert decode_cursor(page.next_cursor) == entries[1].id


def test_the_last_page_has_no_next_one() -> None:
    entries = [Entry(uuid4()) for _ in range(2)]
    page = page_of(entries, 2)
    assert (page.data, page.has_more, page.next_cursor) == (entries, False, None)
