"""The worker's health checks over HTTP: liveness and readiness.

Written by hand, because a web framework would double the worker's memory.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from astrelo.adapters.inbound.worker.supervisor import Health

_READ_WITHIN = 5.0  # seconds
_MAX_HEAD_SIZE = 8192


@asynccontextmanager
async def serve_health(health: Health, host: str, port: int) -> AsyncIterator[int]:
    """Respond to `GET /health/live` with 200 and `GET /health/ready` with 200 or 503; yields the port."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_READ_WITHIN):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_response(head, health))
                await writer.drain()
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client is gone
        finally:
            writer.close()

    server = await asyncio.start_server(respond, host, port, limit=_MAX_HEAD_SIZE)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def _response(head: bytes, health: Health) -> bytes:
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if method != b"GET":
        status, body = "405 Method Not Allowed", "method not allowed"
    elif path == b"/health/live":
        status, body = "200 OK", "alive"
    elif path == b"/health/ready":
        status, body = (
            "503 Service Unavailable",
            "stopping" if health.draining else "waiting for the database",
        )
        if health.ready:
            status, body = "200 OK", "ready"
    else:
        status, body = "404 Not Found", "not found"
    content = f'{{"status":"{body}"}}'
    lines = [f"HTTP/1.1 {status}", "content-type: application/json", f"content-length: {len(content)}"]
    return "\r\n".join([*lines, "connection: close", "", content]).encode()
