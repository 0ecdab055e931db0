"""Columns as texts with a separator: nothing a value holds may move it into another row."""

from hypothesis import given
from hypothesis import strategies as st

from astrelo.adapters.outbound.postgres.session.columns import as_array, as_text, join_columns

cells = st.one_of(st.none(), st.text(st.sampled_from("a\x1f\x1e\x01é,")), st.text(max_size=5))


@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=4))
def test_every_value_is_found_in_its_place_again(columns: list[list[str | None]]) -> None:
    joined = join_columns(**{f"column_{place}": column for place, column in enumerate(columns)})
    separator = joined.pop("separator")
    assert len(separator) == 1
    assert [text.split(separator) for text in joined.values()] == [
        [cell or "" for cell in column] for column in columns
    ]


def test_a_value_with_the_usual_separator_makes_another_one_be_used() -> None:
    joined = join_columns(names=["a\x1fb", "\x01"])
    separator = joined["separator"]
    assert separator not in "\x1f\x01"
    assert joined["names"] == f"a\x1fb{separator}\x01"


def test_numbers_are_written_as_text_and_none_stays_none() -> None:
    assert as_text([0, None, 12]) == ["0", None, "12"]


def test_an_array_in_a_cell_has_its_values_quoted() -> None:
    assert as_array([]) == "{}"
    assert as_array(["1", 'a"b', "c\\d", "{,}"]) == r'{"1","a\"b","c\\d","{,}"}'
