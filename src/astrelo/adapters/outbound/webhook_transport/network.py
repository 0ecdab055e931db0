"""Connections to admitted addresses alone: a name is resolved here, and the address that was checked is connected to.

Resolving in one place and connecting in another would let a name show a public address to the check and a private one
to the connection (DNS rebinding). TLS still verifies the name of the URL, not the address.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpcore

MAX_ADDRESSES = 4
"""Of one name that are tried, in the order that the resolver gives them."""

ADDRESS_TIMEOUT = 3.0
"""Seconds for a connection to one address: one that does not respond leaves time for the next."""

_RESOLVER_THREADS = 64
"""A name whose servers do not respond holds a thread for half a minute, long after the attempt has timed out."""


class NameNotFound(Exception):
    """The host's name has no address."""


class AddressNotAllowed(Exception):
    """The host has no address that connections are admitted to."""


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
        for address in others:
            try:
                return await self._network.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._network.connect_tcp(last, port, seconds, local_address, socket_options)

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
