"""Ranges of texts that begin alike, in the order of code points."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrelo.adapters.outbound.postgres.session.ranges import TextRange, naics_range, prefix_range

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)


def contains(found: TextRange, text: str) -> bool:
    encoded = text.encode()
    return found.start is not None and (
        found.start.encode() <= encoded and (found.end is None or encoded < found.end.encode())
    )


@given(texts, texts)
def test_a_range_holds_what_begins_with_its_prefix_and_nothing_else(prefix: str, text: str) -> None:
    assert contains(prefix_range(prefix), prefix + text)
    assert contains(prefix_range(prefix), text) is text.startswith(prefix)


@pytest.mark.parametrize(
    ("prefix", "end"),
    [("ab", "ac"), ("a\U0010ffff", "b"), ("\U0010ffff", None), ("\ud7ff", "\ue000"), ("50%", "50&")],
)
def test_a_range_ends_before_the_next_text(prefix: str, end: str | None) -> None:
    assert prefix_range(prefix) == (prefix, end)


def test_without_a_prefix_a_range_has_no_bounds() -> None:
    assert prefix_range(None) == naics_range(None) == (None, None)


@pytest.mark.parametrize(
    ("prefixes", "expected"),
    [
        (("5132",), ("5132", "5133")),
        (("45",), ("44", "46")),  # a stored '44-45' lies before '45'
        (("32", "33"), ("31", "34")),
        (("11", "92"), ("11", "93")),
        (("451",), ("451", "452")),
    ],
)
def test_a_range_of_naics_codes_holds_the_ranges_of_sectors(
    prefixes: tuple[str, ...], expected: tuple[str, str]
) -> None:
    assert naics_range(prefixes) == expected
