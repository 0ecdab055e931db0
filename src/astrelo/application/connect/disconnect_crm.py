"""Ending a connection, and what else ends with it.

Where it was the last active one of its CRM account, of all users', our app is uninstalled there, if the CRM has such a
thing; else, or if that fails, the grant alone is revoked. An uninstall ends every grant of the account, so it and the
connecting of the account keep out of each other's way: see `AppUninstalls`.
"""

from datetime import datetime

import structlog

from astrelo.application.tokens.access_tokens import AccessTokens
from astrelo.application.tokens.revocation import LastAccess, revoke, uninstall
from astrelo.domain.connection import ConnectionStatus, CrmConnection, TokenSet
from astrelo.domain.errors import NotFound, SecretUnreadable, StoreUnavailable
from astrelo.domain.identifiers import Provider, UserId
from astrelo.domain.ports.crm import CrmProvider, CrmProviders
from astrelo.domain.ports.cross_tenant import AppUninstalls
from astrelo.domain.ports.state import Transaction, UnitOfWork
from astrelo.domain.ports.system import Clock

log = structlog.get_logger()


class DisconnectCrm:
    """End a connection. Its records stay, shown as stale, unless they are to be purged."""

    def __init__(
        self,
        uow: UnitOfWork,
        crms: CrmProviders,
        tokens: AccessTokens,
        uninstalls: AppUninstalls,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._crms = crms
        self._tokens = tokens
        self._uninstalls = uninstalls
        self._clock = clock

    async def __call__(self, user_id: UserId, provider: Provider, *, purge: bool = False) -> None:
        """Idempotent until the purge. Raises NotFound without a connection.

        A CRM that cannot be told is no obstacle: the tokens are deleted all the same.
        """
        async with self._uow(user_id) as tx:
            connection = await tx.connections.lock(provider)
            if connection is None:
                raise NotFound("connection", provider)
            await tx.connections.save(connection.disconnect())
            tokens = await fence_off(tx, connection, "the CRM was disconnected", self._clock.now())
        self._tokens.forget(connection.id)
        crm = self._crms.get(provider)
        if tokens is not None and crm is not None:
            await self._end_grant(crm, connection, tokens)
        async with self._uow(user_id) as tx:
            current = await tx.connections.lock(provider)
            if current is None or current.is_active:
                return  # purged or connected anew while the CRM was told
            await tx.tokens.delete(current.id)
            if purge:
                await purge_records(tx, current, self._clock.now())
        log.info("connection.ended", connection_id=str(connection.id), purged=purge)

    async def _end_grant(self, crm: CrmProvider, connection: CrmConnection, tokens: TokenSet) -> None:
        """Uninstall our app or revoke the grant. Of several disconnects at once the first alone uninstalls."""
        session = LastAccess(crm, connection, tokens, self._clock)
        is_first = connection.status is not ConnectionStatus.DISCONNECTED
        if not (is_first and crm.can_uninstall and await self._is_uninstalled(crm, session)):
            await revoke(crm, session.tokens)

    async def _is_uninstalled(self, crm: CrmProvider, session: LastAccess) -> bool:
        account_id = session.account.account_id
        try:
            number = await self._uninstalls.begin(crm.provider, account_id)
            if number is None:
                return False
            try:
                return await uninstall(crm, session)
            finally:
                await self._uninstalls.end(crm.provider, account_id, number)
        except StoreUnavailable as error:
            log.warning("app.not_uninstalled", provider=crm.provider, reason=str(error))
            return False


async def fence_off(tx: Transaction, connection: CrmConnection, reason: str, at: datetime) -> TokenSet | None:
    """Stop running work, wait for a refresh under way, and return the tokens to be revoked."""
    latest = await tx.runs.get_latest(connection.id)
    if latest is not None:
        run = await tx.runs.lock(latest.id)
        if run.status.is_open:
            await tx.runs.save(run.cancel(reason, at))
            await tx.runs.forget_seen(run.id)
    return await readable_tokens(tx, connection)


async def readable_tokens(tx: Transaction, connection: CrmConnection) -> TokenSet | None:
    """Return None when there are none, or none that a key opens: what cannot be read cannot be revoked."""
    try:
        return (await tx.tokens.lock(connection.id)).tokens
    except NotFound:
        return None
    except SecretUnreadable as error:
        log.warning("token.unreadable", connection_id=str(connection.id), reason=str(error))
        return None


async def purge_records(tx: Transaction, connection: CrmConnection, at: datetime) -> None:
    """Delete what one CRM told, and the connection; the caller has fenced its run off."""
    source = connection.provider
    await tx.companies.lock()
    await tx.links.lock()
    await tx.deals.purge(source)
    await tx.contacts.purge(source)
    await tx.companies.purge(source, at)
    await tx.owners.purge(source)
    await tx.links.relink(at)
    await tx.connections.delete(connection.id)
