"""Who gets a connection when there are too many, on a real socket."""

import asyncio

import pytest
import uvloop

from astrelo.bootstrap.startup import raise_open_file_limit
from tests.support.serving import Serving, get, limits, post, serving

PATIENT = {"header_timeout": 30.0, "body_timeout": 30.0}
PROXY = "127.0.0.1"


async def hold(made: Serving, count: int, *fields: str) -> None:
    """Send requests that are complete and not answered yet."""
    for _ in range(count):
        await made.connect(get("/hold", *fields))
        await made.app.holding.acquire()


@pytest.mark.parametrize(
    "waiting", ["", "GET / HTTP/1.1\r\nHo", post("/", 100)], ids=["silent", "half", "body"]
)
@pytest.mark.parametrize("limit", ["max_connections", "max_connections_per_address"])
def test_a_newcomer_takes_the_place_of_the_one_that_has_waited_longest(limit: str, waiting: str) -> None:
    async def scenario() -> None:
        async with serving(limits(**PATIENT, **{limit: 3})) as made:
            first, second, _ = [await made.connect(waiting) for _ in range(3)]
            assert (await made.ask("/")).endswith("ok")
            assert await first.read() == ""
            await second.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n" if not waiting else "")

    uvloop.run(scenario())


@pytest.mark.parametrize("limit", ["max_connections", "max_connections_per_address"])
def test_a_request_that_is_complete_keeps_its_place(limit: str) -> None:
    async def scenario() -> None:
        async with serving(limits(**PATIENT, **{limit: 2})) as made:
            await hold(made, 1)
            client = await made.connect(get("/hold", "Connection: close"))
            await made.app.holding.acquire()
            assert await made.ask("/") == ""
            made.app.released.set()
            assert (await client.read()).endswith("ok")
            assert (await made.ask("/")).endswith("ok")

    uvloop.run(scenario())


def test_the_health_port_answers_while_all_connections_are_busy() -> None:
    async def scenario() -> None:
        async with serving(limits(**PATIENT, max_connections=2)) as made:
            await hold(made, 2)
            assert await made.ask("/health/live") == ""
            assert (await made.ask("/health/live", port=made.health_port)).endswith("ok")

    uvloop.run(scenario())


def test_the_health_port_serves_nothing_else() -> None:
    async def scenario() -> None:
        async with serving() as made:
            assert " 404 " in await made.ask("/api/companies", port=made.health_port)

    uvloop.run(scenario())


def test_clients_behind_a_trusted_proxy_are_limited_one_by_one() -> None:
    async def scenario() -> None:
        async with serving(limits(max_connections_per_address=2), proxies=[PROXY]) as made:
            await hold(made, 2, "X-Forwarded-For: 192.0.2.1")
            refused = await made.ask("/", "X-Forwarded-For: 192.0.2.1")
            assert " 429 " in refused
            assert "retry-after: 1" in refused
            assert '"code":"too_many_requests"' in refused
            assert (await made.ask("/", "X-Forwarded-For: 192.0.2.2")).endswith("ok")
            made.app.released.set()
            await made.app.ended.wait()
            assert (await made.ask("/", "X-Forwarded-For: 192.0.2.1")).endswith("ok")

    uvloop.run(scenario())


def test_a_client_that_only_says_it_is_a_proxy_is_limited_by_its_own_address() -> None:
    async def scenario() -> None:
        async with serving(limits(max_connections_per_address=2)) as made:
            await hold(made, 2, "X-Forwarded-For: 192.0.2.1")
            assert await made.ask("/", "X-Forwarded-For: 192.0.2.2") == ""
            assert set(made.app.clients) == {PROXY}

    uvloop.run(scenario())


ATTACKS = {
    "silent": "",
    "half header fields": "GET / HTTP/1.1\r\nHost: api.test\r\nX-",
    "a body that never comes": post("/", 1_000),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_health_answers_while_1100_slow_clients_are_there(attack: str) -> None:
    raise_open_file_limit()

    async def scenario() -> None:
        allowed = limits(header_timeout=1.0, body_timeout=1.0, max_connections_per_address=2_000)
        async with serving(allowed) as made, asyncio.timeout(20):
            clients = [await made.connect(attack) for _ in range(1_100)]
            for port in (made.port, made.health_port):
                async with asyncio.timeout(1):
                    assert (await made.ask("/health/live", port=port)).endswith("ok")
            await asyncio.gather(*(client.read() for client in clients))

    uvloop.run(scenario())
