"""Attempting a delivery: claim it, send it outside of any transaction, record how that ended."""

import structlog

from astrelo.domain import errors
from astrelo.domain.identifiers import UserId, WebhookDeliveryId, WebhookEndpointId
from astrelo.domain.ports.state import Transaction, UnitOfWork
from astrelo.domain.ports.system import Clock, Randomness
from astrelo.domain.ports.webhook_endpoints import WebhookTransport
from astrelo.domain.webhook_endpoints import deliveries, endpoints

log = structlog.get_logger()


class DeliverWebhook:
    """Make one attempt of a delivery, and plan the next one if it fails."""

    def __init__(
        self, uow: UnitOfWork, transport: WebhookTransport, clock: Clock, randomness: Randomness
    ) -> None:
        self._uow = uow
        self._transport = transport
        self._clock = clock
        self._randomness = randomness

    async def __call__(
        self, user_id: UserId, endpoint_id: WebhookEndpointId, delivery_id: WebhookDeliveryId, attempt: int
    ) -> None:
        """Do nothing if the delivery or its endpoint is gone, or if the attempt after so many was made already.

        A worker that dies between request and record leaves the attempt to another one, which repeats the request.
        Raises StoreUnavailable.
        """
        try:
            async with self._uow(user_id) as tx:
                endpoint = await tx.webhook_endpoints.lock(endpoint_id)
                delivery = await tx.webhook_deliveries.lock(delivery_id)
                if not delivery.can_begin(attempt):
                    return
                begun = delivery.begin(self._clock.now())
                if obstacle := _find_obstacle(endpoint, delivery):
                    await self._conclude(tx, endpoint, delivery.give_up(obstacle))
                    return
                try:
                    secrets = await tx.webhook_endpoints.get_secrets(endpoint_id)
                except errors.SecretUnreadable as error:
                    log.error("webhook_delivery.secret_unreadable", reason=str(error))  # noqa: TRY400 - the traceback would say no more than the reason
                    await self._record(
                        tx,
                        endpoint,
                        begun,
                        deliveries.DeliveryAttempt(deliveries.DeliveryError.SECRET_UNREADABLE),
                    )
                    return
                await tx.webhook_deliveries.save(begun, self._clock.now())
            now = self._clock.now()
            outcome = await self._transport.send(endpoint.url, secrets.list_valid(now), begun, now)
            async with self._uow(user_id) as tx:
                endpoint = await tx.webhook_endpoints.lock(endpoint_id)
                current = await tx.webhook_deliveries.lock(delivery_id)
                if current.status is deliveries.DeliveryStatus.SENDING and current.attempts == begun.attempts:
                    await self._record(tx, endpoint, current, outcome)
        except errors.NotFound:
            log.info("webhook_delivery.deleted", delivery_id=str(delivery_id))

    async def _record(
        self,
        tx: Transaction,
        endpoint: endpoints.WebhookEndpoint,
        delivery: deliveries.WebhookDelivery,
        attempt: deliveries.DeliveryAttempt,
    ) -> None:
        now = self._clock.now()
        if attempt.error is None:
            await tx.webhook_endpoints.save(endpoint.note_success(now))
            await tx.webhook_deliveries.save(delivery.succeed(attempt), now)
        else:
            await self._conclude(tx, endpoint, delivery.fail(attempt, now, self._randomness.jitter()))
        log.info(
            "webhook_delivery.attempted",
            topic=delivery.topic,
            attempt=delivery.attempts,
            error=attempt.error,
            response_status=attempt.response_status,
        )

    async def _conclude(
        self, tx: Transaction, endpoint: endpoints.WebhookEndpoint, failed: deliveries.WebhookDelivery
    ) -> None:
        """Save a failed delivery; if it was given up, disable the endpoint and end what waits for it."""
        await tx.webhook_deliveries.save(failed, self._clock.now())
        if failed.status is not deliveries.DeliveryStatus.FAILED:
            return
        noted = endpoint.note_failure(failed)
        if noted != endpoint:
            await tx.webhook_endpoints.save(noted)
            await tx.webhook_deliveries.give_up_pending(
                endpoint.id, deliveries.DeliveryError.ENDPOINT_DISABLED
            )
            log.warning(
                "webhook_endpoint.disabled", endpoint_id=str(endpoint.id), reason=noted.disabled_reason
            )


def _find_obstacle(
    endpoint: endpoints.WebhookEndpoint, delivery: deliveries.WebhookDelivery
) -> deliveries.DeliveryError | None:
    """Return why no attempt is to be made any more. One that killed its worker each time has no other end."""
    if not endpoint.is_enabled:
        return deliveries.DeliveryError.ENDPOINT_DISABLED
    return (
        deliveries.DeliveryError.INTERRUPTED if delivery.recent_attempts >= deliveries.MAX_ATTEMPTS else None
    )
