"""Receiving webhooks: the records that they name are stored as pending refetches for the next run."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import timedelta

import structlog

from astrelo.application.sync.run_lifecycle import RunLifecycle
from astrelo.domain.errors import ProviderNotConfigured, StoreUnavailable
from astrelo.domain.identifiers import Provider
from astrelo.domain.ports.crm import ConfiguredWebhooks, CrmWebhooks, WebhookRequest
from astrelo.domain.ports.cross_tenant import ConnectedUser, CrmAccounts
from astrelo.domain.ports.state import UnitOfWork
from astrelo.domain.ports.system import Clock
from astrelo.domain.records import PendingRefetch
from astrelo.domain.sync import RunStatus, SyncMode

log = structlog.get_logger()

MAX_CONCURRENT_CALLS = 3
"""Calls that a process stores at a time: each may wait for a run to end, and occupies a database connection."""

WEBHOOK_TIMEOUT = timedelta(seconds=4)
"""Less than the five seconds after which a CRM repeats a call."""


class ReceiveWebhook:
    """Store the records that a webhook call names, and request a run that reads them. Calls no CRM."""

    def __init__(
        self,
        webhooks: ConfiguredWebhooks,
        accounts: CrmAccounts,
        uow: UnitOfWork,
        lifecycle: RunLifecycle,
        clock: Clock,
    ) -> None:
        self._webhooks = webhooks
        self._accounts = accounts
        self._uow = uow
        self._lifecycle = lifecycle
        self._clock = clock
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_CALLS)

    def check_headers(self, provider: Provider, headers: Mapping[str, str]) -> None:
        """Raise WebhookRejected or ProviderNotConfigured for a call whose body is not worth reading."""
        self._webhooks_of(provider).check_headers(headers, self._clock.now())

    async def __call__(self, provider: Provider, request: WebhookRequest) -> None:
        """Store a call's records. Idempotent.

        Raises WebhookRejected, ProviderNotConfigured, and StoreUnavailable, after which the CRM repeats the call.
        """
        refetches_by_account = self._webhooks_of(provider).parse(request, self._clock.now())
        try:
            async with asyncio.timeout(WEBHOOK_TIMEOUT.total_seconds()), self._slots:
                for account_id, pending_refetches in refetches_by_account.items():
                    users = await self._accounts.find_users(provider, account_id)
                    for user in users:
                        await self._store(provider, user, pending_refetches)
                    records = len(pending_refetches)
                    log.info("webhook.kept", account_id=account_id, records=records, users=len(users))
        except TimeoutError:
            raise StoreUnavailable("a run of the account is about to end, or many calls wait") from None

    def _webhooks_of(self, provider: Provider) -> CrmWebhooks:
        if (webhooks := self._webhooks.get(provider)) is None:
            raise ProviderNotConfigured(provider)
        return webhooks

    async def _store(
        self, provider: Provider, user: ConnectedUser, pending_refetches: Collection[PendingRefetch]
    ) -> None:
        async with self._uow(user.user_id) as tx:
            # A run that ends takes the same lock: either it sees these refetches, or we see that it has ended.
            connection = await tx.connections.lock(provider)
            if connection is None or connection.id != user.connection_id or not connection.is_active:
                return
            await tx.pending_refetches.add(connection.id, pending_refetches, self._clock.now())
            latest = await tx.runs.get_latest(connection.id)
            # An open run reads them, and after a failed one the next scheduled run does.
            if latest is None or not (latest.status.is_open or latest.status is RunStatus.FAILED):
                await self._lifecycle.request(tx, connection, SyncMode.REFETCH)
