"""Deliveries: the outbox row of one event for one endpoint.

It is written in the transaction of its cause and attempted until it succeeds or a day has passed. Its id and payload
never change, so that a receiver can tell repeats.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Self

from astrelo.domain.identifiers import UserId, WebhookDeliveryId, WebhookEndpointId
from astrelo.domain.webhook_endpoints.events import WebhookTopic

MAX_ATTEMPTS = 11
"""Of one delivery, with the pauses between them about a day."""

MIN_DELAY = timedelta(seconds=20)
"""Before the second attempt; each further delay is three times as long, up to MAX_DELAY."""
MAX_DELAY = timedelta(hours=6)
_DELAY_FACTOR = 3

DELIVERY_RETENTION = timedelta(days=30)
"""How long deliveries can be looked up and repeated."""

MAX_EXCERPT_LENGTH = 1_000
"""Characters of a response that are kept."""


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"


class DeliveryError(StrEnum):
    """Why the last attempt of a delivery failed, or why it was given up without one."""

    NAME_NOT_FOUND = "name_not_found"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    CONNECTION_FAILED = "connection_failed"
    TLS_FAILED = "tls_failed"
    TIMED_OUT = "timed_out"
    INVALID_RESPONSE = "invalid_response"
    REDIRECTED = "redirected"
    HTTP_ERROR = "http_error"
    GONE = "gone"
    INTERRUPTED = "interrupted"
    SECRET_UNREADABLE = "secret_unreadable"  # noqa: S105 - a code, no secret
    ENDPOINT_DISABLED = "endpoint_disabled"


class DeliveryAttempt(NamedTuple):
    """How one request ended. Without an error it was accepted."""

    error: DeliveryError | None
    response_status: int | None = None
    response_excerpt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery:
    id: WebhookDeliveryId
    user_id: UserId
    endpoint_id: WebhookEndpointId
    topic: WebhookTopic
    payload: str
    created_at: datetime
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: int = 0
    """All that were begun: counted before the request, so that it also shows whether another worker has taken over."""
    recent_attempts: int = 0
    """Those since the event, or since the user asked for the delivery to be repeated."""
    first_attempt_at: datetime | None = None
    """Of the recent ones."""
    last_attempt_at: datetime | None = None
    next_attempt_at: datetime | None = None
    """None once it is delivered or given up."""
    error: DeliveryError | None = None
    response_status: int | None = None
    response_excerpt: str | None = None

    def can_begin(self, attempt: int) -> bool:
        """Return whether a job that is to make the attempt after so many may begin.

        One that was begun and never ended is begun again; a job that comes late or twice finds nothing to do.
        """
        if self.status is DeliveryStatus.SENDING:
            return attempt in {self.attempts, self.attempts - 1}
        return self.status is DeliveryStatus.PENDING and attempt == self.attempts

    def begin(self, now: datetime) -> Self:
        return replace(
            self,
            status=DeliveryStatus.SENDING,
            attempts=self.attempts + 1,
            recent_attempts=self.recent_attempts + 1,
            first_attempt_at=self.first_attempt_at or now,
            last_attempt_at=now,
        )

    def succeed(self, attempt: DeliveryAttempt) -> Self:
        return replace(self._record(attempt), status=DeliveryStatus.DELIVERED, next_attempt_at=None)

    def fail(self, attempt: DeliveryAttempt, now: datetime, jitter: float) -> Self:
        """Plan the next attempt, or give up. `jitter` is in [0, 1)."""
        failed = self._record(attempt)
        is_last = self.topic is WebhookTopic.TEST or self.recent_attempts >= MAX_ATTEMPTS
        if is_last or attempt.error is DeliveryError.GONE:
            return replace(failed, status=DeliveryStatus.FAILED, next_attempt_at=None)
        at = now + retry_delay(self.recent_attempts, jitter)
        return replace(failed, status=DeliveryStatus.PENDING, next_attempt_at=at)

    def give_up(self, error: DeliveryError) -> Self:
        return replace(self, status=DeliveryStatus.FAILED, error=error, next_attempt_at=None)

    def redeliver(self, now: datetime) -> Self:
        """Attempt it now, with all retries before it again. One that is being sent stays as it is."""
        if self.status is DeliveryStatus.SENDING:
            return self
        return replace(
            self,
            status=DeliveryStatus.PENDING,
            recent_attempts=0,
            first_attempt_at=None,
            next_attempt_at=now,
        )

    def _record(self, attempt: DeliveryAttempt) -> Self:
        return replace(
            self,
            error=attempt.error,
            response_status=attempt.response_status,
            response_excerpt=attempt.response_excerpt,
        )


def retry_delay(attempts: int, jitter: float) -> timedelta:
    """Return the pause after so many failed attempts, a tenth longer or shorter."""
    factor: int = _DELAY_FACTOR ** (min(attempts, MAX_ATTEMPTS) - 1)
    return min(MIN_DELAY * factor, MAX_DELAY) * (0.9 + 0.2 * jitter)
