"""When a renewed access token ends, asked of the CRM once the tokens are stored, while nobody waits."""

import asyncio

import structlog

from astrelo.domain.connection import CrmConnection
from astrelo.domain.errors import StoreUnavailable
from astrelo.domain.ports.crm import CrmProvider
from astrelo.domain.ports.state import StoredTokens, UnitOfWork

log = structlog.get_logger()


class LearnExpiry:
    """Best effort: an access token whose end is not known is used until the CRM refuses it.

    Asking shows the CRM the new access token. It must not delay the commit of a refresh token that nobody else has,
    nor hold the lock under which it was renewed, nor keep whoever wants the access token waiting.
    """

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._asking: set[asyncio.Task[None]] = set()

    def begin(self, crm: CrmProvider, connection: CrmConnection, stored: StoredTokens) -> None:
        """Ask in the background, unless the CRM has told it with the tokens."""
        if stored.tokens.expires_at is None:
            asking = asyncio.create_task(self._learn(crm, connection, stored))
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)

    async def close(self) -> None:
        """Give up what is being asked."""
        for asking in self._asking:
            asking.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    async def _learn(self, crm: CrmProvider, connection: CrmConnection, stored: StoredTokens) -> None:
        expires_at = await crm.fetch_expiry(stored.tokens)
        if expires_at is None:
            return
        try:
            async with self._uow(connection.user_id) as tx:
                await tx.tokens.note_expiry(connection.id, stored.generation, expires_at)
        except StoreUnavailable as error:
            log.warning("token.expiry_not_stored", connection_id=str(connection.id), reason=error.reason)
