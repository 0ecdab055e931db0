"""GET /api/events over a real server and a real database: what each of a user's tabs is sent."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import jwt
import pytest

from astrelo.adapters.inbound.http.session_tokens import issue_token
from astrelo.application.read.event_streams import MAX_STREAMS_PER_USER, EventStreams
from astrelo.bootstrap.system import SystemClock
from astrelo.domain.identifiers import ObjectType, Provider, UserId
from tests.support.builders import company
from tests.support.event_client import Sent, Tab, open_tab, serving
from tests.support.harness.api import JWT_SECRET, ApiHarness, api_harness
from tests.support.harness.sync import ScriptedCrm, SyncHarness, sync_harness
from tests.support.postgres import Databases

pytestmark = pytest.mark.anyio

COMPANIES, HUBSPOT = ObjectType.COMPANIES, Provider.HUBSPOT
NOTHING_SYNCED = [*["connection.changed"] * len(Provider), "changes.available"]
"""What a stream begins with that has nothing to resume from."""


@dataclass
class Served:
    """A user with a connected CRM, whose syncs run here, and the API that shows them."""

    url: str
    api: ApiHarness
    made: SyncHarness
    crm: ScriptedCrm

    @property
    def user_id(self) -> UserId:
        return self.made.user_id

    async def streams(self) -> EventStreams:
        return await self.api.container.get(EventStreams)


@pytest.fixture(scope="module")
def database(databases: Databases, template: str) -> Iterator[str]:
    """One for all tests: each has a user of its own."""
    with databases.create(template) as dsn:
        yield dsn


@pytest.fixture
async def served(database: str) -> AsyncIterator[Served]:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1", "acme.com")]]})
    async with sync_harness(database, crm) as made, api_harness(database) as api, serving(api) as url:
        yield Served(url, api, made, crm)


def types(events: list[Sent]) -> list[str]:
    return [event.type for event in events]


async def opened(tab: Tab) -> list[Sent]:
    """Return what a stream begins with."""
    return await tab.until("changes.available")


async def test_a_stream_begins_with_the_present_state(served: Served) -> None:
    await served.made.sync()
    async with open_tab(served.url, served.user_id) as tab:
        events = await tab.until("changes.available")
    assert tab.response.headers["content-type"].startswith("text/event-stream")
    assert tab.response.headers["cache-control"] == "no-cache, no-transform"
    assert tab.response.headers["x-accel-buffering"] == "no"
    assert tab.retry == 2000
    assert types(events) == ["connection.changed", "connection.changed", "run.ended", "changes.available"]
    hubspot, salesforce, run, available = (event.data for event in events)
    assert (hubspot["provider"], hubspot["status"]) == ("hubspot", "active")
    assert (salesforce["provider"], salesforce["status"]) == ("salesforce", "not_connected")
    assert run["status"] == "completed"
    assert run["steps"][0]["distinct"] == 1
    assert available == {}
    assert [event.id is None for event in events] == [True, True, True, False]


async def test_a_sync_reaches_every_tab_of_its_user_and_nobody_else(served: Served) -> None:
    stranger = UserId(uuid4())
    async with (
        open_tab(served.url, served.user_id) as first,
        open_tab(served.url, served.user_id) as second,
        open_tab(served.url, stranger) as other,
    ):
        for tab in (first, second, other):
            await opened(tab)
        await served.made.sync()
        sent = [await tab.until("run.ended") for tab in (first, second)]
        await served.made.disconnect(HUBSPOT)
        for tab in (first, second):
            await tab.until("connection.changed", status="disconnected")
        async with open_tab(served.url, stranger) as again:
            assert types(await opened(again)) == NOTHING_SYNCED
        (await served.streams()).end_all()
        assert await other.rest() == []
    assert sent[0] == sent[1]
    assert sent[0][-1].data["status"] == "completed"


async def test_a_run_is_followed_from_its_request_to_its_end(served: Served) -> None:
    async with open_tab(served.url, served.user_id) as tab:
        await opened(tab)
        run = await served.made.request()
        requested = await tab.next("run.progress")
        await served.made.run_sync()(served.user_id, run.id)
        events = await tab.until("run.ended")
    assert (requested.data["id"], requested.data["status"]) == (str(run.id), "queued")
    assert {event.data["id"] for event in events if event.type.startswith("run.")} == {str(run.id)}
    shown = (await served.api.get(f"/api/integrations/hubspot/runs/{run.id}", served.user_id)).json()["run"]
    assert events[-1].data == shown


async def test_a_client_that_connects_again_gets_what_it_missed_and_nothing_twice(served: Served) -> None:
    async with open_tab(served.url, served.user_id) as tab:
        await opened(tab)
    async with open_tab(served.url, served.user_id, tab.last_event_id) as again:
        run = await served.made.request()
        assert (await again.next()).type == "run.progress"
    await served.made.run_sync()(served.user_id, run.id)
    async with open_tab(served.url, served.user_id, again.last_event_id) as tab:
        assert "run.ended" in types(await tab.until("changes.available"))


async def test_an_id_from_long_ago_is_answered_with_the_present_state(served: Served) -> None:
    for last_event_id in ("0", "1-2-3", "x" * 4000, "-"):
        async with open_tab(served.url, served.user_id, last_event_id) as tab:
            assert types(await opened(tab)) == NOTHING_SYNCED


async def test_a_new_server_goes_on_where_the_old_one_ended(served: Served, database: str) -> None:
    async with open_tab(served.url, served.user_id) as tab:
        await opened(tab)
        (await served.streams()).end_all()
        assert await tab.rest() == []
    await served.made.sync()
    async with (
        api_harness(database) as api,
        serving(api) as url,
        open_tab(url, served.user_id, tab.last_event_id) as tab,
    ):
        assert "run.ended" in types(await tab.until("changes.available"))


async def test_what_changes_while_the_notifications_are_lost_arrives(served: Served) -> None:
    async with open_tab(served.url, served.user_id) as tab:
        await opened(tab)
        await served.made.pool.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'astrelo events' and datname = current_database()"
        )
        await served.made.sync()
        await tab.until("run.ended")
        await served.made.disconnect(HUBSPOT)
        await tab.until("connection.changed", status="disconnected")


async def test_a_purged_crm_is_reported_as_not_connected(served: Served) -> None:
    await served.made.sync()
    async with open_tab(served.url, served.user_id) as tab:
        await tab.until("changes.available")
        await served.made.disconnect(HUBSPOT, purge=True)
        await tab.until("connection.changed", status="not_connected")
        await tab.next("changes.available")


async def test_a_stream_ends_with_its_token(served: Served) -> None:
    token = issue_token(served.user_id, JWT_SECRET, timedelta(seconds=2), SystemClock().now())
    async with open_tab(served.url, served.user_id, Authorization=f"Bearer {token}") as tab:
        assert types(await tab.rest()) == NOTHING_SYNCED
    assert len(await served.streams()) == 0


async def test_a_token_that_hardly_ever_ends_opens_a_stream(served: Served) -> None:
    for expiry in (10**12, 10**18, 10**400):
        token = jwt.encode({"sub": str(served.user_id), "exp": expiry}, JWT_SECRET, "HS256")
        async with open_tab(served.url, served.user_id, Authorization=f"Bearer {token}") as tab:
            assert types(await opened(tab)) == NOTHING_SYNCED


async def test_a_quiet_stream_has_a_heartbeat(served: Served) -> None:
    (await served.streams()).heartbeat = 0.01
    async with open_tab(served.url, served.user_id) as tab:
        await opened(tab)
        await served.made.request()
        await tab.next()
        assert tab.comments > 0


async def test_a_user_who_opens_too_many_streams_is_refused_one_and_keeps_the_others(served: Served) -> None:
    streams = await served.streams()
    open_ones = [await streams.open(served.user_id) for _ in range(MAX_STREAMS_PER_USER)]
    refused = await served.api.get("/api/events", served.user_id)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
    assert refused.headers["retry-after"] == "30"
    assert not any(stream.is_ended for stream in open_ones)
    streams.end_all()
    refused = await served.api.get("/api/events", served.user_id)
    assert (refused.status_code, refused.json()["code"]) == (503, "streams_exhausted")


async def test_head_shows_the_header_fields_and_opens_no_stream(served: Served) -> None:
    async with asyncio.timeout(10):
        response = await served.api.ask("HEAD", "/api/events", served.user_id)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert len(await served.streams()) == 0


async def test_without_a_token_there_is_no_stream(served: Served) -> None:
    assert (await served.api.client.get("/api/events")).status_code == 401
