"""Valid access tokens for requests to CRMs."""

import asyncio
from datetime import timedelta
from typing import NamedTuple

from astrelo.application.connection_lifecycle import ConnectionLifecycle
from astrelo.application.tokens.renew_tokens import RenewTokens
from astrelo.domain.connection import ApiAccess, CrmAccount, CrmConnection
from astrelo.domain.identifiers import ConnectionId
from astrelo.domain.ports.crm import CrmProviders, CrmSession
from astrelo.domain.ports.state import UnitOfWork
from astrelo.domain.ports.system import Clock

TOKEN_CACHE_LIFETIME = timedelta(seconds=15)
"""How long a process caches a token without reading the database again.

A disconnect or reconnect in another process goes unnoticed for that long. That is harmless: records read
with such a token are not written, since a disconnect fences the run off, and a token that the CRM refuses is
looked up again.
"""


class _CachedAccess(NamedTuple):
    access: ApiAccess
    until: float
    """By the monotonic clock."""


class AccessTokens:
    """Cached access tokens: one look-up and refresh at a time per connection and process (single flight).

    `RenewTokens` ensures that only one process refreshes, so at most one caller per process waits at the database.
    """

    def __init__(
        self,
        uow: UnitOfWork,
        refresh_uow: UnitOfWork,
        crms: CrmProviders,
        connections: ConnectionLifecycle,
        clock: Clock,
    ) -> None:
        self._renew = RenewTokens(uow, refresh_uow, crms, connections, clock)
        self._clock = clock
        self._cache: dict[ConnectionId, _CachedAccess] = {}
        self._flights: dict[ConnectionId, asyncio.Task[ApiAccess]] = {}

    async def get_access(self, connection: CrmConnection, rejected: str | None = None) -> ApiAccess:
        """Return access that should be valid now; never with `rejected`, a token that the CRM has just refused.

        Raises ReauthorizationRequired (the connection is then marked, unless it is disconnected),
        RateLimited, CrmUnavailable, CrmMisconfigured, CrmRejected, ProviderNotConfigured, StoreUnavailable
        or SecretUnreadable.
        """
        cached = self._cache.get(connection.id)
        if cached and cached.until > self._clock.monotonic() and cached.access.token != rejected:
            return cached.access
        access = await self._join(connection, rejected)
        if access.token == rejected:
            # That flight began before the CRM refused the token, so it considered the token valid.
            access = await self._join(connection, rejected)
        return access

    def forget(self, connection_id: ConnectionId) -> None:
        """Read the database before this connection's next token is used."""
        self._cache.pop(connection_id, None)

    async def close(self) -> None:
        """Wait for refreshes in progress: one that is stopped between response and commit loses the grant."""
        await asyncio.gather(*self._flights.values(), return_exceptions=True)
        await self._renew.close()

    async def _join(self, connection: CrmConnection, rejected: str | None) -> ApiAccess:
        flight = self._flights.get(connection.id)
        if flight is None:
            flight = asyncio.create_task(self._renew_and_cache(connection, rejected))
            self._flights[connection.id] = flight
            flight.add_done_callback(lambda done: self._end_flight(connection.id, done))
        # Shielded: a cancelled caller must not cancel the refresh of the other callers.
        return await asyncio.shield(flight)

    async def _renew_and_cache(self, connection: CrmConnection, rejected: str | None) -> ApiAccess:
        try:
            stored = await self._renew(connection, rejected)
        except BaseException:
            self.forget(connection.id)
            raise
        now, monotonic = self._clock.now(), self._clock.monotonic()
        self._cache = {key: cached for key, cached in self._cache.items() if cached.until > monotonic}
        # A fresh token may pass its refresh margin while it is cached: the margin is twenty times longer.
        if stored.tokens.outlives(now + TOKEN_CACHE_LIFETIME):
            until = monotonic + TOKEN_CACHE_LIFETIME.total_seconds()
            self._cache[connection.id] = _CachedAccess(stored.tokens.access, until)
        else:
            self.forget(connection.id)
        return stored.tokens.access

    def _end_flight(self, connection_id: ConnectionId, flight: asyncio.Task[ApiAccess]) -> None:
        del self._flights[connection_id]
        if not flight.cancelled():
            # Retrieve the exception: when every caller was cancelled, nothing else does, and asyncio warns.
            flight.exception()


class ConnectionSession(CrmSession):
    """A connection's account, with valid access tokens."""

    def __init__(self, tokens: AccessTokens, connection: CrmConnection) -> None:
        self._tokens = tokens
        self._connection = connection

    @property
    def account(self) -> CrmAccount:
        return self._connection.account

    async def access(self, rejected: str | None = None) -> ApiAccess:
        return await self._tokens.get_access(self._connection, rejected)
