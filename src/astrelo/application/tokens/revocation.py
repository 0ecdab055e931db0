"""Ending grants at the CRM that nobody keeps here, one by one or with our whole app."""

import asyncio
from datetime import timedelta

import structlog

from astrelo.domain.connection import ApiAccess, CrmAccount, CrmConnection, TokenSet
from astrelo.domain.errors import CrmError, ReauthorizationRequired
from astrelo.domain.ports.crm import CrmProvider, CrmSession
from astrelo.domain.ports.system import Clock

log = structlog.get_logger()

REVOKE_TIMEOUT = timedelta(seconds=5)
"""How long a CRM may take to end a grant while somebody waits for what we do next."""

UNINSTALL_TIMEOUT = timedelta(seconds=10)
"""The same for the removal of our app, with the renewal of a token before it."""


async def revoke(crm: CrmProvider, tokens: TokenSet) -> None:
    """Revoke, or log that it could not be done in time: nobody keeps these tokens."""
    try:
        async with asyncio.timeout(REVOKE_TIMEOUT.total_seconds()):
            await crm.revoke(tokens)
    except (CrmError, TimeoutError) as error:
        reason = str(error) or "it took too long"
        log.warning("grant.not_revoked", provider=crm.provider, reason=reason)


async def uninstall(crm: CrmProvider, session: CrmSession) -> bool:
    """Remove our app from the account, or log that it could not be done in time; return whether it is gone."""
    try:
        async with asyncio.timeout(UNINSTALL_TIMEOUT.total_seconds()):
            await crm.uninstall(session)
    except (CrmError, TimeoutError) as error:
        reason = str(error) or "it took too long"
        log.warning("app.not_uninstalled", provider=crm.provider, reason=reason)
        return False
    log.info("app.uninstalled", provider=crm.provider, account_id=session.account.account_id)
    return True


class LastAccess(CrmSession):
    """The last use of a connection's tokens, once it is marked as disconnected.

    From then on `RenewTokens` lets nobody renew them. Here that is done once, at most.
    """

    def __init__(self, crm: CrmProvider, connection: CrmConnection, tokens: TokenSet, clock: Clock) -> None:
        self.tokens = tokens
        self._crm = crm
        self._connection = connection
        self._clock = clock
        self._is_renewed = False

    @property
    def account(self) -> CrmAccount:
        return self._connection.account

    async def access(self, rejected: str | None = None) -> ApiAccess:
        if self.tokens.access_token == rejected or not self.tokens.is_fresh(self._clock.now()):
            if self._is_renewed:
                raise ReauthorizationRequired(self._crm.provider, "its new access token is refused as well")
            self._is_renewed = True
            self.tokens = await self._crm.refresh(self.tokens)
        return self.tokens.access
