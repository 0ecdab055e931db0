"""An application that shows what a server does, and a client that speaks HTTP by hand."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from litestar.types import ASGIApp

from astrelo.adapters.inbound.http.server.addresses import TrustedProxies
from astrelo.adapters.inbound.http.server.limits import ServerLimits
from astrelo.adapters.inbound.http.server.serving import HttpServer

Message = dict[str, Any]
WITHIN = 10.0
"""Seconds for what takes a fraction of one."""


def limits(**changed: Any) -> ServerLimits:
    return ServerLimits(**{"header_timeout": 0.3, "body_timeout": 0.3} | changed)


class ServingApp:
    """`/hold` answers when `released` is set; `/unread` without looking at the body; other paths echo it."""

    def __init__(self) -> None:
        self.holding = asyncio.Semaphore(0)
        self.released = asyncio.Event()
        self.ended = asyncio.Event()
        self.clients: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for kind in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{kind}.complete"})
            return
        self.clients.append(scope["client"][0])
        try:
            await self._respond(scope["path"], receive, send)
        finally:
            self.ended.set()

    async def _respond(
        self, path: str, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        body, status = b"ok", 200
        match path:
            case "/hold":
                self.holding.release()
                await self.released.wait()
            case "/unread":
                status = 403
            case "/stream":
                await stream(send, self.released)
                return
            case "/endless":
                await write_for_ever(receive, send)
                return
            case _:
                body = await read_body(receive)
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def read_body(receive: Callable[[], Awaitable[Message]]) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return body
        body += message["body"]
        if not message["more_body"]:
            return body or b"ok"


async def stream(send: Callable[[Message], Awaitable[None]], end: asyncio.Event) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    await end.wait()
    await send({"type": "http.response.body", "body": b"last"})


async def write_for_ever(
    receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Send until the client is gone."""
    await receive()
    gone = asyncio.ensure_future(receive())
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while not gone.done():
        await send({"type": "http.response.body", "body": bytes(100_000), "more_body": True})


class Client:
    """A connection. `read` gives everything until the server closes it; '' when it is reset."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, text: str | bytes) -> None:
        self._writer.write(text.encode() if isinstance(text, str) else text)
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    async def read(self) -> str:
        received = b""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(WITHIN):
                while data := await self._reader.read(65_536):
                    received += data
        return received.decode()

    async def read_until(self, text: str) -> str:
        async with asyncio.timeout(WITHIN):
            return (await self._reader.readuntil(text.encode())).decode()

    async def drip(self, text: str, pause: float = 0.02) -> str:
        """Send a text again and again, a little at a time, until the server closes; return what it said."""
        reading = asyncio.ensure_future(self.read())
        while not reading.done():
            await self.send(text)
            await asyncio.wait([reading], timeout=pause)
        return reading.result()

    def close(self) -> None:
        self._writer.close()


@dataclass
class Serving:
    app: ServingApp
    port: int
    health_port: int
    stop: asyncio.Event
    finished: asyncio.Task[None]
    clients: list[Client] = field(default_factory=list)

    async def connect(self, text: str = "", *, port: int | None = None) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", port or self.port))
        self.clients.append(client)
        if text:
            await client.send(text)
        return client

    async def ask(self, path: str, *fields: str, port: int | None = None) -> str:
        """Send a request on a connection of its own; return the whole response."""
        client = await self.connect(get(path, "Connection: close", *fields), port=port)
        return await client.read()


def get(path: str, *fields: str) -> str:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: api.test", *fields, "", ""])


def post(path: str, length: int, *fields: str) -> str:
    return "\r\n".join(
        [f"POST {path} HTTP/1.1", "Host: api.test", f"Content-Length: {length}", *fields, "", ""]
    )


@asynccontextmanager
async def serving(
    server_limits: ServerLimits | None = None,
    *,
    proxies: Sequence[str] = (),
    drain: float = 5.0,
    served: ASGIApp | None = None,
) -> AsyncIterator[Serving]:
    """Serve an app that shows what the server does, or another one."""
    app, stop = ServingApp(), asyncio.Event()
    server = HttpServer(
        served or app, server_limits or limits(), TrustedProxies([ip_network(each) for each in proxies])
    )
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    port, health_port = (each.getsockname()[1] for each in sockets)
    task = asyncio.create_task(server.run(sockets[:1], sockets[1:], stop, drain))
    made = Serving(app, port, health_port, stop, task)
    try:
        yield made
    finally:
        app.released.set()
        for client in made.clients:
            client.close()
        stop.set()
        await task
