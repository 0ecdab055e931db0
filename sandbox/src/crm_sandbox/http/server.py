"""Serving a sandbox on a socket: uvicorn's HTTP protocol on a server of asyncio's.

Not uvicorn.Server, which takes over signals and the end of the process, and waits in steps of a tenth of a second.
"""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.lifespan.on import LifespanOn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from crm_sandbox.simulated_crm import ConnectionDropped

KEEP_ALIVE_TIMEOUT = 3600
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - what to call them, not where to listen


class _DroppableProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which ends the connection where an application raises ConnectionDropped."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        app = self.app

        async def droppable(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await app(scope, receive, send)
            except ConnectionDropped:
                transport.abort()
                await asyncio.sleep(0)  # so that uvicorn knows of it, and sends no 500

        self.app = droppable


@asynccontextmanager
async def serve(
    app: ASGIApp, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Listen until the context ends; gives the base URL. Port 0 takes a free one, `tls` makes it HTTPS."""
    config = uvicorn.Config(
        app,
        lifespan="on",
        ws="none",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_TIMEOUT,
    )
    config.load()
    state, lifespan = ServerState(), LifespanOn(config)
    server = await asyncio.get_running_loop().create_server(
        lambda: _DroppableProtocol(config, state, {}), host, port, ssl=tls
    )
    await lifespan.startup()
    try:
        name = _EVERYWHERE.get(host, f"[{host}]" if ":" in host else host)
        yield f"{'https' if tls else 'http'}://{name}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await _close_connections(state)
        await lifespan.shutdown()


async def _close_connections(state: ServerState) -> None:
    """End idle connections, and break those whose response is not complete."""
    for connection in list(state.connections):
        if (
            isinstance(connection, HttpToolsProtocol)
            and connection.cycle
            and not connection.cycle.response_complete
        ):
            connection.transport.abort()
        else:
            connection.shutdown()
    await asyncio.sleep(0)  # so that uvicorn knows of it, and sends no 500
    for task in (tasks := list(state.tasks)):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def serve_in_thread(
    app: ASGIApp, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """`serve` for code without an event loop of its own, such as a test that starts child processes."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="sandbox", daemon=True)
    thread.start()
    serving = serve(app, host, port, tls)
    try:
        yield asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(_exit(serving), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _exit(serving: AbstractAsyncContextManager[str]) -> None:
    await serving.__aexit__(None, None, None)
