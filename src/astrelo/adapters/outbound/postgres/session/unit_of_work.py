"""One user's transaction, and the repositories that live in it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import asyncpg

from astrelo.adapters.outbound.postgres.companies.repository import PgCompanies
from astrelo.adapters.outbound.postgres.connections.repository import PgConnections
from astrelo.adapters.outbound.postgres.contacts.repository import PgContacts
from astrelo.adapters.outbound.postgres.deals.repository import PgDeals
from astrelo.adapters.outbound.postgres.icp_profiles.repository import PgIcpProfiles
from astrelo.adapters.outbound.postgres.links.repository import PgLinks
from astrelo.adapters.outbound.postgres.notifications import throttle
from astrelo.adapters.outbound.postgres.owners.repository import PgOwners
from astrelo.adapters.outbound.postgres.session.errors import translate_outages
from astrelo.adapters.outbound.postgres.session.queries import Queries, Revision
from astrelo.adapters.outbound.postgres.sync_runs.jobs import PgJobQueue
from astrelo.adapters.outbound.postgres.sync_runs.repository import PgSyncRuns
from astrelo.adapters.outbound.postgres.tokens.repository import PgTokenStore
from astrelo.adapters.outbound.postgres.webhook_endpoints import deliveries, repository
from astrelo.adapters.outbound.postgres.webhooks.pending_refetches import PgPendingRefetches
from astrelo.domain.identifiers import UserId
from astrelo.domain.ports.state import RecordsChangedSubscribers, Transaction, UnitOfWork
from astrelo.domain.ports.system import Randomness, TokenCipher

_RANDOM_BITS = (1 << 62) - 1
"""The end of an id: what of it is random, and fits a bigint."""


class PgTransaction(Transaction):
    def __init__(
        self,
        connection: asyncpg.Connection,
        user_id: UserId,
        cipher: TokenCipher,
        randomness: Randomness,
        revision: Revision,
        notification: throttle.Notification,
    ) -> None:
        self.connections = PgConnections(connection, user_id, notification)
        self.tokens = PgTokenStore(connection, user_id, cipher)
        self.icp_profiles = PgIcpProfiles(connection, user_id)
        self.runs = PgSyncRuns(connection, user_id, notification)
        self.pending_refetches = PgPendingRefetches(connection, user_id)
        self.jobs = PgJobQueue(connection)
        self.owners = PgOwners(connection, user_id, randomness, revision)
        self.companies = PgCompanies(connection, user_id, revision)
        self.contacts = PgContacts(connection, user_id, revision)
        self.deals = PgDeals(connection, user_id, revision)
        self.links = PgLinks(connection, user_id, revision)
        self.webhook_endpoints = repository.PgWebhookEndpoints(connection, user_id, cipher)
        self.webhook_deliveries = deliveries.PgWebhookDeliveries(connection, user_id)


class PgUnitOfWork(UnitOfWork):
    """Holds only the pool and when it notified, so it is shared by every use case."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        cipher: TokenCipher,
        randomness: Randomness,
        records_changed: RecordsChangedSubscribers | None = None,
    ) -> None:
        self._records_changed = records_changed or RecordsChangedSubscribers()
        self._pool = pool
        self._cipher = cipher
        self._randomness = randomness
        self._notifications = throttle.NotificationThrottle(Queries(pool))

    def __call__(self, user_id: UserId) -> AbstractAsyncContextManager[PgTransaction]:
        return self._transaction(user_id)

    @asynccontextmanager
    async def _transaction(self, user_id: UserId) -> AsyncIterator[PgTransaction]:
        with translate_outages():
            async with self._pool.acquire() as connection, connection.transaction():
                revision = Revision(self._randomness.uuid().int & _RANDOM_BITS)
                notification = throttle.Notification()
                transaction = PgTransaction(
                    connection, user_id, self._cipher, self._randomness, revision, notification
                )
                yield transaction
                if revision.changed:
                    notification.note(throttle.Urgency.SOON)
                    await self._records_changed.publish(transaction, user_id)
                is_notified = await self._notifications.send_if_due(
                    Queries(connection), user_id, notification.urgency
                )
                await _append_to_feed(Queries(connection, user_id=user_id, revision=revision), revision)
            if not is_notified:
                self._notifications.send_later(user_id)


async def _append_to_feed(queries: Queries, revision: Revision) -> None:
    if revision.is_ambiguous:
        await queries.execute("merge_feed_entries")
    if revision.changed:
        # Last of all: until this transaction ends, no other of the user takes the next position.
        await queries.execute("append_to_feed")
