"""A load generator: so many connections that each send one request after another, for so long."""

import asyncio
import re
import time
from typing import cast

import msgspec

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END_OF_HEAD = b"\r\n\r\n"


class Load(msgspec.Struct, frozen=True, kw_only=True):
    requests: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


class UnexpectedResponse(Exception):
    pass


class _Client(asyncio.Protocol):
    """Sends its request again whenever the response is complete, until `ends_at`."""

    def __init__(self, request: bytes, ends_at: float) -> None:
        self._request = request
        self._ends_at = ends_at
        self._received = bytearray()
        self._awaited = 0
        self.requests = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class stands in for it
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._awaited:
            if (end := self._received.find(_END_OF_HEAD)) < 0:
                return
            length = _LENGTH.search(self._received, 0, end)
            if length is None or not self._received.startswith(b"HTTP/1.1 200 "):
                self.ended.set_exception(UnexpectedResponse(self._received[:200].decode("latin-1")))
                self._transport.abort()
                return
            self._awaited = end + len(_END_OF_HEAD) + int(length[1])
        if len(self._received) < self._awaited:
            return
        self._received.clear()
        self._awaited = 0
        self.requests += 1
        if time.perf_counter() < self._ends_at:
            self._transport.write(self._request)
        else:
            self._transport.close()
            self.ended.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(exc or UnexpectedResponse("the connection was closed"))


async def send_load(port: int, target: str, token: str, *, connections: int, seconds: float) -> Load:
    """Send one GET again and again. Raises UnexpectedResponse for any response but 200 with a length."""
    lines = [f"GET {target} HTTP/1.1", f"host: 127.0.0.1:{port}", f"authorization: Bearer {token}"]
    request = "\r\n".join([*lines, "accept: application/json", "", ""]).encode()
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    pairs = [
        await loop.create_connection(lambda: _Client(request, began + seconds), "127.0.0.1", port)
        for _ in range(connections)
    ]
    clients = [client for _, client in pairs]
    await asyncio.gather(*(client.ended for client in clients))
    return Load(requests=sum(client.requests for client in clients), seconds=time.perf_counter() - began)
