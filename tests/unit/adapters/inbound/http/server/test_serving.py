"""Starting and stopping."""

import asyncio
import socket

import pytest
import uvloop

from astrelo.adapters.inbound.http.server.addresses import TrustedProxies
from astrelo.adapters.inbound.http.server.serving import HttpServer, StartFailed
from tests.support.serving import get, limits, post, serving


def test_requests_in_progress_are_finished_before_it_ends() -> None:
    async def scenario() -> None:
        async with serving() as made:
            idle = await made.connect(get("/"))
            await idle.read_until("ok")
            busy = await made.connect(get("/hold"))
            await made.app.holding.acquire()
            made.stop.set()
            assert await idle.read() == ""
            with pytest.raises(ConnectionRefusedError):
                await made.connect()
            made.app.released.set()
            response = await busy.read()
            assert response.endswith("ok")
            assert "connection: close" in response
            await made.finished

    uvloop.run(scenario())


@pytest.mark.parametrize("unfinished", [get("/hold"), post("/", 100)], ids=["no response", "no body"])
def test_requests_that_do_not_end_in_time_are_cancelled(unfinished: str) -> None:
    async def scenario() -> None:
        async with serving(limits(body_timeout=30.0), drain=0.1) as made:
            client = await made.connect(get("/") + unfinished)
            await client.read_until("ok")
            made.stop.set()
            await made.finished
            assert await client.read() == ""
            assert made.app.ended.is_set()

    uvloop.run(scenario())


def test_an_application_that_cannot_start_ends_the_server() -> None:
    async def app(_scope: object, receive: object, send: object) -> None:
        raise RuntimeError

    async def scenario() -> None:
        server = HttpServer(app, limits(), TrustedProxies())
        with socket.create_server(("127.0.0.1", 0)) as listening, pytest.raises(StartFailed):
            await server.run([listening], [], asyncio.Event(), 0)

    uvloop.run(scenario())


def test_responses_have_a_date_and_do_not_name_the_server() -> None:
    async def scenario() -> None:
        async with serving() as made:
            response = (await made.ask("/")).lower()
            assert "\r\ndate: " in response
            assert "\r\nserver: " not in response

    uvloop.run(scenario())
