"""A server that gives the answers a test has laid ready; for `httpx.MockTransport`."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import httpx

Responder = Callable[[], Awaitable[httpx.Response]]


class ScriptedServer:
    """Gives these answers one after the other, the last one for ever."""

    def __init__(self, *answers: Responder) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        response = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return await response()


def response(status: int, content: bytes = b"", **headers: str) -> Responder:
    """Make an answer that can be given again and again; `_` in a header's name stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def give() -> httpx.Response:
        return httpx.Response(status, headers=named, stream=httpx.ByteStream(content))

    return give


def json_response(status: int, body: object, **headers: str) -> Responder:
    return response(status, json.dumps(body).encode(), **headers)


def connection_error(error: httpx.TransportError) -> Responder:
    async def fail() -> httpx.Response:
        raise error

    return fail


async def never() -> httpx.Response:
    await asyncio.Event().wait()
    raise AssertionError


OK = response(200, b'{"fine": true}')
HTML = b"<!DOCTYPE html><html>sorry</html>"
CUT_OFF = [
    b"",
    b" ",
    b"{",
    b'{"access_token": "CJ-00D!AQ',
    b'{"access_token": "CJ-00D!AQ", "refresh_token": "\xc3',
]
"""Answers of a token endpoint that did not come to their end, though they were called a success."""
