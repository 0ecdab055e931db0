"""A valid access token for every request to a CRM, refreshed by exactly one of all processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from astrelo.application.revocation import revoke
from astrelo.application.token_expiry import LearnExpiry
from astrelo.domain.connection import ApiAccess, CrmAccount, CrmConnection, TokenSet
from astrelo.domain.errors import (
    CrmMisconfigured,
    CrmUnavailable,
    NotFound,
    ProviderNotConfigured,
    RateLimited,
    ReauthorizationRequired,
    StoreUnavailable,
)
from astrelo.domain.identifiers import ConnectionId, Provider
from astrelo.domain.ports import Clock, CrmProvider, CrmProviders, CrmSession
from astrelo.domain.stores import StoredTokens, Transaction, UnitOfWork

log = structlog.get_logger()

REMEMBERED_FOR = timedelta(seconds=15)
"""How long a process uses a token without looking at the database again.

Within it another process's disconnect or reconnect goes unseen. That is harmless: what such a token still
reads is not written, since a disconnect fences the run off, and a token the CRM refuses is looked up anew.
"""

REFRESH_LIMIT = timedelta(seconds=15)
"""Longest token call made while holding the row: well under the session limits of the refresh pool."""

_LAST_USE = timedelta(seconds=30)
"""A token with less life than this is not tried any more, not even while the token endpoint is down."""

_STORE_AGAIN = (0.1, 1.0, 4.0)
"""Pauses, in seconds, before further attempts to store tokens that the CRM has issued."""


LOST_RENEWAL = "the answer to a renewal was lost on its way, and with it the new authorization; connect again"
"""Why a connection ends whose tokens the CRM replaced by ones that nobody has."""


class _Remembered(NamedTuple):
    access: ApiAccess
    until: float
    """By the monotonic clock."""


class AccessTokens:
    """Single flight twice over: one refresh per process, and one process at a time by a row lock.

    The lock is held during the token call, the one exception to "no transaction across a remote call". A
    lease with a time limit would let a second refresh in under a slow holder, and with single-use refresh
    tokens the second one revokes the customer's whole grant. `refresh_uow` therefore works on a pool of its
    own, so that waiting for a CRM cannot use up the sessions of everything else.
    """

    def __init__(self, uow: UnitOfWork, refresh_uow: UnitOfWork, crms: CrmProviders, clock: Clock) -> None:
        self._uow = uow
        self._refresh_uow = refresh_uow
        self._crms = crms
        self._clock = clock
        self._learn_expiry = LearnExpiry(uow)
        self._remembered: dict[ConnectionId, _Remembered] = {}
        self._flights: dict[ConnectionId, asyncio.Task[ApiAccess]] = {}

    async def valid(self, connection: CrmConnection, rejected: str | None = None) -> ApiAccess:
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
        await self._learn_expiry.close()

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
            stored = await self._read(connection)
            if not _is_usable(stored.tokens, rejected, self._clock.now()):
                stored = await self._renewed(connection, stored, rejected)
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

    async def _read(self, connection: CrmConnection) -> StoredTokens:
        async with self._uow(connection.user_id) as tx:
            await _require_active(tx, connection)
            return await _tokens_of(tx, connection)

    async def _renewed(
        self, connection: CrmConnection, read: StoredTokens, rejected: str | None
    ) -> StoredTokens:
        try:
            return await self._refresh(connection, rejected)
        except (CrmUnavailable, RateLimited) as error:
            if rejected is None and _outlives(read.tokens, self._clock.now() + _LAST_USE):
                log.warning("token.refresh_postponed", connection_id=str(connection.id), reason=str(error))
                return read
            raise

    async def _refresh(self, connection: CrmConnection, rejected: str | None) -> StoredTokens:
        before: StoredTokens | None = None
        renewed: TokenSet | None = None
        try:
            # In a transaction of its own, so that an attempt that is cut off remains on record.
            async with self._refresh_uow(connection.user_id) as tx:
                before = await _locked(tx, connection)
                if _is_usable(before.tokens, rejected, self._clock.now()):
                    return before
                await tx.tokens.begin_refresh(connection.id)
            async with self._refresh_uow(connection.user_id) as tx:
                before = await _locked(tx, connection)
                if _is_usable(before.tokens, rejected, self._clock.now()):
                    return before
                await self._require_unused(connection, before)
                renewed = await self._ask(tx, connection, before.tokens)
                generation = await tx.tokens.put(connection.id, renewed)
        except ReauthorizationRequired as error:
            if before is None:
                raise
            return await self._ended(connection, before, error)
        except StoreUnavailable:
            if before is None or renewed is None:
                raise
            stored = await self._store_again(connection, before, renewed)
        else:
            stored = StoredTokens(renewed, generation)
        log.info("token.refreshed", connection_id=str(connection.id), generation=stored.generation)
        self._learn_expiry.begin(self._crm(connection), connection, stored)
        return stored

    async def _require_unused(self, connection: CrmConnection, stored: StoredTokens) -> None:
        """Ask before a refresh token is sent that may have been sent before: used twice, it ends the grant.

        Whoever counted an attempt and has gone may have sent it, and so may whoever counted after us.
        """
        if stored.attempts <= 1:
            return
        crm = self._crm(connection)
        async with _within_limit(crm.provider):
            is_unused = await crm.can_refresh(stored.tokens)
        if not is_unused:
            raise ReauthorizationRequired(connection.provider, LOST_RENEWAL)

    def _crm(self, connection: CrmConnection) -> CrmProvider:
        crm = self._crms.get(connection.provider)
        if crm is None:
            raise ProviderNotConfigured(connection.provider)
        return crm

    async def _ask(self, tx: Transaction, connection: CrmConnection, tokens: TokenSet) -> TokenSet:
        crm = self._crm(connection)
        try:
            async with _within_limit(crm.provider):
                # The server ends a transaction that stands still: whoever was slow up to here, or frozen, may
                # have lost the lock, and another has sent the token. This also sets its patience back to the full.
                await tx.tokens.lock(connection.id)
                renewed = await crm.refresh(tokens)
        except CrmMisconfigured as error:
            log.error("crm.our_credentials_refused", provider=connection.provider, reason=error.reason)  # noqa: TRY400 - the traceback would say no more than the reason
            raise
        return replace(renewed, scopes=renewed.scopes or tokens.scopes)

    async def _ended(
        self, connection: CrmConnection, refused: StoredTokens, error: ReauthorizationRequired
    ) -> StoredTokens:
        """Mark the connection, unless its tokens have changed: then it was an old token that was refused.

        In a transaction of its own: connection before tokens is the order of every lock, and the refresh
        holds the tokens.
        """
        async with self._uow(connection.user_id) as tx:
            current = await tx.connections.lock(connection.provider)
            if current is None or current.id != connection.id or not current.is_active:
                raise error
            stored = await _tokens_of(tx, connection)
            if stored.generation != refused.generation:
                return stored
            await tx.connections.save(current.needing_reauthorization(_why_ended(error, refused)))
        log.warning(
            "connection.reauthorization_needed", connection_id=str(connection.id), reason=error.reason
        )
        raise error

    async def _store_again(
        self, connection: CrmConnection, before: StoredTokens, renewed: TokenSet
    ) -> StoredTokens:
        """Store tokens whose transaction failed: the CRM may have ended the old ones already.

        Whoever disconnected or connected anew meanwhile knew only the old ones: then the new ones are revoked here.
        """
        for pause in _STORE_AGAIN:
            await self._clock.sleep(pause)
            try:
                stored = await self._stored_unless_moved(connection, before, renewed)
            except StoreUnavailable as error:
                log.warning("token.store_failed", connection_id=str(connection.id), reason=error.reason)
            except ReauthorizationRequired:
                await revoke(self._crm(connection), renewed)
                raise
            else:
                if stored.tokens.refresh_token != renewed.refresh_token:
                    await revoke(self._crm(connection), renewed)
                return stored
        log.error("token.lost", connection_id=str(connection.id))
        raise StoreUnavailable("refreshed tokens could not be stored")

    async def _stored_unless_moved(
        self, connection: CrmConnection, before: StoredTokens, renewed: TokenSet
    ) -> StoredTokens:
        async with self._refresh_uow(connection.user_id) as tx:
            stored = await _locked(tx, connection)
            if stored.generation != before.generation:
                return stored
            return StoredTokens(renewed, await tx.tokens.put(connection.id, renewed))

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
        return await self._tokens.valid(self._connection, rejected)


@asynccontextmanager
async def _within_limit(provider: Provider) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(REFRESH_LIMIT.total_seconds()):
            yield
    except TimeoutError as error:
        reason = f"its token endpoint took longer than {REFRESH_LIMIT.total_seconds():.0f} s"
        raise CrmUnavailable(provider, reason) from error


async def _require_active(tx: Transaction, connection: CrmConnection) -> None:
    try:
        current = await tx.connections.by_id(connection.id)
    except NotFound as error:
        raise ReauthorizationRequired(connection.provider, "it was disconnected") from error
    if not current.is_active:
        raise ReauthorizationRequired(connection.provider, current.reason or str(current.status))


async def _locked(tx: Transaction, connection: CrmConnection) -> StoredTokens:
    stored = await _tokens_of(tx, connection, lock=True)
    # After the lock: a disconnect marks the connection while it holds the tokens, then revokes.
    await _require_active(tx, connection)
    return stored


async def _tokens_of(tx: Transaction, connection: CrmConnection, *, lock: bool = False) -> StoredTokens:
    try:
        return await (tx.tokens.lock(connection.id) if lock else tx.tokens.get(connection.id))
    except NotFound as error:
        raise ReauthorizationRequired(connection.provider, "it was disconnected") from error


def _why_ended(error: ReauthorizationRequired, refused: StoredTokens) -> str:
    if error.reason == LOST_RENEWAL:
        return LOST_RENEWAL
    why = error.reason if refused.attempts <= 1 else f"{error.reason}: perhaps its renewal was lost"
    return f"the CRM does not accept our authorization any more ({why}); connect again"


def _is_usable(tokens: TokenSet, rejected: str | None, now: datetime) -> bool:
    return tokens.access_token != rejected and tokens.is_fresh(now)


def _outlives(tokens: TokenSet, moment: datetime) -> bool:
    return tokens.expires_at is None or tokens.expires_at > moment


def _good_for(tokens: TokenSet, now: datetime) -> timedelta:
    """How long to use the tokens without another look.

    A fresh token may pass its refresh margin meanwhile: the margin is twenty times longer.
    """
    return REMEMBERED_FOR if _outlives(tokens, now + REMEMBERED_FOR) else timedelta(0)
