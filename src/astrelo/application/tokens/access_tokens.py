"""A valid access token for every request to a CRM."""

import asyncio
from datetime import datetime, timedelta
from typing import NamedTuple

from astrelo.application.tokens.renew_tokens import RenewTokens
from astrelo.domain.connection import ApiAccess, CrmAccount, CrmConnection, TokenSet
from astrelo.domain.identifiers import ConnectionId
from astrelo.domain.ports.crm import CrmProviders, CrmSession
from astrelo.domain.ports.state import UnitOfWork
from astrelo.domain.ports.system import Clock

TOKEN_CACHE_LIFETIME = timedelta(seconds=15)
"""How long a process uses a token without looking at the database again.

Within it another process's disconnect or reconnect goes unseen. That is harmless: what such a token still
reads is not written, since a disconnect fences the run off, and a token the CRM refuses is looked up anew.
"""


class _Remembered(NamedTuple):
    access: ApiAccess
    until: float
    """By the monotonic clock."""


class AccessTokens:
    """Single flight twice over: one look-up and refresh per process, and one process at a time (`RenewTokens`).

    So of all that want a token of a connection, one per process waits at the database.
    """

    def __init__(self, uow: UnitOfWork, refresh_uow: UnitOfWork, crms: CrmProviders, clock: Clock) -> None:
        self._renew = RenewTokens(uow, refresh_uow, crms, clock)
        self._clock = clock
        self._remembered: dict[ConnectionId, _Remembered] = {}
        self._flights: dict[ConnectionId, asyncio.Task[ApiAccess]] = {}

    async def get_access(self, connection: CrmConnection, rejected: str | None = None) -> ApiAccess:
        """Return access that should work now; never with `rejected`, a token that the CRM has just refused.

        Raises ReauthorizationRequired (the connection then says so too, unless it is disconnected),
        RateLimited, CrmUnavailable, CrmMisconfigured, CrmRejected, ProviderNotConfigured, StoreUnavailable
        or SecretUnreadable.
        """
        known = self._remembered.get(connection.id)
        if known and known.until > self._clock.monotonic() and known.access.token != rejected:
            return known.access
        access = await self._join(connection, rejected)
        if access.token == rejected:
            # That flight took off before the CRM refused the token, so it took the token for good.
            access = await self._join(connection, rejected)
        return access

    def forget(self, connection_id: ConnectionId) -> None:
        """Look at the database before this connection's next token is used."""
        self._remembered.pop(connection_id, None)

    async def close(self) -> None:
        """Wait for refreshes under way: one cut off between answer and commit loses the grant."""
        await asyncio.gather(*self._flights.values(), return_exceptions=True)
        await self._renew.close()

    async def _join(self, connection: CrmConnection, rejected: str | None) -> ApiAccess:
        flight = self._flights.get(connection.id)
        if flight is None:
            flight = asyncio.create_task(self._fly(connection, rejected))
            self._flights[connection.id] = flight
            flight.add_done_callback(lambda landed: self._landed(connection.id, landed))
        # Shielded: a caller that is cancelled must not take the others' refresh with it.
        return await asyncio.shield(flight)

    async def _fly(self, connection: CrmConnection, rejected: str | None) -> ApiAccess:
        try:
            stored = await self._renew(connection, rejected)
            self._remember(connection.id, stored.tokens)
        except BaseException:
            self.forget(connection.id)
            raise
        return stored.tokens.access

    def _landed(self, connection_id: ConnectionId, flight: asyncio.Task[ApiAccess]) -> None:
        del self._flights[connection_id]
        if not flight.cancelled():
            # Looked at here, because when every caller was cancelled nobody else does.
            flight.exception()

    def _remember(self, connection_id: ConnectionId, tokens: TokenSet) -> None:
        now, monotonic = self._clock.now(), self._clock.monotonic()
        self._remembered = {key: kept for key, kept in self._remembered.items() if kept.until > monotonic}
        seconds = _good_for(tokens, now).total_seconds()
        self._remembered[connection_id] = _Remembered(tokens.access, monotonic + seconds)


class ConnectionSession(CrmSession):
    """A connection's account, and its tokens as they are needed."""

    def __init__(self, tokens: AccessTokens, connection: CrmConnection) -> None:
        self._tokens = tokens
        self._connection = connection

    @property
    def account(self) -> CrmAccount:
        return self._connection.account

    async def access(self, rejected: str | None = None) -> ApiAccess:
        return await self._tokens.get_access(self._connection, rejected)


def _good_for(tokens: TokenSet, now: datetime) -> timedelta:
    """How long to use the tokens without another look.

    A fresh token may pass its refresh margin meanwhile: the margin is twenty times longer.
    """
    return TOKEN_CACHE_LIFETIME if tokens.outlives(now + TOKEN_CACHE_LIFETIME) else timedelta(0)
