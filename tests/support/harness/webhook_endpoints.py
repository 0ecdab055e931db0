"""A user with webhook endpoints, their use cases over a real database, and real requests to a receiver."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.adapters.outbound.postgres.session.unit_of_work import PgUnitOfWork
from astrelo.adapters.outbound.postgres.webhook_endpoints.deliveries import LostDeliveries
from astrelo.adapters.outbound.postgres.webhook_endpoints.reader import PgWebhookEndpointReader
from astrelo.adapters.outbound.token_cipher import AesGcmTokenCipher
from astrelo.adapters.outbound.webhook_transport.transport import HttpWebhookTransport, SendLimits
from astrelo.application.read.webhook_endpoints import WebhookDeliveryView, WebhookEndpointView
from astrelo.application.webhook_endpoints.deliver import DeliverWebhook
from astrelo.application.webhook_endpoints.manage_endpoints import IssuedSecret, ManageWebhookEndpoints
from astrelo.application.webhook_endpoints.outbox import WebhookOutbox
from astrelo.application.webhook_endpoints.target_url import TargetPolicy
from astrelo.bootstrap.system import SystemClock, SystemRandomness
from astrelo.domain.identifiers import UserId, WebhookDeliveryId, WebhookEndpointId
from astrelo.domain.ports.webhook_endpoints import WebhookTransport
from astrelo.domain.webhook_endpoints.events import WebhookTopic
from tests.support.fakes.clock import FakeClock

LOOPBACK = TargetPolicy(allow_http=True, allow_loopback=True)
CIPHER = AesGcmTokenCipher([("test", bytes(32))])


class WebhookHarness:
    """Its clock begins now, since receivers refuse signatures of another time."""

    def __init__(self, pool: asyncpg.Pool, transport: WebhookTransport) -> None:
        self.pool = pool
        self.user_id = UserId(uuid4())
        self.clock = FakeClock(SystemClock().now())
        self.randomness = SystemRandomness()
        self.uow = PgUnitOfWork(pool, CIPHER, self.randomness)
        self.transport = transport
        self.outbox = WebhookOutbox(self.clock, self.randomness)
        self.manage = ManageWebhookEndpoints(self.uow, self.outbox, LOOPBACK, self.clock, self.randomness)
        self.reader = PgWebhookEndpointReader(Reads(pool))
        self.lost = LostDeliveries(pool)

    def deliver(self, transport: WebhookTransport | None = None) -> DeliverWebhook:
        """A worker's use case; each call makes an independent one."""
        return DeliverWebhook(self.uow, transport or self.transport, self.clock, self.randomness)

    async def add(self, url: str, *topics: WebhookTopic) -> IssuedSecret:
        return await self.manage.add(self.user_id, url, topics or (WebhookTopic.SYNC_COMPLETED,))

    async def publish(
        self, endpoint_id: WebhookEndpointId, topic: WebhookTopic = WebhookTopic.SYNC_COMPLETED, **data: Any
    ) -> WebhookDeliveryId:
        async with self.uow(self.user_id) as tx:
            return await self.outbox.add(tx, self.user_id, endpoint_id, topic, data)

    async def attempt(self, endpoint_id: WebhookEndpointId, delivery_id: WebhookDeliveryId) -> None:
        """Make the next attempt, as the job does that waits for it."""
        async with self.uow(self.user_id) as tx:
            attempts = (await tx.webhook_deliveries.lock(delivery_id)).attempts
        await self.deliver()(self.user_id, endpoint_id, delivery_id, attempts)

    async def endpoint(self, endpoint_id: WebhookEndpointId) -> WebhookEndpointView:
        found = await self.reader.get(self.user_id, endpoint_id)
        assert found is not None
        return found

    async def delivery(
        self, endpoint_id: WebhookEndpointId, delivery_id: WebhookDeliveryId
    ) -> WebhookDeliveryView:
        found = await self.reader.get_delivery(self.user_id, endpoint_id, delivery_id)
        assert found is not None
        return found

    async def jobs(self) -> list[tuple[UUID, int, timedelta]]:
        """Return the deliveries and attempts that jobs wait for, and how long they wait."""
        rows = await self.pool.fetch(
            "select dedupe_key, execute_after - now() as delay from pgqueuer"
            " where entrypoint = 'webhook' and status = 'queued' order by id"
        )
        keys = [(row["dedupe_key"].split("/"), row["delay"]) for row in rows]
        return [(UUID(delivery_id), int(attempt), delay) for (delivery_id, attempt), delay in keys]


@asynccontextmanager
async def webhook_harness(database: str) -> AsyncIterator[WebhookHarness]:
    async with (
        asyncpg.create_pool(database, min_size=1, max_size=8) as pool,
        HttpWebhookTransport.open(LOOPBACK, SendLimits(seconds=2.0)) as transport,
    ):
        yield WebhookHarness(pool, transport)
