"""Refreshing a connection's tokens in one process at a time, so that no new tokens are lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from astrelo.application import messages
from astrelo.application.connection_lifecycle import ConnectionLifecycle
from astrelo.application.tokens.revocation import revoke
from astrelo.domain import errors
from astrelo.domain.connection import CrmConnection, TokenSet
from astrelo.domain.identifiers import Provider
from astrelo.domain.ports.crm import CrmProvider, CrmProviders
from astrelo.domain.ports.state import StoredTokens, Transaction, UnitOfWork
from astrelo.domain.ports.system import Clock

log = structlog.get_logger()

REFRESH_TIMEOUT = timedelta(seconds=15)
"""How long a token request may take while the row is locked: well under the session limits of the refresh pool."""

_MIN_REMAINING_LIFE = timedelta(seconds=30)
"""A token that expires sooner is not used, not even while the token endpoint is down."""

_STORE_RETRY_DELAYS = (0.1, 1.0, 4.0)
"""Seconds before each further attempt to store tokens that the CRM has issued."""

LOST_RENEWAL = "the response to a renewal was lost, and with it the new authorization"
"""Why a connection needs reauthorization after the CRM's response with its new tokens was lost."""


class RenewTokens:
    """Refresh tokens in one process at a time, by a row lock that is held during the token request.

    This is the only exception to "no transaction across a remote call". A lease with a time limit would admit a
    second refresh while a slow one is in progress, and with single-use refresh tokens the second one revokes the
    customer's whole grant. `refresh_uow` therefore has a pool of its own, so that waiting for a CRM cannot
    exhaust the other pool.
    """

    def __init__(
        self,
        uow: UnitOfWork,
        refresh_uow: UnitOfWork,
        crms: CrmProviders,
        connections: ConnectionLifecycle,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._refresh_uow = refresh_uow
        self._crms = crms
        self._connections = connections
        self._clock = clock
        self._learn_expiry = LearnExpiry(uow)

    async def __call__(self, connection: CrmConnection, rejected: str | None) -> StoredTokens:
        """Return the stored tokens, refreshed if their access token expires soon or is `rejected`.

        Raises what `AccessTokens.valid` does.
        """
        async with self._uow(connection.user_id) as tx:
            await _require_active(tx, connection)
            stored = await _get_tokens(tx, connection)
        if _is_usable(stored.tokens, rejected, self._clock.now()):
            return stored
        try:
            return await self._refresh(connection, rejected)
        except (errors.CrmUnavailable, errors.RateLimited) as error:
            if rejected is None and stored.tokens.outlives(self._clock.now() + _MIN_REMAINING_LIFE):
                log.warning("token.refresh_postponed", connection_id=str(connection.id), reason=str(error))
                return stored
            raise

    async def close(self) -> None:
        """Stop the background requests. The caller waits for refreshes in progress."""
        await self._learn_expiry.close()

    async def _refresh(self, connection: CrmConnection, rejected: str | None) -> StoredTokens:
        before: StoredTokens | None = None
        renewed: TokenSet | None = None
        try:
            # In a transaction of its own, so that an interrupted attempt stays counted.
            async with self._refresh_uow(connection.user_id) as tx:
                before = await _lock_tokens(tx, connection)
                if _is_usable(before.tokens, rejected, self._clock.now()):
                    return before
                await tx.tokens.begin_refresh(connection.id)
            async with self._refresh_uow(connection.user_id) as tx:
                before = await _lock_tokens(tx, connection)
                if _is_usable(before.tokens, rejected, self._clock.now()):
                    return before
                await self._require_unused(connection, before)
                renewed = await self._request_tokens(tx, connection, before.tokens)
                generation = await tx.tokens.put(connection.id, renewed)
        except errors.ReauthorizationRequired as error:
            if before is None:
                raise
            return await self._mark_needs_reauthorization(connection, before, error)
        except errors.StoreUnavailable:
            if before is None or renewed is None:
                raise
            stored = await self._retry_storing(connection, before, renewed)
        else:
            stored = StoredTokens(renewed, generation)
        log.info("token.refreshed", connection_id=str(connection.id), generation=stored.generation)
        self._learn_expiry.begin(self._get_crm(connection), connection, stored)
        return stored

    async def _require_unused(self, connection: CrmConnection, stored: StoredTokens) -> None:
        """Ask the CRM whether a refresh token that may have been sent before is unused: using it twice ends the grant.

        An attempt that was counted and never finished may have sent it, and so may one counted after ours.
        """
        if stored.attempts <= 1:
            return
        crm = self._get_crm(connection)
        async with _limit_time(crm.provider):
            is_unused = await crm.can_refresh(stored.tokens)
        if not is_unused:
            raise errors.ReauthorizationRequired(connection.provider, LOST_RENEWAL)

    def _get_crm(self, connection: CrmConnection) -> CrmProvider:
        crm = self._crms.get(connection.provider)
        if crm is None:
            raise errors.ProviderNotConfigured(connection.provider)
        return crm

    async def _request_tokens(self, tx: Transaction, connection: CrmConnection, tokens: TokenSet) -> TokenSet:
        crm = self._get_crm(connection)
        try:
            async with _limit_time(crm.provider):
                # The server ends an idle transaction: a process that was slow or suspended may have lost the lock,
                # and another one may have sent the token. Locking again detects that and restarts the idle timeout.
                await tx.tokens.lock(connection.id)
                renewed = await crm.refresh(tokens)
        except errors.CrmMisconfigured as error:
            log.error("crm.our_credentials_refused", provider=connection.provider, reason=error.reason)  # noqa: TRY400 - the traceback would say no more than the reason
            raise
        return replace(renewed, scopes=renewed.scopes or tokens.scopes)

    async def _mark_needs_reauthorization(
        self, connection: CrmConnection, refused: StoredTokens, error: errors.ReauthorizationRequired
    ) -> StoredTokens:
        """Mark the connection and raise the error; return newer tokens if the refused ones were replaced.

        In a transaction of its own: locks are always taken on the connection before the tokens, and the refresh
        has locked the tokens.
        """
        async with self._uow(connection.user_id) as tx:
            current = await tx.connections.lock(connection.provider)
            if current is None or current.id != connection.id or not current.is_active:
                raise error
            stored = await _get_tokens(tx, connection)
            if stored.generation != refused.generation:
                return stored
            if error.reason == LOST_RENEWAL:
                ended = messages.RENEWAL_LOST.format(crm=error.provider.label)
            else:
                doubt = "" if refused.attempts <= 1 else ": perhaps its renewal was lost"
                ended = messages.describe_lost_access(error.provider, f"{error.reason}{doubt}")
            marked = current.mark_needs_reauthorization(ended.reason)
            await self._connections.save(tx, marked, former=current)
        log.warning(
            "connection.reauthorization_needed", connection_id=str(connection.id), reason=error.reason
        )
        raise error

    async def _retry_storing(
        self, connection: CrmConnection, before: StoredTokens, renewed: TokenSet
    ) -> StoredTokens:
        """Store tokens whose transaction failed: the CRM may have ended the old ones already.

        A disconnect or reconnect meanwhile knew only the old tokens, so the new ones are revoked here.
        """
        for delay in _STORE_RETRY_DELAYS:
            await self._clock.sleep(delay)
            try:
                async with self._refresh_uow(connection.user_id) as tx:
                    stored = await _lock_tokens(tx, connection)
                    if stored.generation == before.generation:
                        stored = StoredTokens(renewed, await tx.tokens.put(connection.id, renewed))
            except errors.StoreUnavailable as error:
                log.warning("token.store_failed", connection_id=str(connection.id), reason=error.reason)
            except errors.ReauthorizationRequired:
                await revoke(self._get_crm(connection), renewed)
                raise
            else:
                if stored.tokens.refresh_token != renewed.refresh_token:
                    await revoke(self._get_crm(connection), renewed)
                return stored
        log.error("token.lost", connection_id=str(connection.id))
        raise errors.StoreUnavailable("refreshed tokens could not be stored")


@asynccontextmanager
async def _limit_time(provider: Provider) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(REFRESH_TIMEOUT.total_seconds()):
            yield
    except TimeoutError as error:
        reason = f"its token endpoint took longer than {REFRESH_TIMEOUT.total_seconds():.0f} s"
        raise errors.CrmUnavailable(provider, reason) from error


async def _require_active(tx: Transaction, connection: CrmConnection) -> None:
    try:
        current = await tx.connections.get_by_id(connection.id)
    except errors.NotFound as error:
        raise errors.ReauthorizationRequired(connection.provider, "it was disconnected") from error
    if not current.is_active:
        raise errors.ReauthorizationRequired(connection.provider, current.reason or str(current.status))


async def _lock_tokens(tx: Transaction, connection: CrmConnection) -> StoredTokens:
    stored = await _get_tokens(tx, connection, lock=True)
    # After the lock: a disconnect marks the connection while it has the tokens locked, then revokes them.
    await _require_active(tx, connection)
    return stored


async def _get_tokens(tx: Transaction, connection: CrmConnection, *, lock: bool = False) -> StoredTokens:
    try:
        return await (tx.tokens.lock(connection.id) if lock else tx.tokens.get(connection.id))
    except errors.NotFound as error:
        raise errors.ReauthorizationRequired(connection.provider, "it was disconnected") from error


def _is_usable(tokens: TokenSet, rejected: str | None, now: datetime) -> bool:
    return tokens.access_token != rejected and tokens.is_fresh(now)


class LearnExpiry:
    """Ask the CRM for the expiry of new access tokens, in the background, after they are stored.

    Best effort: without it a token is used until it is refused.

    The request needs the new access token. It must not delay the commit of the new refresh token, which exists
    nowhere else, nor hold the lock of the refresh, nor delay a caller that needs the access token.
    """

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._requests: set[asyncio.Task[None]] = set()

    def begin(self, crm: CrmProvider, connection: CrmConnection, stored: StoredTokens) -> None:
        """Ask in the background, unless the CRM has returned the expiry with the tokens."""
        if stored.tokens.expires_at is None:
            request = asyncio.create_task(self._learn(crm, connection, stored))
            self._requests.add(request)
            request.add_done_callback(self._requests.discard)

    async def close(self) -> None:
        """Cancel the requests in progress."""
        for request in self._requests:
            request.cancel()
        await asyncio.gather(*self._requests, return_exceptions=True)

    async def _learn(self, crm: CrmProvider, connection: CrmConnection, stored: StoredTokens) -> None:
        expires_at = await crm.fetch_expiry(stored.tokens)
        if expires_at is None:
            return
        try:
            async with self._uow(connection.user_id) as tx:
                await tx.tokens.note_expiry(connection.id, stored.generation, expires_at)
        except errors.StoreUnavailable as error:
            log.warning("token.expiry_not_stored", connection_id=str(connection.id), reason=error.reason)
