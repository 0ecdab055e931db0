"""SQL lives in the features' `queries.sql`, with named queries and named parameters; this is the only way to it.

A query begins with `-- name: its_name`, which is unique over all features; the comment behind it says what it
is for; a parameter is `:its_name`. The form is aiosql's. `<<list: pattern>>` repeats the pattern for each item of
a list, with the item's attributes for what stands in braces: so the columns of a record are named in its column
table alone.

A statement that writes records which the API shows enters them in the change feed, by a common table expression that
`<<upserted contacts: written>>` stands for, where `written` has their ids; `<<deleted contacts as erased: gone>>` and
`<<merged companies: fallen>>` (id, survivor) are for those that go. Loading one that does not raises ValueError.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from astrelo.adapters.outbound.postgres.companies.columns import COMPANY_LISTS
from astrelo.adapters.outbound.postgres.contacts.columns import CONTACT_LISTS
from astrelo.adapters.outbound.postgres.deals.columns import DEAL_LISTS
from astrelo.adapters.outbound.postgres.links.reasons import LINK_LISTS

_LISTS: Mapping[str, Iterable[object]] = {**COMPANY_LISTS, **CONTACT_LISTS, **DEAL_LISTS, **LINK_LISTS}
_PACKAGE = __package__.rpartition(".")[0]
_QUERY = re.compile(r"^-- name: (\w+)\n(?:--[^\n]*\n)+(.*?)\s*(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)
_PARAMETER = re.compile(r"--[^\n]*|'[^']*'|::|:([a-z]\w*)")
"""Comments, quoted texts and casts are matched in order to be left alone."""
_REPETITION = re.compile(r"( *)<<(\w+): (.+?)>>")
_ATTRIBUTE = re.compile(r"\{(\w+)\}")
_FEED_ENTRY = re.compile(r"<<(upserted|deleted|merged) (\w+)(?: as (\w+))?: (\w+)>>")
_RECORD_WRITE = re.compile(r"\b(insert into|update|delete from) (companies|contacts|deals|crm_owners)\b")
_RECORD_TYPES = {"crm_owners": "owners"}
"""In the feed; the other tables are called like their records."""


class Statement(NamedTuple):
    text: str
    """As PostgreSQL gets it: $1 is the first of the parameters. The first line is its name, for the server's log."""
    parameters: tuple[str, ...]
    changed: tuple[str, ...] = ()
    """The types of the records that it writes, and enters in the change feed under the transaction's revision."""

    def bind(self, values: Mapping[str, object]) -> list[object]:
        """Return the values in the order of the parameters. Raises KeyError for one that is missing."""
        return [values[name] for name in self.parameters]


@cache
def statements() -> Mapping[str, Statement]:
    """Return every statement by its name, sorted. Raises ValueError for a name that two queries have."""
    found: dict[str, Statement] = {}
    sources = (folder / "queries.sql" for folder in files(_PACKAGE).iterdir())
    texts = (source.read_text(encoding="utf-8") for source in sources if source.is_file())
    for name, body in sorted(query for text in texts for query in _QUERY.findall(text)):
        if name in found:
            raise ValueError(f"two queries are named {name}")
        found[name] = number_parameters(name, expand(enter_in_feed(name, body)))._replace(
            changed=tuple(record_type for _, record_type, _, _ in _FEED_ENTRY.findall(body))
        )
    return found


def statement(name: str) -> Statement:
    return statements()[name]


def enter_in_feed(name: str, body: str) -> str:
    """Write the entries into the change feed out. Raises ValueError for a record type that is written without one."""
    entered = {(kind == "upserted", record_type) for kind, record_type, _, _ in _FEED_ENTRY.findall(body)}
    for verb, table in _RECORD_WRITE.findall(body):
        record_type = _RECORD_TYPES.get(table, table)
        if (verb != "delete from", record_type) not in entered:
            raise ValueError(f"{name} writes {table} and does not enter them in the change feed")
    return _FEED_ENTRY.sub(_write_feed_entry, body)


def _write_feed_entry(match: re.Match[str]) -> str:
    kind, record_type, deletion, source = match.groups()
    return _feed_entry().format(
        source=source,
        kind=kind,
        record_type=record_type,
        deletion={"upserted": "null", "deleted": f"'{deletion}'", "merged": "'merged'"}[kind],
        merged_into="array_agg(part.survivor)" if kind == "merged" else "null::uuid[]",
    )


@cache
def _feed_entry() -> str:
    return (files(_PACKAGE) / "feed" / "entry.sql").read_text(encoding="utf-8").strip()


def expand(body: str) -> str:
    """Write every repetition out, an item a line. Raises KeyError for a list that is not there."""

    def repeat(match: re.Match[str]) -> str:
        indent, items, pattern = match.groups()
        return indent + f",\n{indent}".join(_fill(pattern, item) for item in _LISTS[items])

    return _REPETITION.sub(repeat, body)


def _fill(pattern: str, item: object) -> str:
    return _ATTRIBUTE.sub(lambda attribute: str(getattr(item, attribute[1])), pattern)


def number_parameters(name: str, body: str) -> Statement:
    numbers: dict[str, int] = {}

    def replace(match: re.Match[str]) -> str:
        parameter = match[1]
        return f"${numbers.setdefault(parameter, len(numbers) + 1)}" if parameter else match[0]

    return Statement(f"-- {name}\n{_PARAMETER.sub(replace, body)}\n", tuple(numbers))
