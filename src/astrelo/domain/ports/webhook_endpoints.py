"""The driven ports to stored webhook endpoints and deliveries, and to the receivers.

Adapters and fakes inherit them explicitly: a forgotten method then fails at construction.
"""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from astrelo.domain.identifiers import WebhookDeliveryId, WebhookEndpointId
from astrelo.domain.webhook_endpoints import deliveries, endpoints, events


class WebhookEndpoints(Protocol):
    """Endpoints of the transaction's user; their secrets are encrypted at rest."""

    @abstractmethod
    async def lock_count(self) -> int:
        """Return how many there are, and let no other transaction add one until this one ends."""

    @abstractmethod
    async def add(self, endpoint: endpoints.WebhookEndpoint, secrets: endpoints.WebhookSecrets) -> None: ...

    @abstractmethod
    async def lock(self, endpoint_id: WebhookEndpointId) -> endpoints.WebhookEndpoint:
        """Hold an exclusive lock until this transaction ends: no delivery to it is added meanwhile. Raise NotFound."""

    @abstractmethod
    async def save(self, endpoint: endpoints.WebhookEndpoint) -> None: ...

    @abstractmethod
    async def delete(self, endpoint_id: WebhookEndpointId) -> None:
        """Delete it with its deliveries. Raise NotFound."""

    @abstractmethod
    async def list_subscribers(self, topic: events.WebhookTopic) -> Sequence[WebhookEndpointId]:
        """Return the enabled endpoints that subscribe to the topic, and let none be changed until this transaction ends.

        Where the topic is coalesced, those for which a delivery of it waits are left out.
        """

    @abstractmethod
    async def get_secrets(self, endpoint_id: WebhookEndpointId) -> endpoints.WebhookSecrets:
        """Raise NotFound, or SecretUnreadable."""

    @abstractmethod
    async def save_secrets(
        self, endpoint_id: WebhookEndpointId, secrets: endpoints.WebhookSecrets
    ) -> None: ...


class WebhookDeliveries(Protocol):
    """The outbox: deliveries of the transaction's user. A pending one always has a job in the queue, for its time."""

    @abstractmethod
    async def add(self, delivery: deliveries.WebhookDelivery) -> None:
        """Insert a pending delivery with its job; do nothing if its topic is coalesced and one waits."""

    @abstractmethod
    async def find_pending(
        self, endpoint_id: WebhookEndpointId, topic: events.WebhookTopic
    ) -> WebhookDeliveryId | None:
        """Return the delivery that waits for an endpoint, of a topic that is coalesced."""

    @abstractmethod
    async def lock(self, delivery_id: WebhookDeliveryId) -> deliveries.WebhookDelivery:
        """Hold an exclusive lock until this transaction ends. Raise NotFound."""

    @abstractmethod
    async def save(self, delivery: deliveries.WebhookDelivery, now: datetime) -> None:
        """Update it; if it is pending, enqueue its job, and delete another that waits where its topic is coalesced.

        The caller has locked the endpoint.
        """

    @abstractmethod
    async def give_up_pending(self, endpoint_id: WebhookEndpointId, error: deliveries.DeliveryError) -> None:
        """End all pending deliveries to an endpoint as failed."""


class WebhookTransport(Protocol):
    """Makes one request to a receiver, within limits of time, size and address."""

    @abstractmethod
    async def send(
        self, url: str, secrets: Sequence[str], delivery: deliveries.WebhookDelivery, at: datetime
    ) -> deliveries.DeliveryAttempt:
        """POST the payload, signed with each of the secrets at a time. Raise nothing that a receiver can cause."""
