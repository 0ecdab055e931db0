"""Columns of a batch as parameters of one statement.

An array of texts is slow to encode for asyncpg: it was a quarter of what a first sync cost this process. One
text with separators, taken apart again by `string_to_array`, is encoded in a seventh of the time.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

_SEPARATOR = "\x1f"
"""ASCII's unit separator: meant for this, and hardly ever found in what people type."""

_SURROGATES = 0xD800
"""The first code point that is no character."""


def by_field(rows: Sequence[NamedTuple]) -> Mapping[str, Sequence[Any]]:
    """Turn rows of one type, at least one, into columns."""
    return dict(zip(rows[0]._fields, zip(*rows, strict=True), strict=True))


def joined(*columns: Sequence[str | None]) -> Sequence[str]:
    """Return a separator, then each column as a text for `string_to_array(text, separator, '')`.

    None and the empty text both arrive as null; an empty column arrives as an empty array.
    """
    filled = [[value or "" for value in column] for column in columns]
    texts = [_SEPARATOR.join(column) for column in filled]
    if all(text.count(_SEPARATOR) < max(len(column), 1) for text, column in zip(texts, filled, strict=True)):
        return _SEPARATOR, *texts
    separator = _unused(filled)
    return separator, *(separator.join(column) for column in filled)


def as_text(numbers: Iterable[object]) -> Sequence[str | None]:
    """Tell numbers as PostgreSQL reads them."""
    return [None if number is None else str(number) for number in numbers]


def as_array(values: Iterable[str]) -> str:
    """Tell several values in one cell, as PostgreSQL reads an array."""
    quoted = [value.replace("\\", r"\\").replace('"', r"\"") for value in values]
    return '{"' + '","'.join(quoted) + '"}' if quoted else "{}"


def _unused(columns: Iterable[Iterable[str]]) -> str:
    """Find a character that none of the values has."""
    used = {character for column in columns for value in column for character in value}
    return next(character for character in map(chr, range(1, _SURROGATES)) if character not in used)
