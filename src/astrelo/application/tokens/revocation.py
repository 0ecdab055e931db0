"""Ending grants at the CRM that are not kept here, by revoking one or by uninstalling our app."""

import asyncio
from datetime import timedelta

import structlog

from astrelo.domain import errors
from astrelo.domain.connection import ApiAccess, CrmAccount, CrmConnection, TokenSet
from astrelo.domain.ports.crm import CrmProvider, CrmSession
from astrelo.domain.ports.system import Clock

log = structlog.get_logger()

REVOKE_TIMEOUT = timedelta(seconds=5)
"""How long a CRM may take to revoke a grant: a user waits for it."""

UNINSTALL_TIMEOUT = timedelta(seconds=10)
"""How long a CRM may take to uninstall our app, including a refresh of the token before."""


async def revoke(crm: CrmProvider, tokens: TokenSet) -> None:
    """Revoke the tokens; on failure or timeout only log it, as the tokens are stored nowhere."""
    try:
        async with asyncio.timeout(REVOKE_TIMEOUT.total_seconds()):
            await crm.revoke(tokens)
    except (errors.CrmError, TimeoutError) as error:
        reason = str(error) or "it took too long"
        log.warning("grant.not_revoked", provider=crm.provider, reason=reason)


async def uninstall(crm: CrmProvider, session: CrmSession) -> bool:
    """Uninstall our app from the account and return whether it is gone; log a failure or timeout."""
    try:
        async with asyncio.timeout(UNINSTALL_TIMEOUT.total_seconds()):
            await crm.uninstall(session)
    except (errors.CrmError, TimeoutError) as error:
        reason = str(error) or "it took too long"
        log.warning("app.not_uninstalled", provider=crm.provider, reason=reason)
        return False
    log.info("app.uninstalled", provider=crm.provider, account_id=session.account.account_id)
    return True


class LastAccess(CrmSession):
    """Access to a disconnected connection's account, for ending its grant.

    `RenewTokens` refuses to refresh tokens of a disconnected connection, so this refreshes them, at most once.
    """

    def __init__(self, crm: CrmProvider, connection: CrmConnection, tokens: TokenSet, clock: Clock) -> None:
        self.tokens = tokens
        self._crm = crm
        self._connection = connection
        self._clock = clock
        self._is_refreshed = False

    @property
    def account(self) -> CrmAccount:
        return self._connection.account

    async def access(self, rejected: str | None = None) -> ApiAccess:
        if self.tokens.access_token == rejected or not self.tokens.is_fresh(self._clock.now()):
            if self._is_refreshed:
                raise errors.ReauthorizationRequired(
                    self._crm.provider, "its new access token is refused as well"
                )
            self._is_refreshed = True
            self.tokens = await self._crm.refresh(self.tokens)
        return self.tokens.access
