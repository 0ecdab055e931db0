"""HubSpot's webhook calls at the API: what is stored, which run they start, and what is refused."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from astrelo.adapters.inbound.http.webhooks import routes
from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.application.sync import webhooks as receive_webhook
from astrelo.bootstrap.system import SystemClock
from tests.support.harness.api import HUBSPOT_SECRET, PUBLIC_URL, ApiHarness, api_harness

PATH = "/api/webhooks/hubspot"


def event(kind: str, object_id: int, portal_id: int = 4711, **fields: Any) -> dict[str, Any]:
    return {"portalId": portal_id, "subscriptionType": kind, "objectId": object_id, "occurredAt": 1} | fields


def signature(body: bytes, timestamp: str, path: str = PATH) -> str:
    message = f"POST{PUBLIC_URL}{path}".encode() + body + timestamp.encode()
    return base64.b64encode(hmac.digest(HUBSPOT_SECRET.encode(), message, hashlib.sha256)).decode()


async def call(
    made: ApiHarness, *events: object, path: str = PATH, signed_path: str | None = None
) -> httpx.Response:
    body = json.dumps(events).encode()
    timestamp = str(int(SystemClock().now().timestamp() * 1000))
    headers = {
        "X-HubSpot-Signature-v3": signature(body, timestamp, signed_path or path),
        "X-HubSpot-Request-Timestamp": timestamp,
        "Content-Type": "application/json",
    }
    return await made.client.post(f"{PUBLIC_URL}{path}", content=body, headers=headers)


async def pending_refetches(made: ApiHarness, connection_id: UUID) -> set[tuple[str, str]]:
    rows = await made.pool.fetch(
        "select object_type, record_id from pending_refetches where connection_id = $1", connection_id
    )
    return {(row["object_type"], row["record_id"]) for row in rows}


async def runs(made: ApiHarness, connection_id: UUID) -> list[Mapping[str, str]]:
    rows: list[Mapping[str, str]] = await made.pool.fetch(
        "select mode, status from sync_runs where connection_id = $1 order by requested_at", connection_id
    )
    return rows


def test_a_call_is_kept_and_starts_one_run_whatever_comes_after(database: str) -> None:
    async def scenario() -> None:
        async with api_harness(database) as made:
            connection_id = await made.connection()
            for _ in range(3):
                response = await call(made, event("contact.propertyChange", 7), event("deal.deletion", 8))
                assert (response.status_code, response.content) == (204, b"")
            answers = await asyncio.gather(
                *(call(made, event("company.creation", number)) for number in range(1, 21))
            )
            assert {response.status_code for response in answers} == {204}
            assert await pending_refetches(made, connection_id) == {
                ("contacts", "7"),
                ("deals", "8"),
                *(("companies", str(number)) for number in range(1, 21)),
            }
            assert [(run["mode"], run["status"]) for run in await runs(made, connection_id)] == [
                ("refetch", "queued")
            ]

    asyncio.run(scenario())


def test_every_user_who_connected_the_account_is_served_and_nobody_else(database: str) -> None:
    async def scenario() -> None:
        async with api_harness(database) as made:
            ours = await made.connection()
            theirs = await made.connection(user_id=made.neighbour_id)
            other = await made.connection(user_id=uuid4(), account_id="4712")
            gone = await made.connection(user_id=uuid4(), status="disconnected")
            await call(made, event("contact.creation", 7), event("contact.creation", 9, portal_id=1))
            assert (
                await pending_refetches(made, ours)
                == await pending_refetches(made, theirs)
                == {("contacts", "7")}
            )
            assert await pending_refetches(made, other) == await pending_refetches(made, gone) == set()
            assert not await runs(made, gone)

    asyncio.run(scenario())


def test_an_open_run_is_left_to_do_the_refetches_itself(database: str) -> None:
    async def scenario() -> None:
        async with api_harness(database) as made:
            connection_id = await made.connection()
            await made.run(connection_id, status="running")
            await call(made, event("contact.creation", 7))
            assert await pending_refetches(made, connection_id) == {("contacts", "7")}
            assert [run["status"] for run in await runs(made, connection_id)] == ["running"]

    asyncio.run(scenario())


def test_calls_after_a_failed_run_wait_for_the_schedule(database: str) -> None:
    async def scenario() -> None:
        async with api_harness(database) as made:
            connection_id = await made.connection()
            await made.run(connection_id, status="failed")
            await call(made, event("contact.creation", 7))
            assert await pending_refetches(made, connection_id) == {("contacts", "7")}
            assert [run["status"] for run in await runs(made, connection_id)] == ["failed"]

    asyncio.run(scenario())


def test_a_call_that_names_nothing_of_ours_is_taken_and_starts_nothing(database: str) -> None:
    async def scenario() -> None:
        async with api_harness(database) as made:
            connection_id = await made.connection()
            response = await call(made, event("ticket.creation", 7), {"what": "is this"})
            assert response.status_code == 204
            assert not await pending_refetches(made, connection_id)
            assert not await runs(made, connection_id)

    asyncio.run(scenario())


@asynccontextmanager
async def run_that_ends(database: str, made: ApiHarness) -> AsyncIterator[asyncpg.Connection]:
    """Hold what a run holds while it decides every link of a big account."""
    session = await asyncpg.connect(database)
    try:
        async with session.transaction():
            await Queries(session).execute("lock_connection", user_id=made.user_id, provider="hubspot")
            yield session
    finally:
        await session.close()


async def wait_for_a_waiter(session: asyncpg.Connection) -> None:
    waiting = "select exists (select from pg_locks where locktype = 'advisory' and not granted)"
    while not await session.fetchval(waiting):  # noqa: ASYNC110 - what is waited for happens in the database
        await asyncio.sleep(0.01)


def test_calls_that_wait_for_a_run_to_end_leave_connections_for_everybody_else(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive_webhook, "WEBHOOK_TIMEOUT", timedelta(minutes=1))

    async def scenario() -> None:
        async with api_harness(database) as made:
            connection_id = await made.connection()
            async with run_that_ends(database, made) as session:
                calls = [
                    asyncio.create_task(call(made, event("contact.creation", number))) for number in range(30)
                ]
                await wait_for_a_waiter(session)
                async with asyncio.timeout(20):
                    response = await made.get("/api/companies", made.neighbour_id)
                assert response.status_code == 200
            assert {response.status_code for response in await asyncio.gather(*calls)} == {204}
            assert len(await pending_refetches(made, connection_id)) == 30

    asyncio.run(scenario())


def test_a_call_that_waits_too_long_is_to_be_sent_again(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive_webhook, "WEBHOOK_TIMEOUT", timedelta(seconds=0.05))

    async def scenario() -> None:
        async with api_harness(database) as made:
            connection_id = await made.connection()
            async with run_that_ends(database, made):
                response = await call(made, event("contact.creation", 7))
                assert (response.status_code, response.json()["code"]) == (503, "store_unavailable")
                assert response.headers["retry-after"]
            monkeypatch.undo()
            assert (await call(made, event("contact.creation", 7))).status_code == 204
            assert await pending_refetches(made, connection_id) == {("contacts", "7")}

    asyncio.run(scenario())


TARGETS = {
    "a query": f"{PATH}?from=hubspot",
    "a query with escapes": f"{PATH}?to=a%2Fb%20c&%C3%BC=%2f",
    "a slash at the end": f"{PATH}/",
    "a slash at the end, and a query": f"{PATH}/?a=b",
    "slashes twice": "//api//webhooks/hubspot//",
    "an escaped slash": "/api/webhooks%2Fhubspot",
    "an escaped letter": "/api/webhooks/%68ubspot",
}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_the_target_is_signed_as_it_was_called(database: str, target: str) -> None:
    async def scenario() -> None:
        async with api_harness(database) as made:
            connection_id = await made.connection()
            response = await call(made, event("contact.creation", 7), path=target)
            assert response.status_code == 204, response.text
            assert await pending_refetches(made, connection_id) == {("contacts", "7")}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "signed_path", [f"{PATH}/", "/api/webhooks/salesforce", f"{PATH}?a=b", "/api/webhooks%2Fhubspot"]
)
def test_a_call_that_was_signed_for_another_target_is_refused(database: str, signed_path: str) -> None:
    async def scenario() -> None:
        async with api_harness(database) as made:
            response = await call(made, event("contact.creation", 7), signed_path=signed_path)
            assert (response.status_code, response.json()["code"]) == (403, "webhook_rejected")

    asyncio.run(scenario())


def test_a_call_that_is_not_hubspot_s_is_a_problem_and_changes_nothing(database: str) -> None:
    async def scenario() -> None:
        async with api_harness(database) as made:
            connection_id = await made.connection()
            body = json.dumps([event("contact.creation", 7)]).encode()
            for headers in ({}, {"X-HubSpot-Signature-v3": "made up", "X-HubSpot-Request-Timestamp": "1"}):
                response = await made.client.post(PATH, content=body, headers=headers)
                assert (response.status_code, response.json()["code"]) == (403, "webhook_rejected")
                assert HUBSPOT_SECRET not in response.text
            assert not await pending_refetches(made, connection_id)

    asyncio.run(scenario())


def signed_headers(body: bytes) -> dict[str, str]:
    timestamp = str(int(SystemClock().now().timestamp() * 1000))
    return {
        "X-HubSpot-Signature-v3": signature(body, timestamp),
        "X-HubSpot-Request-Timestamp": timestamp,
    }


def test_a_body_above_a_megabyte_is_refused_unread(database: str) -> None:
    async def scenario() -> None:
        async with api_harness(database) as made:
            body = b" " * 1_000_001
            response = await made.client.post(PATH, content=body, headers=signed_headers(body))
            assert (response.status_code, response.json()["code"]) == (413, "body_too_large")

    asyncio.run(scenario())


async def endless_body() -> AsyncIterator[bytes]:
    yield b"["
    await asyncio.Event().wait()


@pytest.mark.parametrize("spoilt", ["X-HubSpot-Signature-v3", "X-HubSpot-Request-Timestamp"])
@pytest.mark.parametrize("value", [None, "", "1"])
def test_a_call_is_refused_by_its_headers_before_its_body_is_read(
    database: str, spoilt: str, value: str | None
) -> None:
    headers = signed_headers(b"[]")
    del headers[spoilt]

    async def scenario() -> None:
        async with api_harness(database) as made, asyncio.timeout(3):
            sent = headers | ({} if value is None else {spoilt: value})
            response = await made.client.post(PATH, content=endless_body(), headers=sent)
            assert (response.status_code, response.json()["code"]) == (403, "webhook_rejected")

    asyncio.run(scenario())


def test_a_call_of_a_crm_without_webhooks_is_refused_before_its_body_is_read(database: str) -> None:
    async def scenario() -> None:
        async with api_harness(database) as made, asyncio.timeout(3):
            response = await made.client.post("/api/webhooks/salesforce", content=endless_body())
            assert (response.status_code, response.json()["code"]) == (409, "provider_not_configured")

    asyncio.run(scenario())


def test_a_body_that_does_not_end_in_time_is_a_problem_and_ends_the_connection(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "BODY_TIMEOUT", timedelta(seconds=0.05))

    async def scenario() -> None:
        async with api_harness(database) as made:
            response = await made.client.post(PATH, content=endless_body(), headers=signed_headers(b"[]"))
            assert (response.status_code, response.json()["code"]) == (408, "request_timeout")
            assert response.headers["connection"] == "close"

    asyncio.run(scenario())
