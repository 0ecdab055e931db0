"""All connections of a listener: who gets one, who has to give one back, and whose time is up."""

from abc import abstractmethod
from collections import Counter
from typing import Protocol

import structlog

from astrelo.adapters.inbound.http.server.limits import ServerLimits

_SECONDS_BETWEEN_WARNINGS = 60.0

log = structlog.get_logger()


class Connection(Protocol):
    """What the table knows of a connection. Times are the event loop's."""

    deadline: float
    """When the client, or the response, must have come to the next step."""
    write_deadline: float
    """When the client must have read what was sent."""

    @abstractmethod
    def abort(self) -> None:
        """Close at once."""

    @abstractmethod
    def time_out(self, now: float) -> None:
        """Act on a deadline that has passed: close, or set another one."""


class ConnectionTable:
    """Admits connections up to the limits.

    Where there is no room, a newcomer takes the place of the connection that has waited longest for the rest of a
    request, of its own address where that address has its share. So a flood of clients that send nothing, or send it
    slowly, displaces itself; a connection whose request is complete keeps its place.
    """

    def __init__(self, limits: ServerLimits) -> None:
        self.limits = limits
        self._waiting: dict[Connection, None] = {}
        self._connections: dict[Connection, str | None] = {}
        self._by_address: dict[str, dict[Connection, None]] = {}
        self._requests: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._next_warning = 0.0

    def __len__(self) -> int:
        return len(self._connections)

    def admit(self, connection: Connection, address: str | None) -> bool:
        """Enter a connection that waits for a request; `address` is None where it is not limited by address.

        Return False for one that finds no room.
        """
        if address is not None:
            own = self._by_address.get(address, {})
            if len(own) >= self.limits.max_connections_per_address:
                self._displace(next((other for other in own if other in self._waiting), None), "address")
            if len(own) >= self.limits.max_connections_per_address:
                return self._refuse("address")
        if len(self._connections) >= self.limits.max_connections:
            self._displace(next(iter(self._waiting), None), "total")
        if len(self._connections) >= self.limits.max_connections:
            return self._refuse("total")
        self._connections[connection] = address
        self._waiting[connection] = None
        if address is not None:
            self._by_address.setdefault(address, {})[connection] = None
        return True

    def release(self, connection: Connection) -> None:
        """Forget a connection. Idempotent."""
        self._waiting.pop(connection, None)
        address = self._connections.pop(connection, None)
        if address is not None and (own := self._by_address.get(address)) is not None:
            own.pop(connection, None)
            if not own:
                del self._by_address[address]

    def wait_for_request(self, connection: Connection) -> None:
        """Note that a connection has nothing to be done: it may be displaced."""
        if connection in self._connections:
            self._waiting[connection] = None

    def keep(self, connection: Connection) -> None:
        """Note that a connection's request is complete: it keeps its place until it is answered."""
        self._waiting.pop(connection, None)

    def begin_request(self, address: str) -> bool:
        """Count a request of a client behind a proxy. Return False when it has its share in progress already."""
        if self._requests[address] >= self.limits.max_connections_per_address:
            return self._refuse("requests")
        self._requests[address] += 1
        return True

    def end_request(self, address: str) -> None:
        self._requests[address] -= 1
        if not self._requests[address]:
            del self._requests[address]

    def enforce_deadlines(self, now: float) -> None:
        for connection in [
            each for each in self._connections if each.deadline <= now or each.write_deadline <= now
        ]:
            connection.time_out(now)
        if self._refused and now >= self._next_warning:
            log.warning("http.connections_refused", **self._refused)
            self._refused.clear()
            self._next_warning = now + _SECONDS_BETWEEN_WARNINGS

    def _displace(self, connection: Connection | None, limit: str) -> None:
        if connection is not None:
            self._refused[f"{limit}_displaced"] += 1
            self.release(connection)
            connection.abort()

    def _refuse(self, limit: str) -> bool:
        self._refused[limit] += 1
        return False
