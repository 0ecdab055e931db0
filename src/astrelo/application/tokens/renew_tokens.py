"""Renewing the tokens of a connection by exactly one of all processes, so that no new ones are lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from astrelo.application.tokens.revocation import revoke
from astrelo.application.tokens.token_expiry import LearnExpiry
from astrelo.domain.connection import CrmConnection, TokenSet
from astrelo.domain.errors import (
    CrmMisconfigured,
    CrmUnavailable,
    NotFound,
    ProviderNotConfigured,
    RateLimited,
    ReauthorizationRequired,
    StoreUnavailable,
)
from astrelo.domain.identifiers import Provider
from astrelo.domain.ports.crm import CrmProvider, CrmProviders
from astrelo.domain.ports.state import StoredTokens, Transaction, UnitOfWork
from astrelo.domain.ports.system import Clock

log = structlog.get_logger()

REFRESH_TIMEOUT = timedelta(seconds=15)
"""Longest token call made while holding the row: well under the session limits of the refresh pool."""

_LAST_USE = timedelta(seconds=30)
"""A token with less life than this is not tried any more, not even while the token endpoint is down."""

_STORE_AGAIN = (0.1, 1.0, 4.0)
"""Pauses, in seconds, before further attempts to store tokens that the CRM has issued."""

LOST_RENEWAL = "the answer to a renewal was lost on its way, and with it the new authorization; connect again"
"""Why a connection ends whose tokens the CRM replaced by ones that nobody has."""


class RenewTokens:
    """One process at a time, by a lock on the tokens' row that is held during the token call.

    That is the one exception to "no transaction across a remote call". A lease with a time limit would let a
    second refresh in under a slow holder, and with single-use refresh tokens the second one revokes the
    customer's whole grant. `refresh_uow` therefore works on a pool of its own, so that waiting for a CRM cannot
    use up the sessions of everything else.
    """

    def __init__(self, uow: UnitOfWork, refresh_uow: UnitOfWork, crms: CrmProviders, clock: Clock) -> None:
        self._uow = uow
        self._refresh_uow = refresh_uow
        self._crms = crms
        self._clock = clock
        self._learn_expiry = LearnExpiry(uow)

    async def __call__(self, connection: CrmConnection, rejected: str | None) -> StoredTokens:
        """Return the tokens that are stored if their access token has some life left and is not `rejected`.

        Raises what `AccessTokens.valid` does.
        """
        read = await self._read(connection)
        if _is_usable(read.tokens, rejected, self._clock.now()):
            return read
        try:
            return await self._refresh(connection, rejected)
        except (CrmUnavailable, RateLimited) as error:
            if rejected is None and read.tokens.outlives(self._clock.now() + _LAST_USE):
                log.warning("token.refresh_postponed", connection_id=str(connection.id), reason=str(error))
                return read
            raise

    async def close(self) -> None:
        """End what goes on in the background. Renewals under way are their callers' to wait for."""
        await self._learn_expiry.close()

    async def _read(self, connection: CrmConnection) -> StoredTokens:
        async with self._uow(connection.user_id) as tx:
            await _require_active(tx, connection)
            return await _tokens_of(tx, connection)

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
            await tx.connections.save(current.mark_needs_reauthorization(_why_ended(error, refused)))
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


@asynccontextmanager
async def _within_limit(provider: Provider) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(REFRESH_TIMEOUT.total_seconds()):
            yield
    except TimeoutError as error:
        reason = f"its token endpoint took longer than {REFRESH_TIMEOUT.total_seconds():.0f} s"
        raise CrmUnavailable(provider, reason) from error


async def _require_active(tx: Transaction, connection: CrmConnection) -> None:
    try:
        current = await tx.connections.get_by_id(connection.id)
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
    return f"{error.provider.label} does not accept our authorization any more ({why}); connect it again"


def _is_usable(tokens: TokenSet, rejected: str | None, now: datetime) -> bool:
    return tokens.access_token != rejected and tokens.is_fresh(now)
