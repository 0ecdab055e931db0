"""Disconnecting a CRM.

The last active connection of a CRM account, among all users, uninstalls our app there, if the CRM supports that. In all
other cases, and if the uninstall fails, only the grant is revoked. An uninstall ends every grant of the account, so it
excludes connecting the account at the same time: see `AppUninstalls`.
"""

from datetime import datetime

import structlog

from astrelo.application import messages
from astrelo.application.connection_lifecycle import ConnectionLifecycle
from astrelo.application.sync.run_lifecycle import RunLifecycle
from astrelo.application.tokens.access_tokens import AccessTokens
from astrelo.application.tokens.revocation import LastAccess, revoke, uninstall
from astrelo.domain import errors
from astrelo.domain.connection import ConnectionStatus, CrmConnection, TokenSet
from astrelo.domain.identifiers import Provider, UserId
from astrelo.domain.ports.crm import CrmProvider, CrmProviders
from astrelo.domain.ports.cross_tenant import AppUninstalls
from astrelo.domain.ports.state import Transaction, UnitOfWork
from astrelo.domain.ports.system import Clock

log = structlog.get_logger()


class DisconnectCrm:
    """End a connection. Its records are kept, shown as stale, unless `purge` is set."""

    def __init__(
        self,
        uow: UnitOfWork,
        crms: CrmProviders,
        tokens: AccessTokens,
        uninstalls: AppUninstalls,
        lifecycle: RunLifecycle,
        connections: ConnectionLifecycle,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._crms = crms
        self._tokens = tokens
        self._uninstalls = uninstalls
        self._lifecycle = lifecycle
        self._connections = connections
        self._clock = clock

    async def __call__(self, user_id: UserId, provider: Provider, *, purge: bool = False) -> None:
        """End the connection. Idempotent until the purge. Raises NotConnected without a connection.

        The tokens are deleted even if the CRM cannot be reached to end the grant.
        """
        async with self._uow(user_id) as tx:
            connection = await tx.connections.lock(provider)
            if connection is None:
                raise errors.NotConnected(provider)
            # Read before the commit: another user's uninstall that begins later has a higher number.
            last_uninstall = await tx.connections.latest_uninstall()
            ended = connection.disconnect(messages.DISCONNECTED.reason)
            await self._connections.save(tx, ended, former=connection)
            tokens = await stop_using(
                tx, connection, self._lifecycle, messages.CANCELLED_BY_DISCONNECT.reason
            )
        self._tokens.forget(connection.id)
        crm = self._crms.get(provider)
        if tokens is not None and crm is not None:
            session = LastAccess(crm, connection, tokens, self._clock)
            # Of several concurrent disconnects only the first uninstalls.
            is_first = connection.status is not ConnectionStatus.DISCONNECTED
            if not (
                is_first and crm.can_uninstall and await self._try_uninstall(crm, session, last_uninstall)
            ):
                await revoke(crm, session.tokens)
        async with self._uow(user_id) as tx:
            current = await tx.connections.lock(provider)
            if current is None or current.is_active:
                return  # purged or connected again during the requests to the CRM
            await tx.tokens.delete(current.id)
            if purge:
                await purge_records(tx, current, self._clock.now())
        log.info("connection.ended", connection_id=str(connection.id), purged=purge)

    async def _try_uninstall(self, crm: CrmProvider, session: LastAccess, since: int) -> bool:
        account_id = session.account.account_id
        try:
            number = await self._uninstalls.begin(crm.provider, account_id, since)
            if number is None:
                return False
            try:
                return await uninstall(crm, session)
            finally:
                await self._uninstalls.end(crm.provider, account_id, number)
        except errors.StoreUnavailable as error:
            log.warning("app.not_uninstalled", provider=crm.provider, reason=str(error))
            return False


async def stop_using(
    tx: Transaction, connection: CrmConnection, lifecycle: RunLifecycle, reason: str
) -> TokenSet | None:
    """Cancel the open run, wait for a refresh in progress, and return the tokens to be revoked."""
    latest = await tx.runs.get_latest(connection.id)
    if latest is not None:
        run = await tx.runs.lock(latest.id)
        if run.status.is_open:
            await lifecycle.cancel(tx, run.id, reason)
    return await lock_readable_tokens(tx, connection)


async def lock_readable_tokens(tx: Transaction, connection: CrmConnection) -> TokenSet | None:
    """Lock and return the tokens; None when there are none, or when no key decrypts them."""
    try:
        return (await tx.tokens.lock(connection.id)).tokens
    except errors.NotFound:
        return None
    except errors.SecretUnreadable as error:
        log.warning("token.unreadable", connection_id=str(connection.id), reason=str(error))
        return None


async def purge_records(tx: Transaction, connection: CrmConnection, at: datetime) -> None:
    """Delete a CRM's records and the connection. The caller has cancelled its run."""
    source = connection.provider
    await tx.companies.lock()
    await tx.links.lock()
    await tx.deals.purge(source)
    await tx.contacts.purge(source)
    await tx.companies.purge(source, at)
    await tx.owners.purge(source)
    await tx.links.relink()
    await tx.connections.delete(connection.id)
    await tx.connections.count_records(at, [other for other in Provider if other is not source])
