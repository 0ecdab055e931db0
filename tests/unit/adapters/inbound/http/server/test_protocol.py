"""What a client has to keep to, on a real socket: time and size of every step of a request."""

import asyncio

import pytest
import uvloop

from astrelo.adapters.inbound.http.server import limits as server_limits
from tests.support.serving import Client, get, limits, post, serving

HALF = "GET / HTTP/1.1\r\nHost: api.test\r\nX-Half: "


def assert_problem(response: str, status: int, code: str) -> None:
    assert response.startswith(f"HTTP/1.1 {status} "), response
    assert f'"code":"{code}"' in response
    assert "application/problem+json" in response


def test_a_client_that_sends_nothing_is_cut_off() -> None:
    async def scenario() -> None:
        async with serving() as made:
            assert await (await made.connect()).read() == ""

    uvloop.run(scenario())


@pytest.mark.parametrize("dripped", ["", "x"])
def test_header_fields_that_do_not_end_in_time_are_a_problem(dripped: str) -> None:
    async def scenario() -> None:
        async with serving() as made:
            client = await made.connect(HALF)
            assert_problem(await (client.drip(dripped) if dripped else client.read()), 408, "request_timeout")

    uvloop.run(scenario())


def test_empty_lines_before_a_request_do_not_gain_time() -> None:
    async def scenario() -> None:
        async with serving() as made:
            assert await (await made.connect()).drip("\r\n") == ""

    uvloop.run(scenario())


def test_a_further_request_on_a_connection_has_to_keep_time_too() -> None:
    async def scenario() -> None:
        async with serving() as made:
            client = await made.connect(get("/"))
            await client.read_until("ok")
            await client.send(HALF)
            assert_problem(await client.read(), 408, "request_timeout")

    uvloop.run(scenario())


def test_the_rest_of_a_request_that_came_with_the_one_before_has_to_keep_time() -> None:
    async def scenario() -> None:
        async with serving() as made:
            client = await made.connect(get("/") + HALF)
            await client.read_until("ok")
            assert_problem(await client.read(), 408, "request_timeout")

    uvloop.run(scenario())


@pytest.mark.parametrize("dripped", ["", "x"])
@pytest.mark.parametrize("framing", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
def test_a_body_that_does_not_end_in_time_is_a_problem(framing: str, dripped: str) -> None:
    async def scenario() -> None:
        async with serving() as made:
            client = await made.connect(f"POST / HTTP/1.1\r\nHost: api.test\r\n{framing}\r\n\r\n")
            text = f"1\r\n{dripped}\r\n" if "chunked" in framing else dripped
            assert_problem(await (client.drip(text) if dripped else client.read()), 408, "request_timeout")
            await asyncio.wait_for(made.app.ended.wait(), 5)  # nothing waits for the body any more

    uvloop.run(scenario())


@pytest.mark.parametrize("end", ["", "\r\n\r\n"], ids=["endless", "whole"])
@pytest.mark.parametrize("head", ["GET / HTTP/1.1\r\nX-Long: ", "GET /"], ids=["a field", "the target"])
def test_header_fields_over_16_kb_are_a_problem(head: str, end: str) -> None:
    async def scenario() -> None:
        async with serving() as made:
            client = await made.connect(head + "x" * 17_000 + (end and f" HTTP/1.1{end}"))
            assert_problem(await client.read(), 431, "headers_too_large")
            assert not made.app.clients

    uvloop.run(scenario())


CHUNKED = "POST / HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "framing",
    ["0\r\nX-Trailer: " + "x" * 1_000_000, "0\r\n" + "a: b\r\n" * 100_000, "1;" + "x" * 1_000_000],
    ids=["a trailer field", "trailer fields", "a chunk's extension"],
)
def test_what_surrounds_a_body_is_bounded_too(framing: str) -> None:
    async def scenario() -> None:
        async with serving(limits(body_timeout=30.0)) as made:
            client = await made.connect(CHUNKED)
            sending = asyncio.create_task(client.send(framing))
            assert_problem(await client.read(), 431, "headers_too_large")
            await sending

    uvloop.run(scenario())


def test_a_body_in_small_chunks_with_a_trailer_is_served() -> None:
    async def scenario() -> None:
        async with serving() as made:
            client = await made.connect(CHUNKED)
            for _ in range(4):
                await client.send("1\r\nx\r\n" * 10_000)
            await client.send("0\r\nX-Sum: 7\r\n\r\n" + get("/", "Connection: close"))
            response = await client.read()
            assert "x" * 40_000 in response
            assert response.endswith("ok")

    uvloop.run(scenario())


def test_header_fields_below_16_kb_are_served() -> None:
    async def scenario() -> None:
        async with serving() as made:
            assert (await made.ask("/", f"X-Long: {'x' * 16_000}")).endswith("ok")

    uvloop.run(scenario())


def test_a_request_before_does_not_count_against_the_size_of_the_next_one() -> None:
    async def scenario() -> None:
        async with serving() as made:
            client = await made.connect(post("/", 60_000) + "x" * 60_000 + HALF)
            await client.read_until("x" * 60_000)
            await client.send("x\r\nConnection: close\r\n\r\n")
            assert (await client.read()).endswith("ok")

    uvloop.run(scenario())


def test_what_is_not_http_is_a_problem() -> None:
    async def scenario() -> None:
        async with serving() as made:
            assert_problem(
                await (await made.connect("HELO api.test\r\n\r\n")).read(), 400, "malformed_request"
            )

    uvloop.run(scenario())


def test_requests_that_come_together_are_answered_in_turn() -> None:
    async def scenario() -> None:
        async with serving() as made:
            client = await made.connect(
                post("/", 3) + "one" + post("/", 3) + "two" + get("/", "Connection: close")
            )
            response = await client.read()
            assert [response.index(each) for each in ("one", "two", "ok")] == sorted(
                response.index(each) for each in ("one", "two", "ok")
            )

    uvloop.run(scenario())


def test_too_many_requests_that_come_together_end_the_connection() -> None:
    async def scenario() -> None:
        async with serving() as made:
            client = await made.connect(get("/hold") + get("/") * 100)
            assert await client.read() == ""

    uvloop.run(scenario())


async def answered_unread(client: Client) -> None:
    assert "403" in await client.read_until("ok")


def test_a_body_that_nobody_reads_may_still_come_before_the_next_request() -> None:
    async def scenario() -> None:
        async with serving() as made:
            client = await made.connect(post("/unread", 100_000))
            await answered_unread(client)
            await client.send("x" * 100_000 + get("/", "Connection: close"))
            assert (await client.read()).endswith("ok")

    uvloop.run(scenario())


def test_a_body_that_nobody_reads_does_not_hold_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_limits, "LINGER_TIMEOUT", 0.1)

    async def scenario() -> None:
        async with serving() as made:
            client = await made.connect(post("/unread", 1_000_000))
            await answered_unread(client)
            assert await client.drip("x") == ""

    uvloop.run(scenario())


def test_a_client_that_does_not_read_its_response_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_limits, "WRITE_TIMEOUT", 0.2)

    async def scenario() -> None:
        async with serving() as made:
            await made.connect(get("/endless"))
            await asyncio.wait_for(made.app.ended.wait(), 10)

    uvloop.run(scenario())


def test_a_response_that_never_begins_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_limits, "RESPONSE_TIMEOUT", 0.2)

    async def scenario() -> None:
        async with serving() as made:
            assert await made.ask("/hold") == ""

    uvloop.run(scenario())


def test_a_stream_lasts_longer_than_any_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_limits, "RESPONSE_TIMEOUT", 0.1)

    async def scenario() -> None:
        async with serving(limits(header_timeout=0.2, body_timeout=0.2)) as made:
            client = await made.connect(get("/stream", "Connection: close"))
            await client.read_until("first")
            await (await made.connect()).read()  # a connection that came later is cut off meanwhile
            made.app.released.set()
            assert "last" in await client.read()

    uvloop.run(scenario())


def test_an_idle_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_limits, "KEEP_ALIVE_TIMEOUT", 0.2)

    async def scenario() -> None:
        async with serving() as made:
            client = await made.connect(get("/"))
            assert (await client.read()).endswith("ok")

    uvloop.run(scenario())
