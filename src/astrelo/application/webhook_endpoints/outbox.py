"""Writing events for webhook endpoints into the outbox, in the transaction of their cause."""

from collections.abc import Mapping
from datetime import timedelta

from astrelo.application.connection_lifecycle import ConnectionChanged
from astrelo.application.sync.run_lifecycle import RunEnded
from astrelo.domain.connection import ConnectionStatus
from astrelo.domain.identifiers import UserId, WebhookDeliveryId, WebhookEndpointId
from astrelo.domain.ports.state import Transaction
from astrelo.domain.ports.system import Clock, Randomness
from astrelo.domain.sync import RunStatus
from astrelo.domain.webhook_endpoints import deliveries, events

_TOPIC_OF_RUN = {
    RunStatus.COMPLETED: events.WebhookTopic.SYNC_COMPLETED,
    RunStatus.PARTIAL: events.WebhookTopic.SYNC_COMPLETED,
    RunStatus.FAILED: events.WebhookTopic.SYNC_FAILED,
}
"""A cancelled run has none: the user has ended it."""

_TOPIC_OF_CONNECTION = {
    ConnectionStatus.NEEDS_REAUTHORIZATION: events.WebhookTopic.CONNECTION_NEEDS_REAUTHORIZATION,
    ConnectionStatus.DISCONNECTED: events.WebhookTopic.CONNECTION_DISCONNECTED,
}


class WebhookOutbox:
    """Adds a delivery for each subscribed endpoint; each method joins the caller's transaction and calls nobody."""

    def __init__(self, clock: Clock, randomness: Randomness) -> None:
        self._clock = clock
        self._randomness = randomness

    async def on_run_ended(self, tx: Transaction, event: RunEnded) -> None:
        """Subscribe this to RunEnded."""
        run = event.run
        topic = _TOPIC_OF_RUN.get(run.status)
        if topic is None:
            return
        data = {
            "run_id": str(run.id),
            "connection_id": str(run.connection_id),
            "provider": run.provider,
            "mode": run.mode,
            "status": run.status,
            "reason": run.reason,
        }
        await self._publish(tx, run.user_id, topic, data)

    async def on_connection_changed(self, tx: Transaction, event: ConnectionChanged) -> None:
        """Subscribe this to ConnectionChanged."""
        connection = event.connection
        topic = _TOPIC_OF_CONNECTION.get(connection.status)
        if topic is None or connection.status is event.former_status:
            return
        data = {
            "connection_id": str(connection.id),
            "provider": connection.provider,
            "account_id": connection.account.account_id,
            "status": connection.status,
            "reason": connection.reason,
        }
        await self._publish(tx, connection.user_id, topic, data)

    async def announce_changes(self, tx: Transaction, user_id: UserId) -> None:
        """Announce that the change feed has more.

        Call it last in each transaction that writes to the feed, when the feed's own lock is held. An endpoint has one
        such delivery waiting at most. It waits for ANNOUNCEMENT_DELAY, so that many changes make one request. A change
        that is committed while a request is under way is announced by another one.
        """
        await self._publish(tx, user_id, events.WebhookTopic.CHANGES_AVAILABLE, {}, events.ANNOUNCEMENT_DELAY)

    async def _publish(
        self,
        tx: Transaction,
        user_id: UserId,
        topic: events.WebhookTopic,
        data: Mapping[str, object],
        delay: timedelta | None = None,
    ) -> None:
        for endpoint_id in await tx.webhook_endpoints.list_subscribers(topic):
            await self.add(tx, user_id, endpoint_id, topic, data, delay)

    async def add(
        self,
        tx: Transaction,
        user_id: UserId,
        endpoint_id: WebhookEndpointId,
        topic: events.WebhookTopic,
        data: Mapping[str, object],
        delay: timedelta | None = None,
    ) -> WebhookDeliveryId:
        """Add a delivery to one endpoint, unless one waits and says the same, and return its id."""
        now = self._clock.now()
        delivery = deliveries.WebhookDelivery(
            id=WebhookDeliveryId(self._randomness.uuid()),
            user_id=user_id,
            endpoint_id=endpoint_id,
            topic=topic,
            payload=events.encode_event(topic, now, data),
            created_at=now,
            next_attempt_at=now + (delay or timedelta()),
        )
        await tx.webhook_deliveries.add(delivery)
        return delivery.id
