"""SQL lives in the features' `queries.sql`, with named queries and named parameters; this is the only way to it.

A query begins with `-- name: its_name`, which is unique over all features; the comment behind it says what it is
for; a parameter is `:its_name`. The form is aiosql's.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_PACKAGE = __package__.rpartition(".")[0]
_QUERY = re.compile(r"^-- name: (\w+)\n(?:--[^\n]*\n)+(.*?)\s*(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)
_PARAMETER = re.compile(r"--[^\n]*|'[^']*'|::|:([a-z]\w*)")
"""Comments, quoted texts and casts are matched in order to be left alone."""


class Statement(NamedTuple):
    text: str
    """As PostgreSQL gets it: $1 is the first of the parameters. Its first line names it to who reads a server's log."""
    parameters: tuple[str, ...]

    def bind(self, values: Mapping[str, object]) -> list[object]:
        """Return the values in the order of the parameters. Raises KeyError for one that is missing."""
        return [values[name] for name in self.parameters]


@cache
def statements() -> Mapping[str, Statement]:
    """Return every statement by its name, sorted. Raises ValueError for a name that two queries have."""
    found: dict[str, Statement] = {}
    for name, body in sorted(_queries()):
        if name in found:
            raise ValueError(f"two queries are named {name}")
        found[name] = number_parameters(name, body)
    return found


def statement(name: str) -> Statement:
    return statements()[name]


def _queries() -> Iterator[tuple[str, str]]:
    for folder in files(_PACKAGE).iterdir():
        source = folder / "queries.sql"
        if source.is_file():
            yield from _QUERY.findall(source.read_text(encoding="utf-8"))


def number_parameters(name: str, body: str) -> Statement:
    numbers: dict[str, int] = {}

    def replace(match: re.Match[str]) -> str:
        parameter = match[1]
        return f"${numbers.setdefault(parameter, len(numbers) + 1)}" if parameter else match[0]

    return Statement(f"-- {name}\n{_PARAMETER.sub(replace, body)}\n", tuple(numbers))
