"""Serving a sandbox on a socket.

A small HTTP/1.1 server on asyncio and h11 instead of a general one: it must tell which port it got,
and it must be able to break a connection in the middle of an answer.
"""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from urllib.parse import unquote

import h11

from crm_sandbox.http.messages import Request, parse_form
from crm_sandbox.simulated_crm import ConnectionDropped, SimulatedCrm

MAX_BODY_BYTES = 16 * 2**20
MAX_HEAD_BYTES = 256 * 2**10
READ_BYTES = 64 * 2**10
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - what to call them, not where to listen


class _Connection:
    """One client's connection: requests one after another until either side has had enough."""

    def __init__(
        self, sandbox: SimulatedCrm, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
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
        except (h11.RemoteProtocolError, ConnectionError, ssl.SSLError):
            pass
        finally:
            self._writer.close()
            with suppress(ConnectionError, ssl.SSLError):
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
            scheme="https" if self._writer.get_extra_info("ssl_object") else "http",
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
async def serve(
    sandbox: SimulatedCrm, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Listen until the context ends; gives the base URL. Port 0 takes a free one, `tls` makes it HTTPS."""
    clients: set[asyncio.Task[None]] = set()

    def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_Connection(sandbox, reader, writer).run())
        clients.add(task)
        task.add_done_callback(clients.discard)

    server = await asyncio.start_server(client, host, port, ssl=tls)
    try:
        name = _EVERYWHERE.get(host, f"[{host}]" if ":" in host else host)
        yield f"{'https' if tls else 'http'}://{name}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in clients:
            task.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        await sandbox.close()


@contextmanager
def serve_in_thread(
    sandbox: SimulatedCrm, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """`serve` for code without an event loop of its own, such as a test that starts child processes."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="sandbox", daemon=True)
    thread.start()
    serving = serve(sandbox, host, port, tls)
    try:
        yield asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(_close(serving), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _close(serving: AbstractAsyncContextManager[str]) -> None:
    await serving.__aexit__(None, None, None)
