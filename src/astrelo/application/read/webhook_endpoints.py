"""Webhook endpoints and deliveries to them, as the API shows them. Secrets are in none of it."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Protocol
from uuid import UUID

from msgspec import Meta, Struct

from astrelo.application.read import views
from astrelo.domain.identifiers import UserId
from astrelo.domain.webhook_endpoints import deliveries, endpoints, events


class WebhookEndpointView(Struct, frozen=True, kw_only=True):
    """A URL that events are sent to. `reason` and `action` are sentences for people, there while it is disabled.

    Until `former_secret_expires_at` each event is signed with the secret before the last rotation as well.
    """

    id: Annotated[UUID, Meta(description="The endpoint.")]
    url: Annotated[
        str, Meta(description="Where events are sent.", examples=["https://hooks.example.com/astrelo"])
    ]
    topics: Annotated[list[events.WebhookTopic], Meta(description="Which events are sent.")]
    enabled: Annotated[bool, Meta(description="Whether events are sent.")]
    disabled_reason: Annotated[
        endpoints.DisabledReason | None,
        Meta(
            description="Why it is disabled: `by_user`; `gone` after HTTP 410; `failing` when a delivery failed for a day and "
            "none succeeded meanwhile. Null while it is enabled."
        ),
    ] = None
    reason: views.Sentence = None
    action: views.Advice = None
    created_at: Annotated[views.UtcTime, Meta(description="When it was added.")]
    last_success_at: Annotated[
        views.UtcTime | None, Meta(description="When it last accepted an event; null before the first.")
    ] = None
    former_secret_expires_at: Annotated[
        views.UtcTime | None,
        Meta(
            description="Until when events are signed with the former secret as well; null where there is none."
        ),
    ] = None


class IssuedSecretView(Struct, frozen=True, kw_only=True):
    """The endpoint and its new secret, which is shown in this response only."""

    endpoint: Annotated[WebhookEndpointView, Meta(description="The endpoint.")]
    secret: Annotated[
        str, Meta(description="Signs the events, as Standard Webhooks has it; it begins with `whsec_`.")
    ]


class WebhookDeliveryView(Struct, frozen=True, kw_only=True):
    """An event on its way to an endpoint; `id` is the header `webhook-id` of each attempt.

    `error` is a code for programs, `reason` and `action` sentences for people; they, `response_status` and
    `response_excerpt` (its first 1,000 characters) are of the last attempt. `payload` is the JSON that is sent.
    """

    id: Annotated[UUID, Meta(description="The header `webhook-id` of each attempt.")]
    topic: Annotated[events.WebhookTopic, Meta(description="What has happened.")]
    status: Annotated[deliveries.DeliveryStatus, Meta(description="How the delivery stands.")]
    attempts: Annotated[views.Count, Meta(description="How many attempts have begun.")]
    created_at: Annotated[views.UtcTime, Meta(description="When it happened.")]
    last_attempt_at: Annotated[
        views.UtcTime | None, Meta(description="When the last attempt began; null before the first.")
    ] = None
    next_attempt_at: Annotated[
        views.UtcTime | None, Meta(description="When the next attempt is due; null if there is none.")
    ] = None
    error: Annotated[
        deliveries.DeliveryError | None,
        Meta(description="Why the last attempt failed; null if it did not."),
    ] = None
    reason: views.Sentence = None
    action: views.Advice = None
    response_status: Annotated[
        int | None, Meta(description="The HTTP status of the last attempt; null without a response.")
    ] = None
    response_excerpt: Annotated[
        str | None,
        Meta(
            description="The first 1,000 characters of the last attempt's response; null without a response."
        ),
    ] = None
    payload: Annotated[str, Meta(description="The JSON that is sent, byte for byte.")]


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
