"""The driven ports without a tenant: the few questions that are asked across users.

Adapters and fakes inherit these explicitly: a forgotten method then fails at construction.
"""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from astrelo.domain.identifiers import ConnectionId, CrmAccountId, Provider, UserId


class ConnectedUser(NamedTuple):
    user_id: UserId
    connection_id: ConnectionId


class CrmAccounts(Protocol):
    """The way from a CRM's account to the users who connected it. Knows no tenant."""

    @abstractmethod
    async def find_users(self, provider: Provider, account_id: CrmAccountId) -> Sequence[ConnectedUser]:
        """Return the active connections of an account."""


class AppUninstalls(Protocol):
    """Uninstalls of our app from whole accounts: each ends every grant of its account, whoever's. Knows no tenant."""

    @abstractmethod
    async def begin(self, provider: Provider, account_id: CrmAccountId) -> int | None:
        """Claim an account for an uninstall, and return its number; until its `end` nobody connects the account.

        None if an active connection of any user lives on it, or another uninstall is under way. A claim that is
        never ended lasts for a minute.
        """

    @abstractmethod
    async def end(self, provider: Provider, account_id: CrmAccountId, number: int) -> None:
        """Have the CRM's answer, whatever it was: the account may be connected again, by grants made from now on."""


class ConnectionOwners(Protocol):
    """The way from a connection's id alone to its user: for operators."""

    @abstractmethod
    async def find_user(self, connection_id: ConnectionId) -> UserId | None: ...


class SyncCandidate(NamedTuple):
    """An active connection without an open run, and when its last runs were asked for.

    A run that failed counts from its failure: the next slot tries again.
    """

    user_id: UserId
    connection_id: ConnectionId
    provider: Provider
    last_requested_at: datetime | None
    last_full_requested_at: datetime | None


class SyncSchedule(Protocol):
    """Whose turn it may be. Knows no tenant."""

    @abstractmethod
    async def list_candidates(self) -> Sequence[SyncCandidate]: ...
