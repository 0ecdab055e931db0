"""The NAICS codes of an ideal customer profile: prefixes, and ranges of sectors."""

import pytest

from astrelo.domain.icp import expand_naics, has_naics_prefix


@pytest.mark.parametrize(
    ("code", "prefixes"),
    [("5132", ("5132",)), ("44", ("44",)), ("44-45", ("44", "45")), ("31-33", ("31", "32", "33"))],
)
def test_a_range_of_sectors_stands_for_each_of_them(code: str, prefixes: tuple[str, ...]) -> None:
    assert expand_naics(code) == prefixes


@pytest.mark.parametrize(
    ("naics", "prefix", "expected"),
    [
        ("5132", "51", True),
        ("5132", "5133", False),
        ("44-45", "45", True),
        ("44-45", "44", True),
        ("44-45", "46", False),
        ("44-45", "451", False),
    ],
)
def test_a_stored_range_of_sectors_begins_with_each_of_them(naics: str, prefix: str, expected: bool) -> None:
    assert has_naics_prefix(naics, prefix) is expected
