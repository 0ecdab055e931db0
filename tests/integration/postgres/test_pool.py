"""The pool of PostgreSQL sessions, when who asked for one does not wait for it."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from astrelo.adapters.outbound.postgres.session.pool import open_pool

pytestmark = pytest.mark.anyio

_ATTEMPTS = 60
_OTHERS = """
    select count(*) from pg_stat_activity
    where application_name = 'impatient' and datname = current_database() and pid <> pg_backend_pid()
"""


async def _ask_and_leave(pool: asyncpg.Pool, after: float) -> None:
    async def one_statement() -> None:
        async with pool.acquire() as session:
            await session.execute("select pg_sleep(0.001)")

    asked = asyncio.create_task(one_statement())
    await asyncio.wait([asked], timeout=after)
    asked.cancel()
    await asyncio.wait([asked])


@pytest.fixture
async def complaints() -> AsyncIterator[list[dict[str, Any]]]:
    """What the event loop reports of errors that nobody took up."""
    reported: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    usual = loop.get_exception_handler()
    loop.set_exception_handler(lambda _loop, complaint: reported.append(complaint))
    yield reported
    loop.set_exception_handler(usual)


async def test_an_attempt_to_connect_that_is_broken_off_leaves_no_complaint(
    database: str, complaints: list[dict[str, Any]]
) -> None:
    asks_for_tls = urlsplit(database)._replace(query="sslmode=prefer").geturl()
    for attempt in range(_ATTEMPTS):
        async with open_pool(asks_for_tls, "impatient", max_size=1) as pool:
            await _ask_and_leave(pool, after=attempt * 0.02 / _ATTEMPTS)
    gc.collect()
    assert complaints == []


async def test_a_session_that_nobody_took_up_is_ended(database: str) -> None:
    async with open_pool(database, "impatient", max_size=1) as pool:
        for attempt in range(_ATTEMPTS):
            await _ask_and_leave(pool, after=attempt * 0.02 / _ATTEMPTS)
        async with pool.acquire() as session:
            while await session.fetchval(_OTHERS):  # an ended session goes when its server process does
                await session.execute("select pg_sleep(0.001)")
