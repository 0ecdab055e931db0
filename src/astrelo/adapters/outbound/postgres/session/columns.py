"""A column of a record in one place: how it is stored, how a batch of it is sent, how the API shows it.

Each record type has a table of them in its folder's `columns.py`; statements that spell every column are
generated from it, so that a new column is a line of that table.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from astrelo.adapters.outbound.postgres.session.encoding import as_arrays, as_text, join_columns

Texts = Sequence[str | None]

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
