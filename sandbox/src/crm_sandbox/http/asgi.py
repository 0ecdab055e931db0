"""A sandbox's requests and responses in the words of ASGI."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from crm_sandbox.http.messages import Request, Response, parse_form
from crm_sandbox.simulated_crm import ConnectionDropped

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def live(receive: Receive, send: Send) -> None:
    """Speak the lifespan protocol to its end."""
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def read_request(scope: Scope, receive: Receive) -> Request:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    query = scope["query_string"].decode("ascii", "replace")
    return Request(
        method=scope["method"],
        path=scope["path"],
        query_string=query,
        query=parse_form(query),
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
        scheme=scope.get("scheme", "http"),
    )


async def send_response(response: Response, send: Send) -> None:
    """Send it in its pieces; raise ConnectionDropped behind the half of one that is to be cut."""
    headers = [
        ("content-type", response.media_type),
        ("content-length", str(len(response.body))),
        *response.headers,
    ]
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    if response.cut:
        half = response.body[: len(response.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        raise ConnectionDropped
    for piece in response.pieces():
        await asyncio.sleep(response.pause)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
