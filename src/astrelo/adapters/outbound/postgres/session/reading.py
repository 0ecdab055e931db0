"""How readers ask: one statement on a pooled connection, rows into read models."""

from typing import Any, TypeVar

import asyncpg
import msgspec

from astrelo.adapters.outbound.postgres.session.errors import translate_errors
from astrelo.adapters.outbound.postgres.session.queries import Queries

View = TypeVar("View")


class Reads:
    """Statements by name. Raises StoreUnavailable, and InvalidInput for values no column could hold."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._queries = Queries(pool)

    async def rows(self, query: str, /, **values: object) -> list[asyncpg.Record]:
        with translate_errors():
            return await self._queries.rows(query, **values)

    async def value(self, query: str, /, **values: object) -> Any:  # noqa: ANN401 - whatever the statement selects
        with translate_errors():
            return await self._queries.value(query, **values)

    async def views(self, kind: type[View], query: str, /, **values: object) -> list[View]:
        """Read rows whose columns are the view's fields."""
        return [msgspec.convert(dict(row), kind) for row in await self.rows(query, **values)]

    async def view(self, kind: type[View], query: str, /, **values: object) -> View | None:
        found = await self.views(kind, query, **values)
        return found[0] if found else None


def like_prefix(folded: str | None) -> str | None:
    """Make a LIKE pattern for what begins with a text that is folded already, taken literally."""
    if folded is None:
        return None
    escaped = folded.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    return f"{escaped}%"
