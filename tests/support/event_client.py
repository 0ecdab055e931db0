"""A client of the event stream, as a browser's tab is one."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NamedTuple, cast

import httpx
from starlette.types import ASGIApp

from astrelo.domain.identifiers import UserId
from crm_sandbox.http.server import serve
from tests.support.harness.api import ApiHarness, token_of

WITHIN = 10.0
"""Seconds for what takes a fraction of one."""


class Sent(NamedTuple):
    type: str
    data: Any
    id: str | None


class Tab:
    """One open stream. `last_event_id` is what a browser would send when it connects again."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.comments = 0
        self.retry: int | None = None
        self.last_event_id: str | None = None
        self._lines = response.aiter_lines()

    async def next(self, *types: str) -> Sent:
        """Return the next event, of these types if any are named."""
        async with asyncio.timeout(WITHIN):
            while True:
                sent = await self._read()
                if not types or sent.type in types:
                    return sent

    async def until(self, type_: str, **data: Any) -> list[Sent]:
        """Return the events up to the one that has these values."""
        found: list[Sent] = []
        while True:
            sent = await self.next()
            found.append(sent)
            if sent.type == type_ and all(sent.data[name] == value for name, value in data.items()):
                return found

    async def rest(self) -> list[Sent]:
        """Return the events until the server ends the stream."""
        found: list[Sent] = []
        async with asyncio.timeout(WITHIN):
            while True:
                try:
                    found.append(await self._read())
                except StopAsyncIteration:
                    return found

    async def _read(self) -> Sent:
        fields: dict[str, str] = {}
        while True:
            line = await anext(self._lines)
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "event" in fields:
                self.last_event_id = fields.get("id", self.last_event_id)
                return Sent(fields["event"], json.loads(fields["data"]), fields.get("id"))
            else:
                self.comments += "" in fields
                self.retry = int(fields.get("retry", self.retry or 0))
                fields = {}


def serving(api: ApiHarness) -> AbstractAsyncContextManager[str]:
    """Serve the API on a socket: httpx's transport for ASGI waits for the end of a response."""
    return serve(cast("ASGIApp", api.app))


@asynccontextmanager
async def open_tab(
    url: str, user_id: UserId, last_event_id: str | None = None, **headers: str
) -> AsyncIterator[Tab]:
    sent = {"Authorization": f"Bearer {token_of(user_id)}"} | headers
    if last_event_id is not None:
        sent["Last-Event-ID"] = last_event_id
    async with (
        httpx.AsyncClient(base_url=url, timeout=WITHIN) as client,
        client.stream("GET", "/api/events", headers=sent) as response,
    ):
        yield Tab(response)
