"""Attempts of deliveries to a real HTTP server: what arrives, what is retried, and what ends."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import pytest
from standardwebhooks import Webhook

from astrelo.domain.errors import InvalidTransition, SecretUnreadable
from astrelo.domain.identifiers import WebhookDeliveryId, WebhookEndpointId
from astrelo.domain.ports.webhook_endpoints import WebhookTransport
from astrelo.domain.webhook_endpoints.deliveries import (
    MAX_ATTEMPTS,
    DeliveryAttempt,
    DeliveryError,
    DeliveryStatus,
    WebhookDelivery,
)
from astrelo.domain.webhook_endpoints.endpoints import SECRET_OVERLAP, DisabledReason
from astrelo.domain.webhook_endpoints.events import WebhookTopic
from tests.support.harness.locks import wait_for_blocked_sessions
from tests.support.harness.webhook_endpoints import WebhookHarness, webhook_harness
from tests.support.secret_watch import Secrets
from tests.support.webhook_receiver import Receiver, respond_with, webhook_receiver

pytestmark = pytest.mark.anyio

PENDING, DELIVERED, FAILED = DeliveryStatus.PENDING, DeliveryStatus.DELIVERED, DeliveryStatus.FAILED


@pytest.fixture
async def world(database: str) -> AsyncIterator[WebhookHarness]:
    async with webhook_harness(database) as made:
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with webhook_receiver() as opened:
        yield opened


async def exhaust(
    world: WebhookHarness, endpoint_id: WebhookEndpointId, delivery_id: WebhookDeliveryId
) -> timedelta:
    """Make attempts until none is left; return how long that took by the clock."""
    began = world.clock.now()
    while (delivery := await world.delivery(endpoint_id, delivery_id)).status is PENDING:
        assert delivery.next_attempt_at is not None
        world.clock.advance(max(0.0, (delivery.next_attempt_at - world.clock.now()).total_seconds()))
        await world.attempt(endpoint_id, delivery_id)
    return world.clock.now() - began


async def test_an_event_arrives_signed_and_is_delivered(
    world: WebhookHarness, receiver: Receiver, secrets: Secrets
) -> None:
    endpoint_id, secret = await world.add(receiver.url)
    secrets.register(secret)
    delivery_id = await world.publish(endpoint_id, run_id="7")
    await world.attempt(endpoint_id, delivery_id)
    (request,) = receiver.received
    event = Webhook(secret).verify(request.body, request.headers)
    assert (event["type"], event["data"]) == ("sync.completed", {"run_id": "7"})
    assert request.headers["webhook-id"] == str(delivery_id)
    delivery = await world.delivery(endpoint_id, delivery_id)
    assert (delivery.status, delivery.attempts, delivery.response_status) == (DELIVERED, 1, 204)
    assert delivery.next_attempt_at is None
    assert json.loads(delivery.payload) == event
    assert (await world.endpoint(endpoint_id)).last_success_at == world.clock.now()


async def test_what_failed_is_repeated_with_the_same_id_and_payload(
    world: WebhookHarness, receiver: Receiver
) -> None:
    receiver.responses = [respond_with(500, b"<h1>Oops</h1>"), respond_with(200)]
    endpoint_id, _ = await world.add(receiver.url)
    delivery_id = await world.publish(endpoint_id)
    await world.attempt(endpoint_id, delivery_id)
    failed = await world.delivery(endpoint_id, delivery_id)
    assert (failed.status, failed.error, failed.response_status) == (PENDING, DeliveryError.HTTP_ERROR, 500)
    assert failed.response_excerpt == "<h1>Oops</h1>"
    assert failed.reason is not None
    *_, (waiting, attempt, delay) = await world.jobs()
    assert (waiting, attempt) == (delivery_id, 1)
    assert timedelta(seconds=15) < delay < timedelta(seconds=25)
    await world.attempt(endpoint_id, delivery_id)
    first, second = receiver.received
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    delivered = await world.delivery(endpoint_id, delivery_id)
    assert (delivered.status, delivered.attempts, delivered.error) == (DELIVERED, 2, None)


async def test_after_a_day_the_delivery_fails_and_the_endpoint_is_disabled(
    world: WebhookHarness, receiver: Receiver
) -> None:
    receiver.responses = [respond_with(503)]
    endpoint_id, _ = await world.add(receiver.url)
    delivery_id = await world.publish(endpoint_id)
    later_one = await world.publish(endpoint_id)
    took = await exhaust(world, endpoint_id, delivery_id)
    assert timedelta(hours=21) < took < timedelta(hours=27)
    assert len(receiver.received) == MAX_ATTEMPTS
    endpoint = await world.endpoint(endpoint_id)
    assert (endpoint.enabled, endpoint.disabled_reason) == (False, DisabledReason.FAILING)
    assert endpoint.reason is not None
    assert endpoint.action is not None
    assert (await world.delivery(endpoint_id, delivery_id)).status is FAILED
    other = await world.delivery(endpoint_id, later_one)
    assert (other.status, other.error) == (FAILED, DeliveryError.ENDPOINT_DISABLED)


async def test_an_endpoint_that_takes_other_events_stays_enabled(
    world: WebhookHarness, receiver: Receiver
) -> None:
    receiver.responses = [respond_with(422), respond_with(200), respond_with(422)]
    endpoint_id, _ = await world.add(receiver.url)
    refused, taken = await world.publish(endpoint_id), await world.publish(endpoint_id)
    for delivery_id in (refused, taken):
        await world.attempt(endpoint_id, delivery_id)
    await exhaust(world, endpoint_id, refused)
    assert (await world.delivery(endpoint_id, refused)).status is FAILED
    assert (await world.endpoint(endpoint_id)).enabled


async def test_410_disables_at_once_and_enabling_begins_anew(
    world: WebhookHarness, receiver: Receiver
) -> None:
    receiver.responses = [respond_with(410), respond_with(200)]
    endpoint_id, _ = await world.add(receiver.url)
    delivery_id = await world.publish(endpoint_id)
    await world.attempt(endpoint_id, delivery_id)
    assert (await world.delivery(endpoint_id, delivery_id)).error is DeliveryError.GONE
    assert (await world.endpoint(endpoint_id)).disabled_reason is DisabledReason.GONE
    with pytest.raises(InvalidTransition):
        await world.manage.redeliver(world.user_id, endpoint_id, delivery_id)
    with pytest.raises(InvalidTransition):
        await world.manage.send_test(world.user_id, endpoint_id)
    await world.manage.change(world.user_id, endpoint_id, enabled=True)
    await world.manage.redeliver(world.user_id, endpoint_id, delivery_id)
    await world.attempt(endpoint_id, delivery_id)
    assert (await world.delivery(endpoint_id, delivery_id)).status is DELIVERED


async def test_a_redelivery_has_the_same_id_and_all_retries_again(
    world: WebhookHarness, receiver: Receiver
) -> None:
    endpoint_id, _ = await world.add(receiver.url)
    delivery_id = await world.publish(endpoint_id)
    await world.attempt(endpoint_id, delivery_id)
    receiver.responses = [respond_with(500)]
    await world.manage.redeliver(world.user_id, endpoint_id, delivery_id)
    await world.attempt(endpoint_id, delivery_id)
    again = await world.delivery(endpoint_id, delivery_id)
    assert (again.status, again.attempts) == (PENDING, 2)
    assert again.next_attempt_at is not None
    assert again.next_attempt_at - world.clock.now() < timedelta(seconds=25)
    assert {request.headers["webhook-id"] for request in receiver.received} == {str(delivery_id)}


async def test_a_redelivery_of_one_that_waits_hastens_it(world: WebhookHarness, receiver: Receiver) -> None:
    receiver.responses = [respond_with(500)]
    endpoint_id, _ = await world.add(receiver.url)
    delivery_id = await world.publish(endpoint_id)
    await world.attempt(endpoint_id, delivery_id)
    await world.manage.redeliver(world.user_id, endpoint_id, delivery_id)
    delays = {attempt: delay for _, attempt, delay in await world.jobs()}
    assert delays[1] <= timedelta()


async def test_a_test_event_is_attempted_once_and_one_waits_at_most(
    world: WebhookHarness, receiver: Receiver
) -> None:
    receiver.responses = [respond_with(500)]
    endpoint_id, _ = await world.add(receiver.url)
    first = await world.manage.send_test(world.user_id, endpoint_id)
    assert await world.manage.send_test(world.user_id, endpoint_id) == first
    await world.attempt(endpoint_id, first)
    assert (await world.delivery(endpoint_id, first)).status is FAILED
    assert (await world.endpoint(endpoint_id)).enabled
    assert json.loads(receiver.received[0].body)["type"] == "webhook_endpoint.test"


async def test_for_a_day_after_a_rotation_both_secrets_sign(
    world: WebhookHarness, receiver: Receiver, secrets: Secrets
) -> None:
    endpoint_id, former = await world.add(receiver.url)
    _, current = await world.manage.rotate_secret(world.user_id, endpoint_id)
    secrets.register(former, current)
    assert current != former
    await world.attempt(endpoint_id, await world.publish(endpoint_id))
    world.clock.advance(SECRET_OVERLAP.total_seconds())
    await world.attempt(endpoint_id, await world.publish(endpoint_id))
    during, after = (request.headers["webhook-signature"].split(" ") for request in receiver.received)
    assert (len(during), len(after)) == (2, 1)
    request = receiver.received[0]
    for secret in (former, current):
        Webhook(secret).verify(request.body, request.headers)


async def test_secrets_are_encrypted_and_open_only_in_their_own_endpoint(
    world: WebhookHarness, receiver: Receiver
) -> None:
    (one, secret), (other, _) = await world.add(receiver.url), await world.add(receiver.url)
    await world.manage.rotate_secret(world.user_id, one)
    rows = await world.pool.fetch("select * from webhook_endpoints")
    assert all(
        secret.encode() not in bytes(value)
        for row in rows
        for value in row.values()
        if isinstance(value, bytes)
    )
    await world.pool.execute(
        "update webhook_endpoints set secret = (select secret from webhook_endpoints where id = $1)"
        " where id = $2",
        one,
        other,
    )
    async with world.uow(world.user_id) as tx:
        with pytest.raises(SecretUnreadable):
            await tx.webhook_endpoints.get_secrets(other)
    delivery_id = await world.publish(other)
    await world.attempt(other, delivery_id)
    assert (await world.delivery(other, delivery_id)).error is DeliveryError.SECRET_UNREADABLE
    await world.manage.rotate_secret(world.user_id, other)
    await world.attempt(other, delivery_id)
    assert (await world.delivery(other, delivery_id)).status is DELIVERED


class Interrupting(WebhookTransport):
    """Does something while the request is under way, then lets it go on or breaks off."""

    def __init__(self, inner: WebhookTransport) -> None:
        self._inner = inner
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def send(
        self, url: str, secrets: Sequence[str], delivery: WebhookDelivery, at: datetime
    ) -> DeliveryAttempt:
        self.begun.set()
        await self.go_on.wait()
        return await self._inner.send(url, secrets, delivery, at)


async def test_an_attempt_whose_worker_died_is_made_again(world: WebhookHarness, receiver: Receiver) -> None:
    endpoint_id, _ = await world.add(receiver.url)
    delivery_id = await world.publish(endpoint_id)
    dying = Interrupting(world.transport)
    attempt = asyncio.create_task(world.deliver(dying)(world.user_id, endpoint_id, delivery_id, 0))
    await dying.begun.wait()
    attempt.cancel()
    await asyncio.gather(attempt, return_exceptions=True)
    assert (await world.delivery(endpoint_id, delivery_id)).status is DeliveryStatus.SENDING
    await world.deliver()(world.user_id, endpoint_id, delivery_id, 0)
    delivered = await world.delivery(endpoint_id, delivery_id)
    assert (delivered.status, delivered.attempts) == (DELIVERED, 2)


async def test_a_frozen_worker_writes_nothing_when_it_wakes_up(
    world: WebhookHarness, receiver: Receiver
) -> None:
    receiver.responses = [respond_with(200), respond_with(500)]
    endpoint_id, _ = await world.add(receiver.url)
    delivery_id = await world.publish(endpoint_id)
    frozen = Interrupting(world.transport)
    attempt = asyncio.create_task(world.deliver(frozen)(world.user_id, endpoint_id, delivery_id, 0))
    await frozen.begun.wait()
    await world.deliver()(world.user_id, endpoint_id, delivery_id, 0)
    frozen.go_on.set()
    await attempt
    assert len(receiver.received) == 2
    assert (await world.delivery(endpoint_id, delivery_id)).status is DELIVERED


async def test_a_job_that_comes_twice_or_too_late_sends_nothing(
    world: WebhookHarness, receiver: Receiver
) -> None:
    endpoint_id, _ = await world.add(receiver.url)
    delivery_id = await world.publish(endpoint_id)
    for attempt in (0, 0, 1):
        await world.deliver()(world.user_id, endpoint_id, delivery_id, attempt)
    assert len(receiver.received) == 1
    deleted = await world.publish(endpoint_id)
    await world.manage.delete(world.user_id, endpoint_id)
    await world.deliver()(world.user_id, endpoint_id, deleted, 0)
    assert len(receiver.received) == 1


async def test_a_delivery_that_kills_its_worker_each_time_is_given_up(
    world: WebhookHarness, receiver: Receiver
) -> None:
    endpoint_id, _ = await world.add(receiver.url)
    delivery_id = await world.publish(endpoint_id)
    await world.pool.execute(
        "update webhook_deliveries set status = 'sending', attempts = $1, recent_attempts = $1", MAX_ATTEMPTS
    )
    await world.attempt(endpoint_id, delivery_id)
    assert (await world.delivery(endpoint_id, delivery_id)).error is DeliveryError.INTERRUPTED
    assert receiver.received == []


async def test_changes_during_an_announcement_are_announced_again_and_once(
    world: WebhookHarness, receiver: Receiver
) -> None:
    endpoint_id, _ = await world.add(receiver.url, WebhookTopic.CHANGES_AVAILABLE)

    async def announce() -> WebhookDeliveryId:
        async with world.uow(world.user_id) as tx:
            await world.outbox.announce_changes(tx, world.user_id)
            found = await tx.webhook_deliveries.find_pending(endpoint_id, WebhookTopic.CHANGES_AVAILABLE)
            assert found is not None
            return found

    for status, left in ((200, 1), (500, 1)):
        receiver.responses = [respond_with(status)]
        delivery_id = await announce()
        under_way = Interrupting(world.transport)
        attempt = asyncio.create_task(world.deliver(under_way)(world.user_id, endpoint_id, delivery_id, 0))
        await under_way.begun.wait()
        assert await announce() != delivery_id
        under_way.go_on.set()
        await attempt
        pending = "select count(*) from webhook_deliveries where status = 'pending'"
        assert await world.pool.fetchval(pending) == left
        await world.pool.execute("delete from webhook_deliveries")


async def test_an_attempt_waits_for_a_writer_before_it_changes_what_waits_for_the_endpoint(
    world: WebhookHarness, receiver: Receiver
) -> None:
    """Both would else wait for each other: the writer's insert for the attempt, the attempt for the insert."""
    receiver.responses = [respond_with(500)]
    endpoint_id, _ = await world.add(receiver.url, WebhookTopic.CHANGES_AVAILABLE)
    delivery_id = await world.publish(endpoint_id, WebhookTopic.CHANGES_AVAILABLE)
    under_way = Interrupting(world.transport)
    attempt = asyncio.create_task(world.deliver(under_way)(world.user_id, endpoint_id, delivery_id, 0))
    await under_way.begun.wait()
    async with world.uow(world.user_id) as writer:
        await writer.webhook_endpoints.list_subscribers(WebhookTopic.CHANGES_AVAILABLE)
        under_way.go_on.set()
        await wait_for_blocked_sessions(world.pool, 1)
        await world.outbox.announce_changes(writer, world.user_id)
    await attempt
    (left,) = await world.reader.list_deliveries(world.user_id, endpoint_id, None, 10)
    assert (left.id, left.status, left.attempts) == (delivery_id, PENDING, 1)


async def test_a_disabled_endpoint_fails_what_waits_and_gets_what_comes_after_it_is_enabled(
    world: WebhookHarness, receiver: Receiver
) -> None:
    endpoint_id, _ = await world.add(receiver.url)
    missed = await world.publish(endpoint_id)
    await world.manage.change(world.user_id, endpoint_id, enabled=False)
    assert (await world.endpoint(endpoint_id)).disabled_reason is DisabledReason.BY_USER
    assert (await world.delivery(endpoint_id, missed)).error is DeliveryError.ENDPOINT_DISABLED
    await world.deliver()(world.user_id, endpoint_id, missed, 0)
    await world.manage.change(world.user_id, endpoint_id, enabled=True)
    await world.attempt(endpoint_id, await world.publish(endpoint_id))
    assert len(receiver.received) == 1


async def test_an_announcement_is_not_sent_before_the_changes_that_it_stands_for_can_be_read(
    world: WebhookHarness, receiver: Receiver
) -> None:
    endpoint_id, _ = await world.add(receiver.url, WebhookTopic.CHANGES_AVAILABLE)
    delivery_id = await world.publish(endpoint_id, WebhookTopic.CHANGES_AVAILABLE)
    async with world.uow(world.user_id) as writer:
        await world.outbox.announce_changes(writer, world.user_id)
        attempt = asyncio.create_task(world.deliver()(world.user_id, endpoint_id, delivery_id, 0))
        await wait_for_blocked_sessions(world.pool, 1)
        assert receiver.received == []
    await attempt
    assert len(receiver.received) == 1
