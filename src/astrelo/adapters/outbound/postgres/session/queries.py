"""How statements are run: by name, with parameters by name."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from astrelo.adapters.outbound.postgres.session.statements import Statement, statement


@dataclass(slots=True)
class Revision:
    """What one transaction changes in records: a position of the change feed, taken when the transaction ends."""

    number: int
    changed: set[str] = field(default_factory=set)
    """The types of the records that were written so far."""
    is_ambiguous: bool = False
    """Whether several statements wrote records of a type, perhaps the same ones."""

    def note(self, record_types: Iterable[str]) -> None:
        for record_type in record_types:
            self.is_ambiguous |= record_type in self.changed
            self.changed.add(record_type)


class Queries:
    """Statements on a connection, or each on a connection of a pool.

    `given` are parameters that every statement may use without their being passed again, such as the user.
    A parameter that a statement lacks or does not know raises TypeError, and so does a statement that changes records
    where there is no revision to change them under.
    """

    def __init__(
        self,
        executor: asyncpg.Connection | asyncpg.Pool,
        *,
        revision: Revision | None = None,
        **given: object,
    ) -> None:
        self._executor = executor
        self._revision = revision
        self._given = given if revision is None else {**given, "revision": revision.number}

    async def rows(self, query: str, /, **values: object) -> list[asyncpg.Record]:
        known, arguments = self._bind(query, values)
        rows: list[asyncpg.Record] = await self._executor.fetch(known.text, *arguments)
        return rows

    async def row(self, query: str, /, **values: object) -> asyncpg.Record | None:
        known, arguments = self._bind(query, values)
        return await self._executor.fetchrow(known.text, *arguments)

    async def value(self, query: str, /, **values: object) -> Any:  # noqa: ANN401 - whatever the statement selects
        known, arguments = self._bind(query, values)
        return await self._executor.fetchval(known.text, *arguments)

    async def execute(self, query: str, /, **values: object) -> int:
        """Return how many rows were written, or selected."""
        known, arguments = self._bind(query, values)
        tag: str = await self._executor.execute(known.text, *arguments)
        return int(tag.rpartition(" ")[2])

    async def count(self, query: str, limit: str, /, **values: object) -> int:
        """Count the rows that a query selects, up to a limit or `all`."""
        known, arguments = self._bind(query, values)
        counting = f"select count(*) from (select from ({known.text}) as page limit {limit}) as rows"  # noqa: S608 - ours
        return int(await self._executor.fetchval(counting, *arguments))

    async def ids(self, query: str, limit: int, /, **values: object) -> list[UUID]:
        """Return the ids of the rows that a query selects, up to a limit."""
        known, arguments = self._bind(query, values)
        selecting = f"select id from ({known.text}) as page limit {limit:d}"  # noqa: S608 - ours
        return [row["id"] for row in await self._executor.fetch(selecting, *arguments)]

    async def estimate(self, query: str, /, **values: object) -> int:
        """Return how many rows the planner expects a query to select."""
        known, arguments = self._bind(query, values)
        plan = await self._executor.fetchval(f"explain (format json) {known.text}", *arguments)
        return int(msgspec.json.decode(plan)[0]["Plan"]["Plan Rows"])

    def _bind(self, query: str, values: dict[str, object]) -> tuple[Statement, list[object]]:
        known = statement(query)
        if surplus := values.keys() - set(known.parameters):
            raise TypeError(f"{query} has no parameter {sorted(surplus)}")
        try:
            arguments = known.bind(self._given | values)
        except KeyError as error:
            raise TypeError(f"{query} lacks its parameter {error}") from None
        if known.changed:
            if self._revision is None:
                raise TypeError(f"{query} changes records outside a unit of work")
            self._revision.note(known.changed)
        return known, arguments
