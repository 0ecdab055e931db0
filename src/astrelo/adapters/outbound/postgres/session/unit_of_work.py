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
from astrelo.adapters.outbound.postgres.owners.repository import PgOwners
from astrelo.adapters.outbound.postgres.session.errors import translate_outages
from astrelo.adapters.outbound.postgres.sync_runs.jobs import PgJobQueue
from astrelo.adapters.outbound.postgres.sync_runs.repository import PgSyncRuns
from astrelo.adapters.outbound.postgres.tokens.repository import PgTokenStore
from astrelo.adapters.outbound.postgres.webhook_endpoints import deliveries, repository
from astrelo.adapters.outbound.postgres.webhooks.pending_refetches import PgPendingRefetches
from astrelo.domain.identifiers import UserId
from astrelo.domain.ports.state import Transaction, UnitOfWork
from astrelo.domain.ports.system import Randomness, TokenCipher


class PgTransaction(Transaction):
    def __init__(
        self, connection: asyncpg.Connection, user_id: UserId, cipher: TokenCipher, randomness: Randomness
    ) -> None:
        self.connections = PgConnections(connection, user_id)
        self.tokens = PgTokenStore(connection, user_id, cipher)
        self.icp_profiles = PgIcpProfiles(connection, user_id)
        self.runs = PgSyncRuns(connection, user_id)
        self.pending_refetches = PgPendingRefetches(connection, user_id)
        self.jobs = PgJobQueue(connection)
        self.owners = PgOwners(connection, user_id, randomness)
        self.companies = PgCompanies(connection, user_id)
        self.contacts = PgContacts(connection, user_id)
        self.deals = PgDeals(connection, user_id)
        self.links = PgLinks(connection, user_id)
        self.webhook_endpoints = repository.PgWebhookEndpoints(connection, user_id, cipher)
        self.webhook_deliveries = deliveries.PgWebhookDeliveries(connection, user_id)


class PgUnitOfWork(UnitOfWork):
    """Holds only the pool, so it is stateless and shared by every use case."""

    def __init__(self, pool: asyncpg.Pool, cipher: TokenCipher, randomness: Randomness) -> None:
        self._pool = pool
        self._cipher = cipher
        self._randomness = randomness

    def __call__(self, user_id: UserId) -> AbstractAsyncContextManager[PgTransaction]:
        return self._transaction(user_id)

    @asynccontextmanager
    async def _transaction(self, user_id: UserId) -> AsyncIterator[PgTransaction]:
        with translate_outages():
            async with self._pool.acquire() as connection, connection.transaction():
                yield PgTransaction(connection, user_id, self._cipher, self._randomness)
