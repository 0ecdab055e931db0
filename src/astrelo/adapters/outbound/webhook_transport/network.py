"""Connections to admitted addresses alone: a name is resolved here, and the address that was checked is connected to.

Resolving in one place and connecting in another would let a name show a public address to the check and a private one
to the connection (DNS rebinding). TLS still verifies the name of the URL, not the address.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpcore

MAX_ADDRESSES = 4
"""Of one name that are tried, in the order that the resolver gives them."""

ADDRESS_TIMEOUT = 3.0
"""Seconds for a connection to one address: one that does not respond leaves time for the next."""

MAX_READ = 192 * 1024
"""Bytes of one response, with all that is around its body."""

_READ_AT_ONCE = 8 * 1024

_RESOLVER_THREADS = 64
"""A name whose servers do not respond holds a thread for half a minute, long after the attempt has timed out."""


class NameNotFound(Exception):
    """The host's name has no address."""


class AddressNotAllowed(Exception):
    """The host has no address that connections are admitted to."""


class BoundedStream(httpcore.AsyncNetworkStream):
    """A connection of which no more than MAX_READ bytes are read: interim responses, headers and chunk sizes count too.

    Parsing them keeps the event loop busy however little of a body they bring, so each read is small as well.
    """

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._left = MAX_READ

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - the library's signature
        """Raise RemoteProtocolError past MAX_READ, or what httpcore's own streams raise."""
        if self._left <= 0:
            raise httpcore.RemoteProtocolError(f"The response is longer than {MAX_READ} bytes.")
        received = await self._stream.read(min(max_bytes, _READ_AT_ONCE, self._left), timeout)
        self._left -= len(received)
        return received

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the library's signature
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
    ) -> httpcore.AsyncNetworkStream:
        return BoundedStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - whatever the network has
        return self._stream.get_extra_info(info)


class AdmittedNetwork(httpcore.AsyncNetworkBackend):
    """A network that consists of the addresses for which `is_admitted` is true."""

    def __init__(
        self, is_admitted: Callable[[str], bool], resolve: Callable[..., Any] = socket.getaddrinfo
    ) -> None:
        self._is_admitted = is_admitted
        self._getaddrinfo = resolve
        self._network = httpcore.AnyIOBackend()
        # Threads of its own: names that resolve slowly do not keep the process from reaching its database.
        self._resolvers = ThreadPoolExecutor(_RESOLVER_THREADS, thread_name_prefix="webhook names")

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raise NameNotFound, AddressNotAllowed, or what httpcore's own networks raise."""
        admitted = [address for address in await self._resolve(host, port) if self._is_admitted(address)]
        if not admitted:
            raise AddressNotAllowed
        seconds = ADDRESS_TIMEOUT if timeout is None else min(timeout, ADDRESS_TIMEOUT)
        *others, last = admitted[:MAX_ADDRESSES]
        connect = partial(
            self._network.connect_tcp,
            port=port,
            timeout=seconds,
            local_address=local_address,
            socket_options=socket_options,
        )
        for address in others:
            try:
                return BoundedStream(await connect(address))
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return BoundedStream(await connect(last))

    def close(self) -> None:
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    async def _resolve(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                self._resolvers, partial(self._getaddrinfo, host, port, type=socket.SOCK_STREAM)
            )
        except (OSError, UnicodeError) as error:
            raise NameNotFound from error
        return list(dict.fromkeys(str(address[0]) for *_, address in found))
