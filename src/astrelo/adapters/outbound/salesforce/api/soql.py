"""Build SOQL queries from parts: the one place where a value becomes SOQL.

Names of fields and objects are our own or come from a describe, conditions compare a field with a value, and values
become literals here: texts quoted and escaped, times without quotes, in UTC and whole milliseconds. No other module
formats a value into a query, so that no value can end its quotes.

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
    """A sequence of texts for IN, never an empty one, which SOQL cannot express."""

    def __str__(self) -> str:
        return f"{_require_name(self.field)} {self.comparison} {literal(self.value)}"


class Query(NamedTuple):
    """SELECT … FROM … [WHERE … AND …] [ORDER BY …]."""

    fields: Sequence[str]
    object: str
    conditions: Sequence[Condition] = ()
    order: Sequence[str] = ()

    def __str__(self) -> str:
        parts = [f"SELECT {_join_names(self.fields)} FROM {_require_name(self.object)}"]  # noqa: S608 - no SQL, and names alone
        if self.conditions:
            parts.append("WHERE " + " AND ".join(map(str, self.conditions)))
        if self.order:
            parts.append(f"ORDER BY {_join_names(self.order)}")
        return " ".join(parts)


def literal(value: Value) -> str:
    """Return a value as a SOQL literal. Times are cut to milliseconds: widen a window before."""
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


def _join_names(names: Sequence[str]) -> str:
    return ",".join(map(_require_name, names))


def _require_name(name: str) -> str:
    """Raise ValueError for anything but a name, so that a describe cannot inject more into a query."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"no name of a field or an object: {name!r}")
    return name
