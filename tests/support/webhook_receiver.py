"""A real HTTP server that receives webhooks and responds as a test says, well or badly."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Respond = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Responds with `responses` in turn, and with the last one for ever."""

    port: int = 0
    scheme: str = "http"
    responses: list[Respond] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    open: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"{self.scheme}://localhost:{self.port}/hook"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if task := asyncio.current_task():
            self.open.add(task)
        try:
            await self._serve(reader, writer)
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])
            }
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.received.append(Received(head[0].split()[1], headers, body))
            self.arrived.set()
            respond = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
            await respond(writer)
            writer.close()
            await writer.wait_closed()


def respond_with(status: int, body: bytes = b"", **headers: str) -> Respond:
    lines = [f"HTTP/1.1 {status} Any", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return send_raw("\r\n".join([*lines, "", ""]).encode() + body)


def send_raw(data: bytes, *, repeat: int = 1, every: float = 0.0) -> Respond:
    """Send these bytes so many times, as fast as the other side reads or with pauses."""

    async def respond(writer: asyncio.StreamWriter) -> None:
        for _ in range(repeat):
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(every)

    return respond


async def never_respond(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def webhook_receiver(*responses: Respond, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver(scheme="https" if tls else "http", responses=list(responses) or [respond_with(204)])
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in receiver.open:
            task.cancel()
        await asyncio.gather(*receiver.open, return_exceptions=True)
        await server.wait_closed()
