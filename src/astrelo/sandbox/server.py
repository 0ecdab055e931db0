"""Serving a sandbox on a socket.

A small HTTP/1.1 server on asyncio and h11 instead of a general one: it must tell which port it got,
and it must be able to break a connection in the middle of an answer.
"""

import asyncio
import errno
import signal
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote

import h11

from astrelo.sandbox.app import Sandbox, create_sandbox
from astrelo.sandbox.errors import ConnectionDropped
from astrelo.sandbox.fault_plan import FaultPlan, FaultPlanError
from astrelo.sandbox.messages import Request, parse_form
from astrelo.sandbox.oauth import App
from astrelo.sandbox.portal import Portal, PortalError
from astrelo.sandbox.webhooks import WebhookSettings

MAX_BODY_BYTES = 16 * 2**20
MAX_HEAD_BYTES = 256 * 2**10
READ_BYTES = 64 * 2**10


class _Connection:
    """One client's connection: requests one after another until either side has had enough."""

    def __init__(self, sandbox: Sandbox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._sandbox = sandbox
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)

    async def run(self) -> None:
        try:
            while (request := await self._receive()) is not None:
                await self._answer(request)
                if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                    break
                self._http.start_next_cycle()
        except ConnectionDropped:
            self._writer.transport.abort()
        except (h11.RemoteProtocolError, ConnectionError):
            pass
        finally:
            self._writer.close()
            with suppress(ConnectionError):
                await self._writer.wait_closed()

    async def _receive(self) -> Request | None:
        head = await self._event()
        if not isinstance(head, h11.Request):
            return None
        if self._http.they_are_waiting_for_100_continue:
            self._writer.write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
        body = bytearray()
        while isinstance(event := await self._event(), h11.Data):
            body += event.data
            if len(body) > MAX_BODY_BYTES:
                return None
        path, _, query = head.target.decode("ascii", "replace").partition("?")
        path = unquote(path)
        return Request(
            method=head.method.decode("ascii"),
            path=path,
            query_string=query,
            query=parse_form(query),
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers},
            body=bytes(body),
        )

    async def _event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(READ_BYTES))
        return event

    async def _answer(self, request: Request) -> None:
        response = await self._sandbox.respond(request)
        body = b"" if request.method == "HEAD" else response.body
        headers = [
            ("content-type", response.media_type),
            ("content-length", str(len(body))),
            *response.headers,
        ]
        self._writer.write(self._http.send(h11.Response(status_code=response.status, headers=headers)) or b"")
        if response.cut:
            self._writer.write(body[: len(body) // 2])
            await self._writer.drain()
            raise ConnectionDropped
        for piece in response.pieces() if body else ():
            await asyncio.sleep(response.pause)
            self._writer.write(self._http.send(h11.Data(data=piece)) or b"")
            await self._writer.drain()
        self._writer.write(self._http.send(h11.EndOfMessage()) or b"")
        await self._writer.drain()


@asynccontextmanager
async def serve(sandbox: Sandbox, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Listen until the context ends; gives the base URL. Port 0 takes a free one."""
    clients: set[asyncio.Task[None]] = set()

    def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_Connection(sandbox, reader, writer).run())
        clients.add(task)
        task.add_done_callback(clients.discard)

    server = await asyncio.start_server(client, host, port)
    try:
        yield f"http://{host}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in clients:
            task.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        await sandbox.close()


@contextmanager
def serve_in_thread(sandbox: Sandbox, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """`serve` for code without an event loop of its own, such as a test that starts child processes."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="sandbox", daemon=True)
    thread.start()
    serving = serve(sandbox, host, port)
    try:
        yield asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(_close(serving), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _close(serving: AbstractAsyncContextManager[str]) -> None:
    await serving.__aexit__(None, None, None)


def run_sandbox(
    port: int,
    portal: Path | None = None,
    companies: int = 500,
    latency_ms: float = 0,
    *,
    rate_limit: bool = True,
    app: App | None = None,
    webhooks: WebhookSettings | None = None,
    fault_plan: Path | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; print `sandbox ready on URL` when listening.

    An unusable portal file or fault plan, or a port that is taken ends the process with a sentence on stderr.
    """
    try:
        chosen = Portal.load(portal) if portal is not None else Portal.generate(companies)
        sandbox = create_sandbox(
            chosen, latency_ms=latency_ms, rate_limit=rate_limit, app=app, webhooks=webhooks
        )
        if fault_plan is not None:
            sandbox.set_plan(FaultPlan.load(fault_plan))
        asyncio.run(_serve_until_stopped(sandbox, port))
    except (PortalError, FaultPlanError) as error:
        raise SystemExit(str(error)) from error
    except (OSError, OverflowError) as error:
        raise SystemExit(_cannot_listen(port, error)) from error


def _cannot_listen(port: int, error: OSError | OverflowError) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is taken. End what listens there, or choose another one: --port 0 takes a free one."
        )
    return f"The sandbox cannot listen on port {port}: {error}."


async def _serve_until_stopped(sandbox: Sandbox, port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with serve(sandbox, port=port) as url:
        sys.stdout.write(f"sandbox ready on {url}\n")
        sys.stdout.flush()
        await stopped.wait()
