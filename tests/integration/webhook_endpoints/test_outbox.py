"""Events are written with their cause: a delivery and its job for each subscribed endpoint, or nothing at all."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from astrelo.application.connection_lifecycle import ConnectionChangedSubscribers
from astrelo.application.sync.run_lifecycle import RunEndedSubscribers
from astrelo.application.sync.schedule_syncs import CancelRun
from astrelo.application.webhook_endpoints.outbox import WebhookOutbox
from astrelo.domain.errors import CrmUnavailable, PermissionMissing, ReauthorizationRequired
from astrelo.domain.identifiers import ObjectType, Provider, UserId, WebhookEndpointId
from astrelo.domain.webhook_endpoints.endpoints import WebhookEndpoint, WebhookSecrets
from astrelo.domain.webhook_endpoints.events import ANNOUNCEMENT_DELAY, WebhookTopic
from tests.support.builders import company
from tests.support.harness.scenarios import Play
from tests.support.harness.sync import ScriptedCrm, SyncHarness
from tests.support.harness.webhook_endpoints import WebhookHarness, webhook_harness

COMPANIES, HUBSPOT = ObjectType.COMPANIES, Provider.HUBSPOT
URL = "https://hooks.example.com/"


async def subscribe(
    made: SyncHarness, *topics: WebhookTopic, user_id: UserId | None = None
) -> WebhookEndpointId:
    """Add an endpoint, and let the use cases write events."""
    outbox = WebhookOutbox(made.clock, made.randomness)
    made.run_ended = RunEndedSubscribers((outbox.on_run_ended,))
    made.connection_changed = ConnectionChangedSubscribers((outbox.on_connection_changed,))
    owner = user_id or made.user_id
    endpoint = WebhookEndpoint(
        id=WebhookEndpointId(uuid4()),
        user_id=owner,
        url=URL,
        topics=frozenset(topics),
        created_at=made.clock.now(),
    )
    async with made.uow(owner) as tx:
        await tx.webhook_endpoints.add(endpoint, WebhookSecrets(current="whsec_AAAA"))
    return endpoint.id


async def written(made: SyncHarness) -> list[dict[str, Any]]:
    rows = await made.pool.fetch("select payload from webhook_deliveries order by id")
    jobs = "select count(*) from pgqueuer where entrypoint = 'webhook' and status = 'queued'"
    assert await made.pool.fetchval(jobs) == len(rows)
    return [json.loads(row["payload"]) for row in rows]


def test_the_end_of_a_run_is_an_event_unless_the_user_has_cancelled_it(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1")]]})

    async def scenario(made: SyncHarness) -> None:
        await subscribe(made, WebhookTopic.SYNC_COMPLETED, WebhookTopic.SYNC_FAILED)
        run = await made.sync()
        crm.pages[COMPANIES] = [PermissionMissing(HUBSPOT, COMPANIES, ())]
        await made.sync()
        crm.pages[COMPANIES] = [CrmUnavailable(HUBSPOT, "a test")]
        await made.sync()
        cancelled = await made.request()
        await CancelRun(made.uow, made.lifecycle())(made.user_id, cancelled.id)
        events = await written(made)
        assert [(event["type"], event["data"]["status"]) for event in events] == [
            ("sync.completed", "completed"),
            ("sync.completed", "partial"),
            ("sync.failed", "failed"),
        ]
        assert events[0]["data"] == {
            "run_id": str(run.id),
            "connection_id": str(run.connection_id),
            "provider": "hubspot",
            "mode": "full",
            "status": "completed",
            "reason": None,
        }
        assert events[0]["timestamp"].endswith("Z")
        assert "HubSpot is not available" in events[2]["data"]["reason"]

    play(crm, scenario)


def test_lost_access_and_disconnecting_are_events_and_connecting_again_is_none(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [ReauthorizationRequired(HUBSPOT, "revoked")]})

    async def scenario(made: SyncHarness) -> None:
        await subscribe(
            made, WebhookTopic.CONNECTION_NEEDS_REAUTHORIZATION, WebhookTopic.CONNECTION_DISCONNECTED
        )
        await made.sync()
        await made.connect(HUBSPOT)
        for _ in range(2):
            await made.disconnect(HUBSPOT)
        events = await written(made)
        assert [event["type"] for event in events] == [
            "connection.needs_reauthorization",
            "connection.disconnected",
        ]
        assert events[0]["data"]["provider"] == "hubspot"
        assert events[0]["data"]["account_id"] == "1"
        assert "revoked" in events[0]["data"]["reason"]

    play(crm, scenario)


def test_only_enabled_endpoints_of_the_user_that_subscribe_get_an_event(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        subscribed = [await subscribe(made, WebhookTopic.SYNC_COMPLETED) for _ in range(2)]
        await subscribe(made, WebhookTopic.SYNC_FAILED)
        await subscribe(made, WebhookTopic.SYNC_COMPLETED, user_id=UserId(uuid4()))
        disabled = await subscribe(made, WebhookTopic.SYNC_COMPLETED)
        await made.pool.execute(
            "update webhook_endpoints set disabled_reason = 'by_user' where id = $1", disabled
        )
        await made.sync()
        rows = await made.pool.fetch("select endpoint_id, user_id from webhook_deliveries")
        assert {row["endpoint_id"] for row in rows} == set(subscribed)
        assert {row["user_id"] for row in rows} == {made.user_id}

    play(ScriptedCrm(), scenario)


def test_what_is_rolled_back_is_no_event(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        await subscribe(made, WebhookTopic.CONNECTION_DISCONNECTED)
        outbox = WebhookOutbox(made.clock, made.randomness)

        async def refuse(*_: object) -> None:
            raise RuntimeError("a test")

        made.connection_changed = ConnectionChangedSubscribers((outbox.on_connection_changed, refuse))
        with pytest.raises(RuntimeError):
            await made.disconnect(HUBSPOT)
        assert await written(made) == []

    play(ScriptedCrm(), scenario)


@pytest.fixture
async def world(database: str) -> AsyncIterator[WebhookHarness]:
    async with webhook_harness(database) as made:
        yield made


@pytest.mark.anyio
async def test_many_changes_are_announced_once_and_after_a_pause(world: WebhookHarness) -> None:
    endpoint_id, _ = await world.add(URL, WebhookTopic.CHANGES_AVAILABLE)
    await world.add(URL, WebhookTopic.SYNC_FAILED)
    for _ in range(5):
        async with world.uow(world.user_id) as tx:
            await world.outbox.announce_changes(tx, world.user_id)
    (delivery,) = await world.reader.list_deliveries(world.user_id, endpoint_id, None, 10)
    assert json.loads(delivery.payload) == {
        "type": "changes.available",
        "timestamp": delivery.created_at.isoformat().replace("+00:00", "Z"),
        "data": {},
    }
    ((_, _, delay),) = await world.jobs()
    assert delay.total_seconds() == pytest.approx(ANNOUNCEMENT_DELAY.total_seconds(), abs=2)


@pytest.mark.anyio
async def test_writers_that_announce_at_the_same_time_do_not_stop_each_other(world: WebhookHarness) -> None:
    endpoint_id, _ = await world.add(URL, WebhookTopic.CHANGES_AVAILABLE)

    async def write() -> None:
        async with world.uow(world.user_id) as tx:
            await world.outbox.announce_changes(tx, world.user_id)

    await asyncio.gather(*(write() for _ in range(20)))
    assert len(await world.reader.list_deliveries(world.user_id, endpoint_id, None, 10)) == 1
