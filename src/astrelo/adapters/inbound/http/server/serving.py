"""Listens, serves an application until asked to stop, and lets requests in progress end.

Not uvicorn.Server: it ends the process by the signal that it caught, and has one listener.
"""

import asyncio
import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from email.utils import formatdate

import structlog
import uvicorn
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send
from uvicorn.lifespan.on import LifespanOn
from uvicorn.server import ServerState

from astrelo.adapters.inbound.http.server import limits, refusals
from astrelo.adapters.inbound.http.server.addresses import TrustedProxies
from astrelo.adapters.inbound.http.server.connections import ConnectionTable
from astrelo.adapters.inbound.http.server.protocol import LimitedHttpProtocol

BACKLOG = 2_048
_MAX_TICK = 0.5
"""Seconds between looks at the deadlines; fewer where they are short."""
_DRAIN_TICK = 0.02
"""Seconds between looks whether all requests have ended."""
_HEALTH_PATHS = "/health/"

log = structlog.get_logger()


class StartFailed(Exception):
    """The application could not start; the log says why."""


class HttpServer:
    """Serves one application on its sockets, and its health checks alone on others.

    A client that uses up the connections of the one listener uses up none of the other's.
    """

    def __init__(self, app: ASGIApp, server_limits: limits.ServerLimits, proxies: TrustedProxies) -> None:
        self._config = _configure(app)
        self._health_config = _configure(_health_only(app))
        self._limits = server_limits
        self._tick_seconds = min(_MAX_TICK, server_limits.header_timeout / 4, server_limits.body_timeout / 4)
        self._proxies = proxies
        self._state = ServerState()
        self._servers: list[asyncio.Server] = []
        self._tables: list[ConnectionTable] = []

    async def run(
        self,
        sockets: Sequence[socket.socket],
        health_sockets: Sequence[socket.socket],
        stop: asyncio.Event,
        drain: float,
    ) -> None:
        """Serve until `stop` is set; then no connection is accepted, and after `drain` seconds none is left.

        Raises StartFailed. Closes the sockets.
        """
        lifespan = LifespanOn(self._config)
        await lifespan.startup()
        if lifespan.should_exit:
            raise StartFailed
        try:
            await self._listen(self._config, sockets)
            await self._listen(self._health_config, health_sockets)
            addresses = [_name(each) for each in (*sockets, *health_sockets)]
            log.info("http.listening", addresses=addresses, process=os.getpid())
            while not stop.is_set():
                self._tick()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self._tick_seconds)
            await self._drain(drain)
        finally:
            await lifespan.shutdown()

    async def _listen(self, config: uvicorn.Config, sockets: Sequence[socket.socket]) -> None:
        table = ConnectionTable(self._limits)
        self._tables.append(table)
        loop = asyncio.get_running_loop()
        for each in sockets:
            server = await loop.create_server(
                lambda: LimitedHttpProtocol(config, self._state, {}, table, self._proxies),
                sock=each,
                backlog=BACKLOG,
            )
            self._servers.append(server)

    def _tick(self) -> None:
        self._state.default_headers = [(b"date", formatdate(time.time(), usegmt=True).encode())]
        now = asyncio.get_running_loop().time()
        for table in self._tables:
            table.enforce_deadlines(now)

    async def _drain(self, seconds: float) -> None:
        for server in self._servers:
            server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self._state.connections or self._state.tasks:
            if loop.time() >= end:
                log.warning("http.requests_cancelled", requests=len(self._state.tasks))
                await self._cancel()
                return
            self._tick()
            await asyncio.sleep(_DRAIN_TICK)

    async def _cancel(self) -> None:
        for connection in list(self._state.connections):
            connection.transport.abort()
        for task in (tasks := list(self._state.tasks)):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _configure(app: ASGIApp) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        # Ours comes first; uvicorn's only has to be out of its way.
        timeout_keep_alive=int(limits.KEEP_ALIVE_TIMEOUT * 2),
    )
    config.load()
    return config


def _health_only(app: ASGIApp) -> ASGIApp:
    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        known = scope["type"] != ScopeType.HTTP or scope["path"].startswith(_HEALTH_PATHS)
        await (app if known else refusals.NOT_FOUND)(scope, receive, send)

    return handle


def _name(listening: socket.socket) -> str:
    host, port, *_ = listening.getsockname()
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
