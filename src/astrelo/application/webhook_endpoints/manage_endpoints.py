"""A user's webhook endpoints: adding, changing and deleting them, their secrets, test deliveries and repeats."""

import base64
from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

from astrelo.application.webhook_endpoints.outbox import WebhookOutbox
from astrelo.application.webhook_endpoints.target_url import TargetPolicy, validate_url
from astrelo.domain import errors
from astrelo.domain.identifiers import UserId, WebhookDeliveryId, WebhookEndpointId
from astrelo.domain.ports.state import UnitOfWork
from astrelo.domain.ports.system import Clock, Randomness
from astrelo.domain.webhook_endpoints import deliveries, endpoints, events


class IssuedSecret(NamedTuple):
    """Shown once: nobody can read it again."""

    endpoint_id: WebhookEndpointId
    secret: str

    def __repr__(self) -> str:
        return f"IssuedSecret({self.endpoint_id}, …)"


class ManageWebhookEndpoints:
    """Each method is one transaction, and raises NotFound for an endpoint that the user does not have."""

    def __init__(
        self,
        uow: UnitOfWork,
        outbox: WebhookOutbox,
        policy: TargetPolicy,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._uow = uow
        self._outbox = outbox
        self._policy = policy
        self._clock = clock
        self._randomness = randomness

    async def add(self, user_id: UserId, url: str, topics: Collection[events.WebhookTopic]) -> IssuedSecret:
        """Raise InvalidInput for a URL that may not be a target, LimitReached after MAX_ENDPOINTS."""
        endpoint = endpoints.WebhookEndpoint(
            id=WebhookEndpointId(self._randomness.uuid()),
            user_id=user_id,
            url=validate_url(url, self._policy),
            topics=frozenset(topics),
            created_at=self._clock.now(),
        )
        secret = self._generate_secret()
        async with self._uow(user_id) as tx:
            if await tx.webhook_endpoints.lock_count() >= endpoints.MAX_ENDPOINTS:
                raise errors.LimitReached("webhook endpoints", endpoints.MAX_ENDPOINTS)
            await tx.webhook_endpoints.add(endpoint, endpoints.WebhookSecrets(current=secret))
        return IssuedSecret(endpoint.id, secret)

    async def change(
        self,
        user_id: UserId,
        endpoint_id: WebhookEndpointId,
        *,
        url: str | None = None,
        topics: Collection[events.WebhookTopic] | None = None,
        enabled: bool | None = None,
    ) -> None:
        """Change what is given. What waits for an endpoint that is disabled fails; enabled again, it gets new events.

        Raises InvalidInput for a URL that may not be a target.
        """
        async with self._uow(user_id) as tx:
            endpoint = await tx.webhook_endpoints.lock(endpoint_id)
            if url is not None:
                endpoint = replace(endpoint, url=validate_url(url, self._policy))
            if topics is not None:
                endpoint = replace(endpoint, topics=frozenset(topics))
            if enabled is not None:
                reason = None if enabled else endpoint.disabled_reason or endpoints.DisabledReason.BY_USER
                endpoint = replace(endpoint, disabled_reason=reason)
            await tx.webhook_endpoints.save(endpoint)
            if not endpoint.is_enabled:
                await tx.webhook_deliveries.give_up_pending(
                    endpoint_id, deliveries.DeliveryError.ENDPOINT_DISABLED
                )

    async def delete(self, user_id: UserId, endpoint_id: WebhookEndpointId) -> None:
        async with self._uow(user_id) as tx:
            await tx.webhook_endpoints.delete(endpoint_id)

    async def rotate_secret(self, user_id: UserId, endpoint_id: WebhookEndpointId) -> IssuedSecret:
        """Issue another secret; the former one still signs for SECRET_OVERLAP."""
        secret = self._generate_secret()
        async with self._uow(user_id) as tx:
            await tx.webhook_endpoints.lock(endpoint_id)
            try:
                former = await tx.webhook_endpoints.get_secrets(endpoint_id)
                rotated = former.rotate(secret, self._clock.now())
            except errors.SecretUnreadable:
                rotated = endpoints.WebhookSecrets(
                    current=secret
                )  # what cannot be read signs nothing any more
            await tx.webhook_endpoints.save_secrets(endpoint_id, rotated)
        return IssuedSecret(endpoint_id, secret)

    async def send_test(self, user_id: UserId, endpoint_id: WebhookEndpointId) -> WebhookDeliveryId:
        """Send one test event, without retries, unless one waits; return the id of either.

        Raises InvalidTransition for a disabled endpoint.
        """
        async with self._uow(user_id) as tx:
            endpoint = await tx.webhook_endpoints.lock(endpoint_id)
            endpoint.require_enabled("tested")
            waiting = await tx.webhook_deliveries.find_pending(endpoint_id, events.WebhookTopic.TEST)
            if waiting is not None:
                return waiting
            data = {"webhook_endpoint_id": str(endpoint_id)}
            return await self._outbox.add(tx, user_id, endpoint_id, events.WebhookTopic.TEST, data)

    async def redeliver(
        self, user_id: UserId, endpoint_id: WebhookEndpointId, delivery_id: WebhookDeliveryId
    ) -> None:
        """Attempt a delivery again, now, whatever became of it. Raise InvalidTransition for a disabled endpoint."""
        async with self._uow(user_id) as tx:
            endpoint = await tx.webhook_endpoints.lock(endpoint_id)
            delivery = await tx.webhook_deliveries.lock(delivery_id)
            if delivery.endpoint_id != endpoint_id:
                raise errors.NotFound("webhook delivery", delivery_id)
            endpoint.require_enabled("called")
            now = self._clock.now()
            await tx.webhook_deliveries.save(delivery.redeliver(now), now)

    def _generate_secret(self) -> str:
        """Return `whsec_` and 32 random bytes in base64, as Standard Webhooks has it."""
        token = self._randomness.token()
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        return f"whsec_{base64.b64encode(raw).decode()}"
