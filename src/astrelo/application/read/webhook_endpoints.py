"""Webhook endpoints and deliveries to them, as the API shows them. Secrets are in none of it."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from astrelo.domain.identifiers import UserId
from astrelo.domain.webhook_endpoints import deliveries, endpoints, events


class WebhookEndpointView(Struct, frozen=True, kw_only=True):
    """A URL that events are sent to. `reason` and `action` are sentences for people, there while it is disabled.

    Until `former_secret_expires_at` each event is signed with the secret before the last rotation as well.
    """

    id: UUID
    url: str
    topics: list[events.WebhookTopic]
    enabled: bool
    disabled_reason: endpoints.DisabledReason | None = None
    reason: str | None = None
    action: str | None = None
    created_at: datetime
    last_success_at: datetime | None = None
    former_secret_expires_at: datetime | None = None


class IssuedSecretView(Struct, frozen=True, kw_only=True):
    """The endpoint and its new secret, which is shown in this response only."""

    endpoint: WebhookEndpointView
    secret: str


class WebhookDeliveryView(Struct, frozen=True, kw_only=True):
    """An event on its way to an endpoint; `id` is the header `webhook-id` of each attempt.

    `error` is a code for programs, `reason` and `action` sentences for people; they, `response_status` and
    `response_excerpt` (its first 1,000 characters) are of the last attempt. `payload` is the JSON that is sent.
    """

    id: UUID
    topic: events.WebhookTopic
    status: deliveries.DeliveryStatus
    attempts: int
    created_at: datetime
    last_attempt_at: datetime | None = None
    next_attempt_at: datetime | None = None
    error: deliveries.DeliveryError | None = None
    reason: str | None = None
    action: str | None = None
    response_status: int | None = None
    response_excerpt: str | None = None
    payload: str


class WebhookEndpointReader(Protocol):
    @abstractmethod
    async def list(self, user_id: UserId, after: UUID | None, limit: int) -> Sequence[WebhookEndpointView]:
        """Return at most `limit` endpoints with ids above `after`, in order of id."""

    @abstractmethod
    async def get(self, user_id: UserId, endpoint_id: UUID) -> WebhookEndpointView | None: ...

    @abstractmethod
    async def list_deliveries(
        self, user_id: UserId, endpoint_id: UUID, before: UUID | None, limit: int
    ) -> Sequence[WebhookDeliveryView]:
        """Return at most `limit` deliveries with ids below `before`, the latest first."""

    @abstractmethod
    async def get_delivery(
        self, user_id: UserId, endpoint_id: UUID, delivery_id: UUID
    ) -> WebhookDeliveryView | None: ...
