"""What a CRM's webhooks say: kept as hints, which the account's one run follows."""

import asyncio
from collections.abc import Collection
from datetime import timedelta

import structlog

from astrelo.application.sync.schedule_syncs import RequestSync
from astrelo.domain.connection import CrmConnection
from astrelo.domain.errors import ProviderNotConfigured, StoreUnavailable
from astrelo.domain.identifiers import CrmAccountId, Provider
from astrelo.domain.ports.crm import ConfiguredWebhooks, WebhookRequest
from astrelo.domain.ports.cross_tenant import ConnectedUser, CrmAccounts
from astrelo.domain.ports.state import Transaction, UnitOfWork
from astrelo.domain.ports.system import Clock
from astrelo.domain.records import PendingRefetch
from astrelo.domain.sync import RunStatus, SyncMode

log = structlog.get_logger()

AT_ONCE = 3
"""Calls stored at a time by one process: one may wait for a run that ends, on a connection others need."""

PATIENCE = timedelta(seconds=4)
"""A CRM that waits five seconds for an answer sends a call again that got none."""


class ReceiveWebhook:
    """Keep what a webhook call names, and see to it that a run reads it. Asks the CRM nothing itself."""

    def __init__(
        self,
        webhooks: ConfiguredWebhooks,
        accounts: CrmAccounts,
        uow: UnitOfWork,
        request_sync: RequestSync,
        clock: Clock,
    ) -> None:
        self._webhooks = webhooks
        self._accounts = accounts
        self._uow = uow
        self._request_sync = request_sync
        self._clock = clock
        self._places = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, provider: Provider, request: WebhookRequest) -> None:
        """Take a call; the same one a second time changes nothing.

        Raises WebhookRejected, ProviderNotConfigured, and StoreUnavailable: the CRM then sends it again.
        """
        webhooks = self._webhooks.get(provider)
        if webhooks is None:
            raise ProviderNotConfigured(provider)
        named = webhooks.parse(request, self._clock.now())
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()), self._places:
                for account_id, pending_refetches in named.items():
                    await self._keep_for_all(provider, account_id, pending_refetches)
        except TimeoutError:
            raise StoreUnavailable("a run of the account is about to end, or many calls wait") from None

    async def _keep_for_all(
        self, provider: Provider, account_id: CrmAccountId, pending_refetches: Collection[PendingRefetch]
    ) -> None:
        users = await self._accounts.find_users(provider, account_id)
        for user in users:
            await self._keep(provider, user, pending_refetches)
        log.info("webhook.kept", account_id=account_id, records=len(pending_refetches), users=len(users))

    async def _keep(
        self, provider: Provider, user: ConnectedUser, pending_refetches: Collection[PendingRefetch]
    ) -> None:
        async with self._uow(user.user_id) as tx:
            # A run that ends takes the same lock: it sees these hints, or we see that it has ended.
            connection = await tx.connections.lock(provider)
            if connection is None or connection.id != user.connection_id or not connection.is_active:
                return
            await tx.pending_refetches.add(connection.id, pending_refetches, self._clock.now())
            if await _needs_a_run(tx, connection):
                await self._request_sync(tx, connection, SyncMode.REFETCH)


async def _needs_a_run(tx: Transaction, connection: CrmConnection) -> bool:
    """Tell whether nobody else will follow the hints: an open run does, and after a failed one the schedule."""
    latest = await tx.runs.get_latest(connection.id)
    return latest is None or not (latest.status.is_open or latest.status is RunStatus.FAILED)
