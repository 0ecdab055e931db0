"""Columns of a batch as parameters of one statement.

An array of texts is slow to encode for asyncpg: it was a quarter of what a first sync cost this process. One
text with separators, taken apart again by `string_to_array`, is encoded in a seventh of the time.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from astrelo.domain.normalization import search_key

MAX_SEARCHED = 200
"""Characters of a text that search looks at."""

_SEPARATOR = "\x1f"
"""ASCII's unit separator: meant for this, and hardly ever found in what people type."""

_SURROGATES = 0xD800
"""The first code point that is no character."""


def transpose(rows: Sequence[NamedTuple]) -> Mapping[str, Sequence[Any]]:
    """Turn rows of one type, at least one, into columns."""
    return dict(zip(rows[0]._fields, zip(*rows, strict=True), strict=True))


def join_columns(**columns: Sequence[str | None]) -> dict[str, str]:
    """Return a `separator`, and each column as a text for `string_to_array(text, separator, '')`.

    None and the empty text both arrive as null; an empty column arrives as an empty array.
    """
    filled = {name: [value or "" for value in column] for name, column in columns.items()}
    texts = {name: _SEPARATOR.join(column) for name, column in filled.items()}
    separator = _SEPARATOR
    if any(texts[name].count(_SEPARATOR) >= max(len(column), 1) for name, column in filled.items()):
        used = {character for column in filled.values() for value in column for character in value}
        separator = next(character for character in map(chr, range(1, _SURROGATES)) if character not in used)
        texts = {name: separator.join(column) for name, column in filled.items()}
    return {"separator": separator, **texts}


def as_text(values: Iterable[object]) -> Sequence[str | None]:
    """Write numbers and dates as PostgreSQL reads them."""
    return [None if value is None else str(value) for value in values]


def as_array(values: Iterable[str]) -> str:
    """Write several values into one cell, as PostgreSQL reads an array."""
    quoted = [value.replace("\\", r"\\").replace('"', r"\"") for value in values]
    return '{"' + '","'.join(quoted) + '"}' if quoted else "{}"


def as_arrays(cells: Iterable[Sequence[str]]) -> Sequence[str | None]:
    """Write several values into each cell; a cell without any is null."""
    return [as_array(values) if values else None for values in cells]


def fold_column(texts: Iterable[str | None]) -> Sequence[str | None]:
    """Fold texts for search, as far as an index entry may reach."""
    return [None if text is None else search_key(text[:MAX_SEARCHED]) for text in texts]
