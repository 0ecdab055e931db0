"""A request that is sent twice with one Idempotency-Key is carried out once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest

from astrelo.domain.ports.idempotency import ABANDONED_AFTER, KEPT
from tests.support.harness.api import ApiHarness, api_harness

pytestmark = pytest.mark.anyio

SYNC = "/api/integrations/hubspot/sync"


@pytest.fixture
async def api(database: str) -> AsyncIterator[ApiHarness]:
    async with api_harness(database) as opened:
        yield opened


async def post(api: ApiHarness, key: str, path: str = SYNC, **asked: str) -> httpx.Response:
    return await api.ask("POST", path, headers={"Idempotency-Key": key}, params=asked)


async def runs(api: ApiHarness) -> int:
    count: int = await api.pool.fetchval("select count(*) from sync_runs")
    return count


async def age(api: ApiHarness, by: timedelta) -> None:
    await api.pool.execute("update idempotency_keys set started_at = started_at - $1::interval", by)


async def test_a_repeated_request_gets_the_first_one_s_response(api: ApiHarness) -> None:
    await api.connection()
    first = await post(api, "k-1")
    assert (first.status_code, "idempotent-replayed" in first.headers) == (202, False)
    cancelled = await api.ask("POST", f"/api/integrations/hubspot/runs/{first.json()['id']}/cancel")
    assert cancelled.status_code == 200
    again = await post(api, "k-1")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["content-type"] == first.headers["content-type"]
    assert await runs(api) == 1
    assert (await post(api, "k-2")).json()["id"] != first.json()["id"]


async def test_a_refusal_is_repeated_too(api: ApiHarness) -> None:
    first = await post(api, "k")
    assert (first.status_code, first.json()["code"]) == (409, "not_connected")
    await api.connection()
    again = await post(api, "k")
    assert (again.status_code, again.json()) == (409, first.json())
    assert again.headers["content-type"] == "application/problem+json"
    assert (await post(api, "another")).status_code == 202


async def test_a_key_stands_for_one_request(api: ApiHarness) -> None:
    await api.connection()
    run = (await post(api, "k", mode="full")).json()["id"]
    for path, asked in (
        (SYNC, {"mode": "incremental"}),
        (SYNC, {}),
        (f"/api/integrations/hubspot/runs/{run}/cancel", {}),
    ):
        reused = await post(api, "k", path, **asked)
        assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
    assert await runs(api) == 1


async def test_a_key_is_the_user_s_own(api: ApiHarness) -> None:
    await api.connection()
    await api.connection(user_id=api.neighbour_id, account_id="4712")
    first = await post(api, "k")
    theirs = await api.ask("POST", SYNC, api.neighbour_id, headers={"Idempotency-Key": "k"})
    assert theirs.status_code == 202
    assert theirs.json()["id"] != first.json()["id"]


async def test_of_several_requests_at_once_one_is_carried_out(api: ApiHarness) -> None:
    await api.connection()
    responses = await asyncio.gather(*(post(api, "k") for _ in range(5)))
    refused = [response for response in responses if response.status_code == 409]
    assert {response.json()["code"] for response in refused} <= {"idempotency_key_in_use"}
    assert all(response.headers["retry-after"] == "1" for response in refused)
    assert len({response.json()["id"] for response in responses if response.status_code == 202}) == 1
    assert await runs(api) == 1


async def test_a_request_that_is_still_running_keeps_its_key_until_it_is_given_up(api: ApiHarness) -> None:
    await api.connection()
    await post(api, "k")
    await api.pool.execute("update idempotency_keys set status = null, body = null")
    running = await post(api, "k")
    assert (running.status_code, running.json()["code"]) == (409, "idempotency_key_in_use")
    await age(api, ABANDONED_AFTER)
    assert (await post(api, "k")).status_code == 202


async def test_a_key_is_forgotten_after_a_day(api: ApiHarness) -> None:
    await api.connection()
    await post(api, "k", mode="full")
    await post(api, "other")
    await age(api, KEPT)
    assert (await post(api, "k", mode="incremental")).status_code == 202
    assert await api.pool.fetchval("select array_agg(key) from idempotency_keys") == ["k"]


async def test_a_failure_of_ours_is_not_kept(api: ApiHarness) -> None:
    await api.connection()
    await api.pool.execute("alter table sync_runs rename to away")
    assert (await post(api, "k")).status_code == 500
    await api.pool.execute("alter table away rename to sync_runs")
    assert (await post(api, "k")).status_code == 202


@pytest.mark.parametrize("key", ["", "two words", "ä".encode(), "x" * 256])
async def test_a_key_that_is_none_is_refused(api: ApiHarness, key: str | bytes) -> None:
    headers = {b"Idempotency-Key": key if isinstance(key, bytes) else key.encode()}
    token = (await api.get("/api/companies")).request.headers["authorization"]
    response = await api.client.post(SYNC, headers=headers | {b"Authorization": token.encode()})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_input")
    assert [error["field"] for error in response.json()["errors"]] == ["Idempotency-Key"]


async def test_a_stranger_with_a_key_stays_a_stranger(api: ApiHarness) -> None:
    response = await api.client.post(SYNC, headers={"Idempotency-Key": str(uuid4())})
    assert response.status_code == 401
    assert await api.pool.fetchval("select count(*) from idempotency_keys") == 0
