"""The outbox of webhook deliveries in PostgreSQL, and the jobs that attempt them."""

from dataclasses import fields
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from astrelo.adapters.outbound.postgres.job_queue import enqueue_once, find_without_job
from astrelo.adapters.outbound.postgres.session.errors import translate_outages
from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.domain import errors
from astrelo.domain.identifiers import UserId, WebhookDeliveryId, WebhookEndpointId
from astrelo.domain.ports.webhook_endpoints import WebhookDeliveries
from astrelo.domain.webhook_endpoints import deliveries, events

WEBHOOK_ENTRYPOINT = "webhook"
"""The queue's name for the job that attempts a delivery."""

_FIELDS = tuple(field.name for field in fields(deliveries.WebhookDelivery))


class PgWebhookDeliveries(WebhookDeliveries):
    """One job per delivery and attempt, as with the runs of syncs: an attempt plans the next one while it runs."""

    def __init__(self, connection: asyncpg.Connection, user_id: UserId) -> None:
        self._connection = connection
        self._queries = Queries(connection, user_id=user_id)

    async def add(self, delivery: deliveries.WebhookDelivery) -> None:
        added = await self._queries.execute(
            "add_webhook_delivery",
            delivery_id=delivery.id,
            endpoint_id=delivery.endpoint_id,
            topic=delivery.topic,
            payload=delivery.payload,
            created_at=delivery.created_at,
            status=delivery.status,
            next_attempt_at=delivery.next_attempt_at,
        )
        if added:
            await self._enqueue(delivery, delivery.created_at)

    async def find_pending(
        self, endpoint_id: WebhookEndpointId, topic: events.WebhookTopic
    ) -> WebhookDeliveryId | None:
        found = await self._queries.value(
            "find_pending_webhook_delivery", endpoint_id=endpoint_id, topic=topic
        )
        return found and WebhookDeliveryId(found)

    async def lock(self, delivery_id: WebhookDeliveryId) -> deliveries.WebhookDelivery:
        row = await self._queries.row("lock_webhook_delivery", delivery_id=delivery_id)
        if row is None:
            raise errors.NotFound("webhook delivery", delivery_id)
        return deliveries.WebhookDelivery(
            **{name: row[name] for name in _FIELDS}
            | {
                "topic": events.WebhookTopic(row["topic"]),
                "status": deliveries.DeliveryStatus(row["status"]),
                "error": row["error"] and deliveries.DeliveryError(row["error"]),
            }
        )

    async def save(self, delivery: deliveries.WebhookDelivery, now: datetime) -> None:
        is_pending = delivery.status is deliveries.DeliveryStatus.PENDING
        if is_pending and delivery.topic.is_coalesced:
            await self._queries.execute(
                "delete_pending_webhook_deliveries",
                endpoint_id=delivery.endpoint_id,
                topic=delivery.topic,
                delivery_id=delivery.id,
            )
        await self._queries.execute(
            "save_webhook_delivery",
            delivery_id=delivery.id,
            status=delivery.status,
            attempts=delivery.attempts,
            recent_attempts=delivery.recent_attempts,
            first_attempt_at=delivery.first_attempt_at,
            last_attempt_at=delivery.last_attempt_at,
            next_attempt_at=delivery.next_attempt_at,
            error=delivery.error,
            response_status=delivery.response_status,
            response_excerpt=delivery.response_excerpt,
        )
        if is_pending:
            await self._enqueue(delivery, now)

    async def give_up_pending(self, endpoint_id: WebhookEndpointId, error: deliveries.DeliveryError) -> None:
        await self._queries.execute(
            "give_up_pending_webhook_deliveries", endpoint_id=endpoint_id, error=error
        )

    async def _enqueue(self, delivery: deliveries.WebhookDelivery, now: datetime) -> None:
        due = delivery.next_attempt_at or now
        job = DeliveryJob(delivery.user_id, delivery.endpoint_id, delivery.id, delivery.attempts)
        await job.enqueue(self._connection, max(due - now, timedelta()))


class DeliveryJob(NamedTuple):
    user_id: UUID
    endpoint_id: UUID
    id: UUID
    attempts: int
    """How many were begun before the one that the job is to make."""

    async def enqueue(self, connection: asyncpg.Connection, delay: timedelta | None = None) -> None:
        """Enqueue it once; the payload is JSON with `user_id`, `endpoint_id`, `delivery_id` and `attempt`."""
        payload = {
            "user_id": self.user_id,
            "endpoint_id": self.endpoint_id,
            "delivery_id": self.id,
            "attempt": self.attempts,
        }
        key = f"{self.id}/{self.attempts}"
        await enqueue_once(connection, WEBHOOK_ENTRYPOINT, msgspec.json.encode(payload), key, delay or None)


class LostDeliveries:
    """Deliveries whose job got lost, and deliveries of long ago. Looks across users, as the queue itself does."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def requeue(self) -> int:
        """Enqueue each of them again and return how many there were. Harmless from several workers at once."""
        with translate_outages():
            async with self._pool.acquire() as connection, connection.transaction():
                rows = await Queries(connection).rows("list_open_deliveries")
                jobs = {row["id"]: DeliveryJob(*row) for row in rows}
                lost = await find_without_job(connection, WEBHOOK_ENTRYPOINT, jobs)
                for delivery_id in lost:
                    await jobs[delivery_id].enqueue(connection)
        return len(lost)

    async def prune(self) -> int:
        """Delete those that ended and are older than DELIVERY_RETENTION, and return how many they were."""
        pruned, last = 0, -1
        with translate_outages():
            while last:
                last = await Queries(self._pool).execute(
                    "prune_webhook_deliveries", retention=deliveries.DELIVERY_RETENTION
                )
                pruned += last
        return pruned
