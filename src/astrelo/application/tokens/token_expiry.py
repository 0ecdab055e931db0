"""Looking up when a refreshed access token expires, in the background, after the tokens are stored."""

import asyncio

import structlog

from astrelo.domain import errors
from astrelo.domain.connection import CrmConnection
from astrelo.domain.ports.crm import CrmProvider
from astrelo.domain.ports.state import StoredTokens, UnitOfWork

log = structlog.get_logger()


class LearnExpiry:
    """Ask the CRM for the expiry of new access tokens. Best effort: without it a token is used until it is refused.

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
