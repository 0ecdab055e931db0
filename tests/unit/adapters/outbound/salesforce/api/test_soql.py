"""Queries as text, ids in two lengths, and cursors that survive."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrelo.adapters.outbound.salesforce.api.record_ids import full_id
from astrelo.adapters.outbound.salesforce.api.soql import Condition, Query, literal
from astrelo.adapters.outbound.salesforce.read.cursors import (
    IdRange,
    JobPosition,
    QueryPosition,
    decode_cursor,
    encode_cursor,
)
from astrelo.domain.errors import CrmRejected
from astrelo.domain.identifiers import Cursor
from astrelo.domain.sync import Window
from crm_sandbox.salesforce import record_id
from crm_sandbox.salesforce.query.soql import parse

AT = datetime(2026, 5, 1, 7, 25, 37, 120_999, tzinfo=UTC)


def test_a_query_is_written_from_its_parts() -> None:
    conditions = [Condition("SystemModstamp", ">=", AT), Condition("Id", ">", "001")]
    query = Query(("Id", "Name"), "Account", conditions, ("Id",))
    assert str(query) == (
        "SELECT Id,Name FROM Account "
        "WHERE SystemModstamp >= 2026-05-01T07:25:37.120Z AND Id > '001' ORDER BY Id"
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (True, "true"),
        (False, "false"),
        ("O'Hara", r"'O\'Hara'"),
        ("back\\slash", r"'back\\slash'"),
        ("\\' OR Name != '", r"'\\\' OR Name != \''"),
        ("two\nlines\r\t", r"'two\nlines\r\t'"),
        (["a", "b'"], r"('a','b\'')"),
        (datetime(2026, 5, 1, 9, tzinfo=timezone(timedelta(hours=2))), "2026-05-01T07:00:00.000Z"),
    ],
)
def test_a_value_writes_itself_as_soql_does(value: str | bool | datetime | list[str], written: str) -> None:
    assert literal(value) == written


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_text_ends_its_own_quotes(raw: str) -> None:
    (condition,) = parse(str(Query(("Id",), "Account", [Condition("Name", "=", raw)]))).conditions
    assert [one.text for one in condition.literals] == [raw]


@pytest.mark.parametrize("name", ["Id FROM User", "", "1d", "Nam\u00e9", "Id,Name"])
def test_what_is_no_name_makes_no_query(name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        str(Query((name,), "Account"))
    with pytest.raises(ValueError, match="no name"):
        str(Query(("Id",), name))
    with pytest.raises(ValueError, match="no name"):
        str(Query(("Id",), "Account", [Condition(name, "=", "x")]))


def test_an_empty_in_is_refused_rather_than_asked() -> None:
    with pytest.raises(ValueError, match="nothing in it"):
        literal([])


@given(st.integers(1, 62**10))
def test_an_id_of_15_characters_and_its_18_are_one(number: int) -> None:
    raw = record_id("Contact", number)
    assert full_id(raw) == full_id(raw[:15]) == raw


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "1",
        "001xx000003DGb0AAH",
        "001xx000003DGb0A",
        "001xx00-003DGb0",
        "001xx000003DGb\u00e9",
    ],
)
def test_what_can_be_no_id_of_salesforce_is_distinguished(raw: str) -> None:
    assert full_id(raw) is None


def test_a_window_is_widened_to_whole_milliseconds() -> None:
    id_range = IdRange.of(Window(start=AT, end=AT + timedelta(microseconds=2)))
    assert (id_range.first, id_range.last) == (
        AT.replace(microsecond=120_000),
        AT.replace(microsecond=122_000),
    )
    exact = AT.replace(microsecond=120_000)
    assert IdRange.of(Window(start=exact, end=exact)).last == exact


@pytest.mark.parametrize(
    "position",
    [
        QueryPosition(None),
        QueryPosition(IdRange(1, 2), "001xx000003DGb0AAG"),
        JobPosition(None, "750", 5),
        JobPosition(IdRange(1, 2), "750", 5, "MTAw", 7),
    ],
)
def test_a_cursor_is_read_as_it_was_written(position: QueryPosition | JobPosition) -> None:
    assert decode_cursor(encode_cursor(position)) == position


@pytest.mark.parametrize("raw", ["", "{}", "12", '{"type":"list","after":"1"}', '{"type":"job"}'])
def test_a_cursor_of_another_user_is_refused(raw: str) -> None:
    with pytest.raises(CrmRejected, match="cursor"):
        decode_cursor(Cursor(raw))
