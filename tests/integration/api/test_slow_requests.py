"""One user's slow requests: how long they may take, and that no other user waits for them. Over real connections."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from dishka import Provider, Scope, provide

from astrelo.adapters.outbound.postgres.session.pool import open_pool
from astrelo.adapters.outbound.postgres.session.reads import ReadLimits, Reads
from astrelo.domain.identifiers import UserId
from crm_sandbox.http.server import serve
from tests.support.harness.api import ApiHarness, api_harness

pytestmark = pytest.mark.anyio

POOL_SIZE = 10
SHARE = 3
MINUTE = timedelta(minutes=1)
SLOW = "/api/companies"
"""A request of it is as slow as a test likes: it waits for the lock that `slow_companies` holds."""
QUICK = "/api/contacts"

_WAITING = (
    "select count(*) from pg_stat_activity where application_name = 'reads' and wait_event_type = 'Lock'"
)


class _Reads(Provider):
    scope = Scope.APP

    def __init__(self, database: str, limits: ReadLimits) -> None:
        super().__init__()
        self._database = database
        self._limits = limits

    @provide(override=True)
    async def reads(self) -> AsyncIterator[Reads]:
        async with open_pool(self._database, "reads", max_size=POOL_SIZE, reset=False) as pool:
            yield Reads(pool, self._limits)


@asynccontextmanager
async def served(database: str, **limits: Any) -> AsyncIterator[ApiHarness]:
    """Serve the API on a port of its own; the harness's client connects to it."""
    async with api_harness(database, overrides=[_Reads(database, ReadLimits(**limits))]) as api:
        limit = httpx.Limits(max_connections=100)
        async with (
            serve(api.app) as url,  # type: ignore[arg-type] # two libraries' words for one ASGI
            httpx.AsyncClient(base_url=url, limits=limit, timeout=30) as client,
        ):
            api.client = client
            yield api


@asynccontextmanager
async def slow_companies(pool: asyncpg.Pool) -> AsyncIterator[None]:
    async with pool.acquire() as session, session.transaction():
        await session.execute("lock table companies in access exclusive mode")
        yield


async def until_waiting(pool: asyncpg.Pool, reads: int) -> None:
    async with asyncio.timeout(20):
        while await pool.fetchval(_WAITING) != reads:
            await pool.execute("select pg_sleep(0.001)")


async def p99_seconds(api: ApiHarness) -> float:
    """Ask a hundred times, one after the other, as another user; leave out the slowest."""
    seconds = []
    for _ in range(100):
        began = time.perf_counter()
        assert (await api.get(QUICK, api.neighbour_id)).status_code == 200
        seconds.append(time.perf_counter() - began)
    return sorted(seconds)[-2]


async def test_twenty_slow_requests_of_one_user_leave_the_other_users_as_quick_as_ever(
    database: str, pool: asyncpg.Pool
) -> None:
    async with served(database, share_wait=MINUTE, statement=MINUTE) as api, asyncio.TaskGroup() as requests:
        await api.get(QUICK, api.neighbour_id)  # opens a connection
        async with slow_companies(pool):
            slow = [requests.create_task(api.get(SLOW)) for _ in range(20)]
            await until_waiting(pool, SHARE)
            measured = [await p99_seconds(api)]
            while measured[-1] >= 0.1 and len(measured) < 5:  # whatever else the machine does only adds
                measured.append(await p99_seconds(api))
            assert measured[-1] < 0.1
        assert {(await request).status_code for request in slow} == {200}


async def test_what_is_over_a_users_share_waits_a_little_and_then_gets_429(
    database: str, pool: asyncpg.Pool
) -> None:
    async with served(database, share_wait=timedelta(milliseconds=50)) as api:
        async with asyncio.TaskGroup() as requests, slow_companies(pool):
            slow = [requests.create_task(api.get(SLOW)) for _ in range(SHARE)]
            await until_waiting(pool, SHARE)
            refused = await api.get(QUICK)
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
            assert refused.headers["retry-after"] == "1"
            assert (await api.get(QUICK, api.neighbour_id)).status_code == 200
        assert {request.result().status_code for request in slow} == {200}
        assert (await api.get(QUICK)).status_code == 200


async def test_a_search_that_takes_too_long_is_ended_and_names_the_filters_to_narrow(
    database: str, pool: asyncpg.Pool
) -> None:
    async with served(database, statement=timedelta(milliseconds=50)) as api:
        async with slow_companies(pool):
            response = await api.get(SLOW, industry="BANKING", name="a", limit=50)
        problem = response.json()
        assert (response.status_code, problem["code"]) == (422, "too_slow")
        assert [error["field"] for error in problem["errors"]] == ["industry", "name"]
        assert (await api.get(SLOW)).status_code == 200


async def test_a_read_ends_at_the_server_when_its_client_hangs_up(database: str, pool: asyncpg.Pool) -> None:
    async with served(database) as api, slow_companies(pool):
        asked = asyncio.create_task(api.get(SLOW))
        await until_waiting(pool, 1)
        asked.cancel()  # closes the connection
        await asyncio.wait([asked])
        await until_waiting(pool, 0)
        metrics = (await api.client.get("/metrics")).text
        assert 'route="/api/companies",status="499"' in metrics


async def test_without_a_free_connection_a_read_ends_as_an_outage(database: str, pool: asyncpg.Pool) -> None:
    async with (
        served(database, connection_wait=timedelta(seconds=1)) as api,
        asyncio.TaskGroup() as requests,
        slow_companies(pool),
    ):
        for user in (UserId(uuid4()) for _ in range(POOL_SIZE)):
            requests.create_task(api.get(SLOW, user))
        await until_waiting(pool, POOL_SIZE)
        response = await api.get(QUICK)
        assert (response.status_code, response.json()["code"]) == (503, "store_unavailable")
