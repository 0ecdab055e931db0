"""The columns of records: how each is stored, how a batch of it is sent, how the API shows it.

Each record type has a table of them in its folder's `columns.py`; statements that spell every column are
generated from it, so that a new column is a line of that table.

A batch is sent as parameters of one statement, a column each. An array of texts is slow to encode for asyncpg: it
was a quarter of what a first sync cost this process. One text with separators, taken apart again by
`string_to_array`, is encoded in a seventh of the time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from astrelo.domain.normalization import search_key

Texts = Sequence[str | None]

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
    return [None if text is None else search_key(text[:MAX_SEARCHED])[:MAX_SEARCHED] for text in texts]


_JOINED: Mapping[str, Callable[[Sequence[Any]], Texts]] = {
    "text": lambda values: values,
    "bigint": as_text,
    "numeric": as_text,
    "date": as_text,
    "text[]": as_arrays,
}
"""How the values of a type become texts; what is of another type is sent as an array of its own."""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    """In the table, and of the parameter that holds its values in a batch."""
    type: str = "text"
    field: str = ""
    """The value that a batch gives for it; the name unless said otherwise."""
    encode: Callable[[Sequence[Any]], Texts] | None = None
    """What makes texts of the values, where the type's own way does not do."""
    nullable: bool = True
    updated: bool = True
    """Whether a later copy of the record changes it."""
    group: str | None = None
    """The group of a company's columns that it belongs to."""
    view: str | None = None
    """As the API shows it, with {} for the column; None where the API does not."""

    @property
    def is_joined(self) -> bool:
        return self.type in _JOINED

    @property
    def array(self) -> str:
        """The batch of it, as SQL takes it apart."""
        if not self.is_joined:
            return f":{self.name}::{self.type}[]"
        cells = f"string_to_array(:{self.name}, :separator, '')"
        return cells if self.type in {"text", "text[]"} else f"{cells}::{self.type}[]"

    @property
    def value(self) -> str:
        """One of the batch, in SQL."""
        match self.type:
            case "text[]":
                return f"incoming.{self.name}::text[]"
            case "timestamptz":
                return f"finite_timestamp(incoming.{self.name})"
            case _:
                return f"incoming.{self.name}"

    @property
    def shown(self) -> str:
        """The API's value of it in SQL, of a table called `entity`."""
        column = f"entity.{self.name}"
        shown = (self.view or "{}").format(column)
        return shown if shown == column else f"{shown} as {self.name}"


def encode_columns(columns: Iterable[Column], batch: Mapping[str, Sequence[Any]]) -> dict[str, object]:
    """Return the columns of a batch as parameters of the statement that writes them; `batch` has them by field."""
    arrays: dict[str, object] = {}
    joined: dict[str, Texts] = {}
    for column in columns:
        values = batch[column.field or column.name]
        if column.is_joined:
            joined[column.name] = (column.encode or _JOINED[column.type])(values)
        else:
            arrays[column.name] = values
    return {**arrays, **join_columns(**joined)}
