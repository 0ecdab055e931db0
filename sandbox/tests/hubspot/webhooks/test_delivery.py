import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx
import pytest

from crm_sandbox import Association, Dataset, SandboxTransport
from crm_sandbox.hubspot import (
    DEFAULT_CLIENT_SECRET,
    MutationScript,
    RecordChange,
    Sandbox,
    WebhookSettings,
    create_sandbox,
)
from crm_sandbox.hubspot.webhooks.delivery import signature
from tests.hubspot.builders import NOW

pytestmark = pytest.mark.anyio

TARGET = "http://receiver.test/api/webhooks/hubspot"


@dataclass
class Receiver:
    """Keeps what it is sent; answers with `statuses` first, with 204 then."""

    statuses: list[int] = field(default_factory=list)
    calls: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(request)
        return httpx.Response(self.statuses.pop(0) if self.statuses else 204)

    def batches(self) -> list[list[dict[str, Any]]]:
        return [json.loads(call.content) for call in self.calls]

    def events(self) -> list[dict[str, Any]]:
        return [event for batch in self.batches() for event in batch]

    def named(self, subscription: str) -> list[dict[str, Any]]:
        return [event for event in self.events() if event["subscriptionType"] == subscription]


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def sandbox(dataset: Dataset, receiver: Receiver) -> Sandbox:
    return create_sandbox_with(receiver, dataset)


def create_sandbox_with(receiver: Receiver, dataset: Dataset, **settings: Any) -> Sandbox:
    return create_sandbox(
        dataset,
        clock=lambda: NOW,
        webhooks=WebhookSettings(target_url=TARGET, **settings),
        webhook_transport=httpx.MockTransport(receiver),
    )


def test_the_signature_is_hubspots() -> None:
    body = b"{'example_field':'example_value'}"
    signed = signature(
        "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy", "https://www.example.com/webhook_uri", body, "1693657560000"
    )
    assert signed == "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="


async def test_a_delivery_is_signed_over_the_public_address(dataset: Dataset, receiver: Receiver) -> None:
    sandbox = create_sandbox_with(receiver, dataset, public_url="https://crm.example.com/hook")
    sandbox.account.archive("companies", "1")
    await sandbox.webhooks.flush()
    [call] = receiver.calls
    timestamp = call.headers["x-hubspot-request-timestamp"]
    assert (str(call.url), timestamp) == (TARGET, "1790000000000")
    expected = signature(DEFAULT_CLIENT_SECRET, "https://crm.example.com/hook", call.content, timestamp)
    assert call.headers["x-hubspot-signature-v3"] == expected


async def test_the_life_of_a_record_is_delivered(sandbox: Sandbox, receiver: Receiver) -> None:
    account = sandbox.account
    made = account.upsert(RecordChange(object_name="contacts", properties={"email": "a@b.com"}))
    account.upsert(RecordChange(object_name="contacts", id=made, properties={"email": "c@d.com"}))
    account.archive("contacts", made)
    account.restore("contacts", made)
    account.gdpr_delete(made)
    await sandbox.webhooks.flush()
    assert [event["subscriptionType"] for event in receiver.events()] == [
        "contact.creation",
        "contact.propertyChange",
        "contact.deletion",
        "contact.restore",
        "contact.privacyDeletion",
    ]
    assert {event["objectId"] for event in receiver.events()} == {int(made)}
    changed = receiver.events()[1]
    assert (changed["propertyName"], changed["propertyValue"]) == ("email", "c@d.com")
    assert (changed["portalId"], changed["occurredAt"]) == (account.portal_id, 1_790_000_000_000)


async def test_a_new_modified_date_alone_is_not_delivered(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.account.upsert(RecordChange(object_name="companies", id="1"))
    await sandbox.webhooks.flush()
    assert receiver.calls == []


async def test_a_merge_names_all_three_records(sandbox: Sandbox, receiver: Receiver) -> None:
    new_id = sandbox.account.merge("companies", "1", "2")
    await sandbox.webhooks.flush()
    [event] = receiver.events()
    assert event["subscriptionType"] == "company.merge"
    ids = (event["primaryObjectId"], event["mergedObjectIds"], event["newObjectId"])
    assert ids == (1, [2], int(new_id))


async def test_an_association_is_delivered_from_both_sides(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.account.associate("contacts", "1001", "companies", [Association(id="9", primary=True)])
    await sandbox.webhooks.flush()
    changes = {
        (event["fromObjectId"], event["toObjectId"], event["associationRemoved"])
        for event in receiver.named("contact.associationChange")
    }
    assert changes == {(1001, 1, True), (1001, 9, False)}
    assert {event["associationType"] for event in receiver.named("company.associationChange")} == {
        "COMPANY_TO_CONTACT"
    }


async def test_many_events_come_in_batches(dataset: Dataset, receiver: Receiver) -> None:
    sandbox = create_sandbox_with(receiver, dataset, batch_size=40)
    for number in range(1, 101):
        sandbox.account.archive("companies", str(number))
    await sandbox.webhooks.flush()
    assert [len(batch) for batch in receiver.batches()] == [40, 40, 20]


async def test_duplicates_repeat_an_event_id_and_disorder_loses_none(
    dataset: Dataset, receiver: Receiver
) -> None:
    sandbox = create_sandbox_with(receiver, dataset, duplicates=0.5, disorder=1, seed=4)
    for number in range(1, 201):
        sandbox.account.archive("companies", str(number))
    await sandbox.webhooks.flush()
    ids = [event["objectId"] for event in receiver.events()]
    assert set(ids) == set(range(1, 201))
    assert 260 < len(ids) < 340
    assert ids != sorted(ids)
    assert max(Counter(event["eventId"] for event in receiver.events()).values()) == 2


async def test_a_refused_batch_is_tried_again_and_given_up_in_the_end(dataset: Dataset) -> None:
    receiver = Receiver(statuses=[500, 302, 404, 500])
    sandbox = create_sandbox_with(receiver, dataset, retry_seconds=(1, 1, 1))
    sandbox.account.archive("companies", "1")
    for _ in range(5):
        await sandbox.webhooks.flush()
    assert [event["attemptNumber"] for event in receiver.events()] == [0, 1, 2, 3]
    counts = sandbox.webhooks.counts
    assert (counts.received, counts.delivered, counts.given_up, counts.failed_attempts) == (1, 0, 1, 4)


async def test_a_batch_is_tried_again_when_its_time_has_come(dataset: Dataset) -> None:
    receiver = Receiver(statuses=[500])
    sandbox = create_sandbox_with(receiver, dataset, retry_seconds=(0,))
    sandbox.account.archive("companies", "1")
    sandbox.webhooks.wake()
    with anyio.fail_after(5):
        while sandbox.webhooks.counts.delivered == 0:
            await anyio.lowlevel.checkpoint()
    assert [event["attemptNumber"] for event in receiver.events()] == [0, 1]


async def test_an_administrators_change_is_delivered_without_more_ado(
    http: httpx.AsyncClient, receiver: Receiver
) -> None:
    await http.post("/_sandbox/archive", json={"object": "companies", "ids": ["1"]})
    with anyio.fail_after(5):
        while not receiver.calls:
            await anyio.lowlevel.checkpoint()


async def test_paused_events_wait_until_they_are_flushed(http: httpx.AsyncClient, receiver: Receiver) -> None:
    assert (await http.post("/_sandbox/webhooks", json={"paused": True})).json()["settings"]["paused"]
    await http.post("/_sandbox/archive", json={"object": "companies", "ids": ["1", "2"]})
    assert (await http.get("/_sandbox/webhooks")).json()["waiting"] == 2
    assert receiver.calls == []
    body = (await http.post("/_sandbox/webhooks/flush")).json()
    assert (body["waiting"], body["delivered"]) == (0, 2)
    await http.post("/_sandbox/archive", json={"object": "companies", "ids": ["3"]})
    assert (await http.request("DELETE", "/_sandbox/webhooks")).json()["waiting"] == 0


async def test_a_wrong_setting_is_refused(http: httpx.AsyncClient) -> None:
    for wrong in ({"batch_size": 101}, {"duplicates": 2}, {"target": "x"}):
        assert (await http.post("/_sandbox/webhooks", json=wrong)).status_code == 400


async def test_a_receiver_that_cannot_be_reached_is_a_failed_attempt(dataset: Dataset) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    sandbox = create_sandbox(
        dataset,
        webhooks=WebhookSettings(target_url=TARGET),
        webhook_transport=httpx.MockTransport(refuse),
    )
    sandbox.account.archive("companies", "1")
    await sandbox.webhooks.flush()
    assert sandbox.webhooks.counts.failed_attempts == 1


async def test_a_receiver_that_takes_too_long_is_a_failed_attempt(dataset: Dataset) -> None:
    async def hang(_request: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        raise AssertionError

    sandbox = create_sandbox(
        dataset,
        webhooks=WebhookSettings(target_url=TARGET, timeout_seconds=0.01),
        webhook_transport=httpx.MockTransport(hang),
    )
    sandbox.account.archive("companies", "1")
    await sandbox.webhooks.flush()
    assert sandbox.webhooks.counts.failed_attempts == 1
    assert sandbox.webhooks.status()["waiting"] == 1


async def test_every_mutation_can_be_delivered(receiver: Receiver) -> None:
    sandbox = create_sandbox_with(receiver, Dataset.generate(40))
    MutationScript(2).run(sandbox.account, 300)
    await sandbox.webhooks.flush()
    kinds = {event["subscriptionType"].partition(".")[2] for event in receiver.events()}
    assert kinds == {
        "creation", "deletion", "restore", "merge", "propertyChange", "associationChange", "privacyDeletion",
    }  # fmt: skip


async def test_without_a_target_nothing_is_kept(dataset: Dataset) -> None:
    sandbox = create_sandbox(dataset)
    sandbox.account.archive("companies", "1")
    assert sandbox.webhooks.status()["waiting"] == 0
    async with httpx.AsyncClient(transport=SandboxTransport(sandbox), base_url="http://crm.test") as http:
        assert (await http.post("/_sandbox/webhooks/flush")).status_code == 200
