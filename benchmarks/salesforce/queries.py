"""As much of SOQL as syncs ask."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote

_QUERY = re.compile(r"SELECT ([\w, ]+) FROM (\w+)(?: WHERE (.+?))?(?: ORDER BY Id)?")
_CONDITION = re.compile(r"(\w+) (>=|<=|>|IN) (\([^)]*\)|'[^']*'|[\dT:.Z-]+)")
_QUOTED = re.compile(r"'([^']*)'")


class Asked(NamedTuple):
    fields: Sequence[str]
    object: str
    conditions: Mapping[tuple[str, str], str]
    """What a field is compared with, by the field and the comparison; as it was written."""

    @property
    def ids(self) -> Sequence[str]:
        """The ids that an IN lists."""
        listed = next((value for (_, how), value in self.conditions.items() if how == "IN"), "")
        return _QUOTED.findall(listed)

    @property
    def first(self) -> str | None:
        return self.conditions.get(("SystemModstamp", ">="))

    @property
    def last(self) -> str | None:
        return self.conditions.get(("SystemModstamp", "<="))

    @property
    def after(self) -> str:
        return self.conditions.get(("Id", ">"), "''").strip("'")


def parse_query(query: str) -> Asked | None:
    """Read a query, be it percent-encoded or not."""
    match = _QUERY.fullmatch(unquote(query))
    if match is None:
        return None
    conditions = {(name, how): value for name, how, value in _CONDITION.findall(match[3] or "")}
    return Asked(match[1].replace(" ", "").split(","), match[2], conditions)
