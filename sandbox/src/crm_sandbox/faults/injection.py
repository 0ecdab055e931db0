"""Faults that damage a response on its way to the client."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

from crm_sandbox.faults.fault import FaultEffect
from crm_sandbox.simulated_crm import ConnectionDropped

DRIPS = 8


def damage(fault: FaultEffect, send: Send) -> Send:
    """Wrap an ASGI `send` so that a response of one piece arrives as the fault's kind says."""
    deliver = _DELIVERIES.get(fault.kind)
    if deliver is None:
        return send
    start: Message = {}

    async def send_damaged(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            await deliver(send, start, message.get("body", b""), fault.delay_ms / 1000)

    return send_damaged


async def _drop(_send: Send, _start: Message, _body: bytes, _seconds: float) -> None:
    raise ConnectionDropped


async def _truncate(send: Send, start: Message, body: bytes, _seconds: float) -> None:
    half = body[: len(body) // 2]
    MutableHeaders(scope=start)["content-length"] = str(len(half))
    await send(start)
    await send({"type": "http.response.body", "body": half})


async def _cut(send: Send, start: Message, body: bytes, _seconds: float) -> None:
    await send(start)
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    raise ConnectionDropped


async def _drip(send: Send, start: Message, body: bytes, seconds: float) -> None:
    await send(start)
    size = max(-(-len(body) // DRIPS), 1)
    for begin in range(0, len(body), size):
        await asyncio.sleep(seconds / DRIPS)
        await send({"type": "http.response.body", "body": body[begin : begin + size], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


_DELIVERIES: dict[str, Callable[[Send, Message, bytes, float], Awaitable[None]]] = {
    "cut": _cut,
    "drip": _drip,
    "drop_response": _drop,
    "truncate": _truncate,
}
