"""How readers ask: one statement on a pooled connection, rows into read models."""

from typing import Any, TypeVar

import asyncpg
import msgspec

from astrelo.adapters.outbound.postgres.session.errors import translate_errors
from astrelo.adapters.outbound.postgres.session.statements import statement

View = TypeVar("View")


class Reads:
    """Statements by name. Raises StoreUnavailable, and InvalidInput for values no column could hold."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def rows(self, name: str, *arguments: object) -> list[asyncpg.Record]:
        with translate_errors():
            rows: list[asyncpg.Record] = await self._pool.fetch(statement(name), *arguments)
            return rows

    async def value(self, name: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever the statement selects
        with translate_errors():
            return await self._pool.fetchval(statement(name), *arguments)

    async def views(self, kind: type[View], name: str, *arguments: object) -> list[View]:
        """Read rows whose columns are the view's fields."""
        return [msgspec.convert(dict(row), kind) for row in await self.rows(name, *arguments)]

    async def view(self, kind: type[View], name: str, *arguments: object) -> View | None:
        found = await self.views(kind, name, *arguments)
        return found[0] if found else None


def like_prefix(fold_column: str | None) -> str | None:
    """Make a LIKE pattern for what begins with a text that is folded already, taken literally."""
    if fold_column is None:
        return None
    escaped = fold_column.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    return f"{escaped}%"
