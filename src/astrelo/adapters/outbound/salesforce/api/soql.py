"""Queries built from parts: the one place where a value becomes SOQL.

Fields and objects are names of ours or of a describe, conditions compare a field with a value, and the values
write themselves: texts quoted and escaped, times as literals without quotes, in UTC and whole milliseconds. Nobody
else formats a value into a query, so none can end its quotes.

SOQL's literals: Salesforce's "SOQL and SOSL Reference", sections "Quoted String Escape Sequences" and "Date
Formats".
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple

Comparison = Literal["=", "!=", "<", "<=", ">", ">=", "IN"]
Value = str | bool | datetime | Sequence[str]

_NAME = re.compile(r"[A-Za-z]\w{0,254}", re.ASCII)
_ESCAPES = str.maketrans(
    {
        "\\": "\\\\",
        "'": "\\'",
        '"': '\\"',
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\b": "\\b",
        "\f": "\\f",
    }
)


class Condition(NamedTuple):
    field: str
    comparison: Comparison
    value: Value
    """A sequence of texts for IN, never an empty one: SOQL has no way to say that."""

    def __str__(self) -> str:
        return f"{_name(self.field)} {self.comparison} {literal(self.value)}"


class Query(NamedTuple):
    """SELECT … FROM … [WHERE … AND …] [ORDER BY …]."""

    fields: Sequence[str]
    object: str
    conditions: Sequence[Condition] = ()
    order: Sequence[str] = ()

    def __str__(self) -> str:
        parts = [f"SELECT {_names(self.fields)} FROM {_name(self.object)}"]  # noqa: S608 - no SQL, and names alone
        if self.conditions:
            parts.append("WHERE " + " AND ".join(map(str, self.conditions)))
        if self.order:
            parts.append(f"ORDER BY {_names(self.order)}")
        return " ".join(parts)


def literal(value: Value) -> str:
    """Write a value as SOQL does. Times finer than a millisecond are cut: widen a window before."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f"'{value.translate(_ESCAPES)}'"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
        case _ if value:
            return f"({','.join(map(literal, value))})"
        case _:
            raise ValueError("an IN with nothing in it")


def _names(names: Sequence[str]) -> str:
    return ",".join(map(_name, names))


def _name(name: str) -> str:
    """Refuse what is no name, so that an answer of a describe cannot become more of a query than that."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"no name of a field or an object: {name!r}")
    return name
