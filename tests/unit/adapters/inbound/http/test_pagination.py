"""Cursors are opaque, belong to one list, and nothing but our own is taken for one."""

import contextlib
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from astrelo.adapters.inbound.http.pagination import Cursors
from astrelo.adapters.inbound.http.problems import HttpError
from astrelo.application.read.readers import CompanyFilter, ContactFilter
from astrelo.domain.company import RecordKey
from astrelo.domain.identifiers import Provider, RecordId, UserId


class Entry(Struct, frozen=True):
    id: UUID


# Fixed, because xdist's workers must collect the same tests.
AN_ID = UUID("018f3c5a-7d2e-7b6a-9c41-2f8d5e0a6b13")
USER, NEIGHBOUR = UserId(AN_ID), UserId(UUID(int=1))
CURSORS = Cursors.of("companies", USER, CompanyFilter())


@given(st.uuids())
def test_a_cursor_leads_back_to_its_id(last: UUID) -> None:
    assert CURSORS.decode(CURSORS.encode(last)) == last


def test_a_cursor_of_records_leads_back_to_its_record() -> None:
    key = RecordKey(Provider.SALESFORCE, RecordId("0015g00000ä"))
    assert CURSORS.decode_key(CURSORS.encode_key(key)) == key


def test_no_cursor_begins_at_the_start() -> None:
    assert CURSORS.decode(None) is None
    assert CURSORS.decode_key(None) is None


@pytest.mark.parametrize(
    "other",
    [
        Cursors.of("contacts", USER, CompanyFilter()),
        Cursors.of("companies", NEIGHBOUR, CompanyFilter()),
        Cursors.of("companies", USER, CompanyFilter(name="acme")),
        Cursors.of("companies", USER, CompanyFilter(include_archived=True)),
        Cursors.of("companies", USER, CompanyFilter(updated_since=datetime(2026, 1, 1, tzinfo=UTC))),
        Cursors.of("companies", USER, ContactFilter()),
        Cursors.of("companies", USER),
    ],
)
def test_the_cursor_of_another_list_user_or_filter_is_refused(other: Cursors) -> None:
    with pytest.raises(HttpError) as raised:
        CURSORS.decode(other.encode(AN_ID))
    assert raised.value.kind.code == "invalid_cursor"


def test_the_same_list_with_the_same_filters_takes_it() -> None:
    again = Cursors.of("companies", USER, CompanyFilter())
    assert again.decode(CURSORS.encode(AN_ID)) == AN_ID


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "ä",
        "=",
        "\ud800",
        str(AN_ID),
        "A" * 23,
        "AQ==",
        CURSORS.encode(AN_ID) + "AAAA",
        CURSORS.encode(AN_ID)[:-2],
        # Of a release before this one.
        "AQGPPFp9LntqnEEvjV4KaxM",
    ],
)
def test_what_is_not_a_cursor_of_ours_is_refused(cursor: str) -> None:
    with pytest.raises(HttpError):
        CURSORS.decode(cursor)


@given(st.text(max_size=60))
def test_any_text_is_an_id_or_refused(cursor: str) -> None:
    with contextlib.suppress(HttpError):
        assert isinstance(CURSORS.decode(cursor), UUID)
    with contextlib.suppress(HttpError):
        assert isinstance(CURSORS.decode_key(cursor), RecordKey)


def test_a_full_page_points_to_its_own_last_entry() -> None:
    entries = [Entry(uuid4()) for _ in range(3)]
    page = CURSORS.page_of(entries, 2)
    assert page.data == entries[:2]
    assert page.has_more
    assert CURSORS.decode(page.next_cursor) == entries[1].id


def test_the_last_page_has_no_next_one() -> None:
    entries = [Entry(uuid4()) for _ in range(2)]
    page = CURSORS.page_of(entries, 2)
    assert (page.data, page.has_more, page.next_cursor) == (entries, False, None)
