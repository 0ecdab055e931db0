"""Every change of a connection: established, authorized again, refused by its CRM, disconnected.

This is the only module that saves a connection, and the one that publishes ConnectionChanged, in the transaction
that changes it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from astrelo.domain.connection import ConnectionStatus, CrmConnection
from astrelo.domain.ports.state import Transaction


@dataclass(frozen=True, slots=True)
class ConnectionChanged:
    """A connection is new, or has another status, grant or reason."""

    connection: CrmConnection
    former_status: ConnectionStatus | None
    """None for a new connection. The same as now where only the grant or the reason is another one."""


@dataclass(frozen=True, slots=True)
class ConnectionChangedSubscribers:
    """Called with each ConnectionChanged, in its transaction: an error of theirs undoes the change."""

    subscribers: tuple[Callable[[Transaction, ConnectionChanged], Awaitable[None]], ...] = ()


class ConnectionLifecycle:
    """Joins the caller's transaction, which holds the lock of the connection."""

    def __init__(self, subscribers: ConnectionChangedSubscribers) -> None:
        self._subscribers = subscribers.subscribers

    async def save(self, tx: Transaction, connection: CrmConnection, *, former: CrmConnection | None) -> None:
        """Insert or update it; `former` is the connection as it was stored, None for a new one."""
        await tx.connections.save(connection)
        if connection != former:
            event = ConnectionChanged(connection, None if former is None else former.status)
            for subscriber in self._subscribers:
                await subscriber(tx, event)
