"""The outbox is the truth and the queue a reminder: lost jobs come back, and old deliveries go."""

from collections.abc import AsyncIterator

import pytest

from astrelo.domain.webhook_endpoints.deliveries import DELIVERY_RETENTION
from tests.support.harness.webhook_endpoints import WebhookHarness, webhook_harness
from tests.support.webhook_receiver import respond_with, webhook_receiver

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(database: str) -> AsyncIterator[WebhookHarness]:
    async with webhook_harness(database) as made:
        yield made


async def lose_jobs(world: WebhookHarness) -> None:
    await world.pool.execute("delete from pgqueuer")
    await world.pool.execute(
        "update webhook_deliveries set next_attempt_at = now() - interval '1 s' where next_attempt_at is not null"
    )


async def test_a_delivery_whose_job_is_gone_is_asked_for_again_and_once(world: WebhookHarness) -> None:
    async with webhook_receiver(respond_with(500), respond_with(200)) as receiver:
        endpoint_id, _ = await world.add(receiver.url)
        delivery_id = await world.publish(endpoint_id)
        assert await world.lost.requeue() == 0
        await lose_jobs(world)
        assert (await world.lost.requeue(), await world.lost.requeue()) == (1, 0)
        await world.attempt(endpoint_id, delivery_id)
        await lose_jobs(world)
        assert await world.lost.requeue() == 1
        ((_, attempt, _),) = await world.jobs()
        assert attempt == 1
        await world.attempt(endpoint_id, delivery_id)
        await lose_jobs(world)
        assert await world.lost.requeue() == 0


async def test_an_attempt_that_was_begun_and_lost_is_asked_for_again(world: WebhookHarness) -> None:
    async with webhook_receiver() as receiver:
        endpoint_id, _ = await world.add(receiver.url)
        delivery_id = await world.publish(endpoint_id)
        await world.pool.execute(
            "update webhook_deliveries set status = 'sending', attempts = 1, recent_attempts = 1"
        )
        await lose_jobs(world)
        assert await world.lost.requeue() == 1
        ((_, attempt, _),) = await world.jobs()
        await world.deliver()(world.user_id, endpoint_id, delivery_id, attempt)
        assert len(receiver.received) == 1


async def test_a_retry_whose_time_has_not_come_is_left_alone(world: WebhookHarness) -> None:
    async with webhook_receiver(respond_with(500)) as receiver:
        endpoint_id, _ = await world.add(receiver.url)
        await world.attempt(endpoint_id, await world.publish(endpoint_id))
        await world.pool.execute("delete from pgqueuer")
        assert await world.lost.requeue() == 0


async def test_what_ended_long_ago_is_forgotten_and_what_waits_is_not(world: WebhookHarness) -> None:
    async with webhook_receiver() as receiver:
        endpoint_id, _ = await world.add(receiver.url)
        ended = [await world.publish(endpoint_id) for _ in range(2)]
        for delivery_id in ended:
            await world.attempt(endpoint_id, delivery_id)
        waiting = await world.publish(endpoint_id)
        assert await world.lost.prune() == 0
        await world.pool.execute(
            "update webhook_deliveries set created_at = now() - $1::interval - interval '1 minute' where id <> $2",
            DELIVERY_RETENTION,
            ended[1],
        )
        assert await world.lost.prune() == 1
    left = await world.reader.list_deliveries(world.user_id, endpoint_id, None, 10)
    assert [delivery.id for delivery in left] == [waiting, ended[1]]
