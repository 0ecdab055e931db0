"""The driven ports without a tenant: the few queries across users.

Adapters and fakes inherit these explicitly: a forgotten method then fails at construction.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from astrelo.domain.identifiers import ConnectionId, CrmAccountId, Provider, UserId


class ConnectedUser(NamedTuple):
    user_id: UserId
    connection_id: ConnectionId


class CrmAccounts(Protocol):
    """Finds the users who connected a CRM account. Works across tenants."""

    @abstractmethod
    async def find_users(self, provider: Provider, account_id: CrmAccountId) -> Sequence[ConnectedUser]:
        """Return the active connections of an account."""


class AppUninstalls(Protocol):
    """Uninstalls of our app from CRM accounts: each ends every grant of its account, of all users. Works across tenants."""

    @abstractmethod
    async def begin(self, provider: Provider, account_id: CrmAccountId, since: int) -> int | None:
        """Claim an account for an uninstall, and return its number; until `end` the account cannot be connected.

        None if any user has an active connection to it, another uninstall is in progress, or one has begun since
        the number `since` (`Connections.latest_uninstall`): of users who disconnect at the same time one uninstalls.
        A claim without `end` expires after a minute.
        """

    @abstractmethod
    async def end(self, provider: Provider, account_id: CrmAccountId, number: int) -> None:
        """Release the claim, whatever the CRM's response: grants made from now on may connect the account."""


class ConnectionOwners(Protocol):
    """Finds the user of a connection by its id, for operators."""

    @abstractmethod
    async def find_user(self, connection_id: ConnectionId) -> UserId | None: ...


class ScheduledConnection(NamedTuple):
    user_id: UserId
    connection_id: ConnectionId
    provider: Provider


class SyncSchedule(Protocol):
    """Knows when each active connection is to be looked at. Works across tenants."""

    @abstractmethod
    async def claim(self, now: datetime, until: datetime, limit: int) -> Sequence[ScheduledConnection]:
        """Take up to `limit` connections whose time has come; nobody else gets them before `until`."""

    @abstractmethod
    async def reschedule(self, due: Mapping[ConnectionId, datetime], until: datetime) -> None:
        """Say when connections that were claimed `until` are to be looked at next.

        One that was hastened since, because it was connected again, stays due.
        """

    @abstractmethod
    async def add_missing(self, due_at: datetime) -> int:
        """Enter active connections that are missing, as a process of an older release leaves them; return how many."""
