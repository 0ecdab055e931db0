"""Webhook endpoints: a user's URLs that events are sent to, and the secrets that sign them."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from astrelo.domain import errors
from astrelo.domain.identifiers import UserId, WebhookEndpointId
from astrelo.domain.webhook_endpoints.deliveries import DeliveryError, WebhookDelivery
from astrelo.domain.webhook_endpoints.events import WebhookTopic

MAX_ENDPOINTS = 20
"""Of one user: each event is a row and a request for each of them."""

SECRET_OVERLAP = timedelta(hours=24)
"""How long a replaced secret still signs."""


class DisabledReason(StrEnum):
    BY_USER = "by_user"
    GONE = "gone"
    """The endpoint responded with HTTP 410."""
    FAILING = "failing"
    """A delivery failed for a day, and none succeeded meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpoint:
    id: WebhookEndpointId
    user_id: UserId
    url: str
    topics: frozenset[WebhookTopic]
    created_at: datetime
    disabled_reason: DisabledReason | None = None
    """None while events are delivered to it."""
    last_success_at: datetime | None = None

    @property
    def is_enabled(self) -> bool:
        return self.disabled_reason is None

    def require_enabled(self, action: str) -> None:
        """Raise InvalidTransition for a disabled endpoint."""
        if not self.is_enabled:
            raise errors.InvalidTransition("webhook endpoint", "disabled", action)

    def note_success(self, at: datetime) -> Self:
        return replace(self, last_success_at=at)

    def note_failure(self, delivery: WebhookDelivery) -> Self:
        """Disable it when a delivery was given up, unless others have succeeded since its first attempt.

        A receiver that refuses one event and takes the others works.
        """
        if delivery.error is DeliveryError.GONE:
            return replace(self, disabled_reason=DisabledReason.GONE)
        began, succeeded = delivery.first_attempt_at, self.last_success_at
        works = began is not None and succeeded is not None and succeeded >= began
        if works or delivery.topic is WebhookTopic.TEST or not self.is_enabled:
            return self
        return replace(self, disabled_reason=DisabledReason.FAILING)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSecrets:
    """What an endpoint's deliveries are signed with: `whsec_` and base64, as Standard Webhooks writes it."""

    current: str = field(repr=False)
    former: str | None = field(default=None, repr=False)
    former_expires_at: datetime | None = None

    def rotate(self, secret: str, now: datetime) -> Self:
        """Put a new secret in front; of several replaced ones only the last still signs."""
        return replace(self, current=secret, former=self.current, former_expires_at=now + SECRET_OVERLAP)

    def list_valid(self, now: datetime) -> tuple[str, ...]:
        if self.former is None or self.former_expires_at is None or self.former_expires_at <= now:
            return (self.current,)
        return (self.current, self.former)
