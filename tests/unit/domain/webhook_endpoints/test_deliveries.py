from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import pytest

from astrelo.adapters.inbound.http.webhook_endpoints.routes import SubscribedTopic
from astrelo.domain.identifiers import UserId, WebhookDeliveryId, WebhookEndpointId
from astrelo.domain.webhook_endpoints.deliveries import (
    MAX_ATTEMPTS,
    MAX_DELAY,
    DeliveryAttempt,
    DeliveryError,
    DeliveryStatus,
    WebhookDelivery,
    retry_delay,
)
from astrelo.domain.webhook_endpoints.endpoints import WebhookSecrets
from astrelo.domain.webhook_endpoints.events import WebhookTopic

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
DELIVERY = WebhookDelivery(
    id=WebhookDeliveryId(UUID(int=1)),
    user_id=UserId(UUID(int=2)),
    endpoint_id=WebhookEndpointId(UUID(int=3)),
    topic=WebhookTopic.SYNC_FAILED,
    payload="{}",
    created_at=NOW,
    next_attempt_at=NOW,
)


@pytest.mark.parametrize("jitter", [0.0, 0.5, 0.999])
def test_delays_grow_threefold_up_to_six_hours_and_take_about_a_day(jitter: float) -> None:
    delays = [retry_delay(attempts, jitter) for attempts in range(1, MAX_ATTEMPTS)]
    assert delays == sorted(delays)
    assert delays[0] < timedelta(seconds=23)
    assert delays[-1] <= MAX_DELAY * 1.1
    assert timedelta(hours=21) < sum(delays, timedelta()) < timedelta(hours=27)
    assert retry_delay(10_000, jitter) == delays[-1]


def test_an_attempt_is_begun_once_and_again_only_if_it_never_ended() -> None:
    assert DELIVERY.can_begin(0)
    assert not DELIVERY.can_begin(1)
    begun = DELIVERY.begin(NOW)
    assert [begun.can_begin(attempt) for attempt in (0, 1, 2)] == [True, True, False]
    failed = begun.fail(DeliveryAttempt(DeliveryError.TIMED_OUT), NOW, 0.5)
    assert [failed.can_begin(attempt) for attempt in (0, 1)] == [False, True]
    delivered = begun.succeed(DeliveryAttempt(None, 200, "ok"))
    assert not delivered.can_begin(1)


def test_a_redelivery_of_what_is_being_sent_changes_nothing() -> None:
    begun = DELIVERY.begin(NOW)
    assert begun.redeliver(NOW) == begun
    assert begun.give_up(DeliveryError.GONE).redeliver(NOW).status is DeliveryStatus.PENDING


def test_of_several_replaced_secrets_the_last_still_signs_for_a_day() -> None:
    rotated = WebhookSecrets(current="a").rotate("b", NOW).rotate("c", NOW)
    assert rotated.list_valid(NOW) == ("c", "b")
    assert rotated.list_valid(NOW + timedelta(hours=24)) == ("c",)
    assert "whsec_x" not in repr(WebhookSecrets(current="whsec_x", former="whsec_x"))


def test_the_api_takes_every_topic_but_the_one_of_test_events() -> None:
    assert set(get_args(SubscribedTopic)) == set(WebhookTopic) - {WebhookTopic.TEST}
