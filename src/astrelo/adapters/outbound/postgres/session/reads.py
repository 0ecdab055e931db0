"""How readers ask: statements with a time limit, on a pool that users share so that none stalls another."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import msgspec

from astrelo.adapters.outbound.postgres.session.errors import translate_errors
from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.domain import errors

View = TypeVar("View")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLimits:
    """What one read, and one user, may take of a pool."""

    statement: timedelta = timedelta(seconds=5)
    user_share: float = 1 / 3
    """Of the pool's connections; at least one."""
    share_wait: timedelta = timedelta(seconds=2)
    """How long a read waits while its user holds the whole share."""
    connection_wait: timedelta = timedelta(seconds=5)
    """How long a read waits for a connection, at most, when the whole pool is busy."""


DEFAULT_LIMITS = ReadLimits()

MAX_COUNTED = 1_000
"""Entries that an estimate counts one by one."""


class _Share:
    """One user's part of a pool: `async with` takes a connection's worth of it, or raises TooManyRequests."""

    def __init__(self, size: int, wait: float, forget: Callable[[], object]) -> None:
        self._size = size
        self._free = asyncio.Semaphore(size)
        self._wait = wait
        self._forget = forget
        self._reads = 0
        """Under way or waiting; the share is forgotten with the last."""

    async def __aenter__(self) -> None:
        self._reads += 1
        try:
            # No timer where one is free at once.
            async with asyncio.timeout(self._wait) if self._free.locked() else nullcontext():
                await self._free.acquire()
        except TimeoutError:
            self._leave()
            raise errors.TooManyRequests(self._size) from None
        except BaseException:
            self._leave()
            raise

    async def __aexit__(self, *_error: object) -> None:
        self._free.release()
        self._leave()

    def _leave(self) -> None:
        self._reads -= 1
        if not self._reads:
            self._forget()


class UserShares:
    """Limits how many connections of one pool each user holds at once."""

    def __init__(self, size: int, wait: timedelta) -> None:
        self._size = size
        self._wait = wait.total_seconds()
        self._shares: dict[UUID, _Share] = {}

    def hold(self, user_id: UUID) -> AbstractAsyncContextManager[None]:
        """Hold one part of the user's share. Raises TooManyRequests when none becomes free in time."""
        if user_id not in self._shares:
            self._shares[user_id] = _Share(self._size, self._wait, partial(self._shares.pop, user_id))
        return self._shares[user_id]


def begin_read(limit: timedelta) -> str:
    """Return the statements that begin a read: its time limit, and plans for the values at hand."""
    return (
        f"begin read only; set local statement_timeout = {limit // timedelta(milliseconds=1)}; "
        "set local plan_cache_mode = force_custom_plan; set local jit = off; "
        "set local max_parallel_workers_per_gather = 0"
    )


_IN_INDEX_ORDER = "; set local enable_sort = off"
"""No plan that sorts, where one reads an index in the order that is asked for."""


class Reads:
    """Statements by name, rows into read models; each in a transaction of its own that writes nothing.

    The transaction begins with one step that sets, for itself alone, a time limit and how statements are planned: for
    the values at hand, since a plan made for a large user takes seconds for a small one and the other way round. So it
    works through a pooler that hands out another connection for every transaction, too. No read is worth the time to
    compile it, or the processors of other users' reads. A read that is cancelled is
    cancelled at the server.

    Raises StoreUnavailable; InvalidInput for values no column could hold; QueryTooSlow; and TooManyRequests for
    reads that name a `user_id` whose share of the pool is in use.
    """

    def __init__(self, pool: asyncpg.Pool, limits: ReadLimits = DEFAULT_LIMITS) -> None:
        self._pool = pool
        self._connection_wait = limits.connection_wait.total_seconds()
        self._shares = UserShares(max(1, int(pool.get_max_size() * limits.user_share)), limits.share_wait)
        self._begin = begin_read(limits.statement)

    async def rows(self, query: str, /, **values: object) -> list[asyncpg.Record]:
        async with self._open(values.get("user_id")) as queries:
            return await queries.rows(query, **values)

    async def page(self, query: str, /, **values: object) -> list[asyncpg.Record]:
        """Read a page in the order of an index, whatever the planner knows of the filters.

        Where it expects few rows it would rather collect and sort them all, and without statistics, as after a first
        sync, it always does.
        """
        async with self._open(values.get("user_id"), _IN_INDEX_ORDER) as queries:
            return await queries.rows(query, **values)

    async def count(self, query: str, /, *, exact: bool, **values: object) -> int:
        """Count what a list would show in all: exactly, or as the planner estimates it.

        The estimate of a list of up to MAX_COUNTED entries is their number; above that it rests on statistics of the
        whole table, and may be far off for several filters together.
        """
        counted = "all" if exact else str(MAX_COUNTED + 1)
        async with self._open(values.get("user_id")) as queries:
            total = int(await queries.count(query, counted, **values))
            if not exact and total > MAX_COUNTED:
                total = max(total, await queries.estimate(query, **values))
        return total

    async def ids(self, query: str, limit: int, /, **values: object) -> list[UUID]:
        async with self._open(values.get("user_id")) as queries:
            return await queries.ids(query, limit, **values)

    async def value(self, query: str, /, **values: object) -> Any:  # noqa: ANN401 - whatever the statement selects
        rows = await self.rows(query, **values)
        return rows[0][0] if rows else None

    async def views(self, kind: type[View], query: str, /, **values: object) -> list[View]:
        """Read rows whose columns are the view's fields."""
        return [msgspec.convert(dict(row), kind) for row in await self.rows(query, **values)]

    async def view(self, kind: type[View], query: str, /, **values: object) -> View | None:
        found = await self.views(kind, query, **values)
        return found[0] if found else None

    @asynccontextmanager
    async def _open(self, user_id: object, settings: str = "") -> AsyncIterator[Queries]:
        share = self._shares.hold(user_id) if isinstance(user_id, UUID) else nullcontext()
        with translate_errors():
            # No timer where a connection is free at once.
            async with (
                share,
                self._pool.acquire(
                    timeout=None if self._pool.get_idle_size() else self._connection_wait
                ) as connection,
            ):
                try:
                    await connection.execute(self._begin + settings)
                    yield Queries(connection)
                except asyncpg.QueryCanceledError as error:
                    raise errors.QueryTooSlow from error
                finally:
                    if not connection.is_closed() and connection.is_in_transaction():
                        await connection.execute("rollback")  # nothing was written
