"""The worker on a real queue: what it does when the database, the jobs or it itself go away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import httpx
import msgspec
import pytest
from dishka import Provider, Scope, make_async_container, provide
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.models import Job

from astrelo.adapters.inbound.worker.entrypoint import SyncEntrypoint, WebhookEntrypoint
from astrelo.adapters.inbound.worker.health import serve_health
from astrelo.adapters.inbound.worker.supervisor import Duty, QueueOptions, Supervisor
from astrelo.adapters.outbound.postgres.sync_runs.jobs import SYNC_ENTRYPOINT, LostRuns
from astrelo.application.sync.run_sync import RunSync
from astrelo.application.sync.time_slice import StopSignal, never_stop
from astrelo.application.webhook_endpoints.deliver import DeliverWebhook
from astrelo.bootstrap.system import SystemClock
from astrelo.domain.errors import StoreUnavailable
from astrelo.domain.identifiers import SyncRunId, UserId, WebhookDeliveryId, WebhookEndpointId
from tests.support.harness.sync import SyncHarness, sync_harness

pytestmark = pytest.mark.anyio

OPTIONS = QueueOptions(
    concurrency=2,
    heartbeat=timedelta(seconds=10),
    poll=timedelta(seconds=0.2),
    drain=timedelta(seconds=10),
)
TIMEOUT_SECONDS = 15.0  # seconds; a test that waits this long has failed


class Workshop:
    """A supervisor at work on the test's database, and a way to hand it jobs."""

    def __init__(self, supervisor: Supervisor, pool: asyncpg.Pool) -> None:
        self.supervisor = supervisor
        self._pool = pool

    async def submit(self, payload: bytes = b"{}", *, name: str = SYNC_ENTRYPOINT) -> None:
        async with self._pool.acquire() as connection:
            await Queries.from_asyncpg_connection(connection).enqueue(name, payload)

    async def waiting_jobs(self) -> int:
        jobs: int = await self._pool.fetchval("select count(*) from pgqueuer")
        return jobs

    async def cut_the_queue_connection(self) -> None:
        cut = await self._pool.fetchval(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity"
            " where application_name = 'test queue' and datname = current_database()"
        )
        assert cut == 1


@asynccontextmanager
async def workshop(
    database: str,
    pool: asyncpg.Pool,
    handle: Callable[[Job], Awaitable[None]] | None = None,
    *,
    options: QueueOptions = OPTIONS,
    duties: Sequence[Duty] = (),
) -> AsyncIterator[Workshop]:
    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(database, server_settings={"application_name": "test queue"})

    supervisor = Supervisor(connect, duties, options, SystemClock())
    if handle is not None:
        supervisor.register(SYNC_ENTRYPOINT, handle)
    running = asyncio.create_task(supervisor.run())
    try:
        yield Workshop(supervisor, pool)
    finally:
        supervisor.stop()
        await asyncio.wait_for(running, TIMEOUT_SECONDS)


async def soon(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not await condition():  # noqa: ASYNC110 - what is waited for happens in the database
            await asyncio.sleep(0.02)


async def test_a_job_is_handed_to_its_entrypoint(database: str, pool: asyncpg.Pool) -> None:
    seen: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def handle(job: Job) -> None:
        await seen.put(job.payload)

    async with workshop(database, pool, handle) as worker:
        await worker.submit(b"hello")
        assert await asyncio.wait_for(seen.get(), TIMEOUT_SECONDS) == b"hello"


async def test_the_worker_goes_on_after_its_connection_is_cut(database: str, pool: asyncpg.Pool) -> None:
    seen: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def handle(job: Job) -> None:
        await seen.put(job.payload)

    async with workshop(database, pool, handle) as worker:
        await worker.submit(b"before")
        await asyncio.wait_for(seen.get(), TIMEOUT_SECONDS)
        await worker.cut_the_queue_connection()
        await worker.submit(b"after")
        assert await asyncio.wait_for(seen.get(), TIMEOUT_SECONDS) == b"after"


async def test_it_is_ready_while_it_listens_and_not_while_it_has_no_connection(
    database: str, pool: asyncpg.Pool
) -> None:
    async with workshop(database, pool) as worker:
        health = worker.supervisor.health

        async def ready() -> bool:
            return health.ready

        async def not_ready() -> bool:
            return not health.ready

        await soon(ready)
        await worker.cut_the_queue_connection()
        await soon(not_ready)
        await soon(ready)
    assert not health.ready
    assert health.draining


async def test_a_running_job_is_notified_when_the_connection_is_lost(
    database: str, pool: asyncpg.Pool
) -> None:
    started, notified = asyncio.Event(), asyncio.Event()

    async def handle(job: Job) -> None:
        started.set()
        while not worker.supervisor.should_stop():  # noqa: ASYNC110 - as a run does between batches
            await asyncio.sleep(0.02)
        notified.set()

    async with workshop(database, pool, handle) as worker:
        await worker.submit()
        await asyncio.wait_for(started.wait(), TIMEOUT_SECONDS)
        await worker.cut_the_queue_connection()
        await asyncio.wait_for(notified.wait(), TIMEOUT_SECONDS)


async def test_stopping_waits_for_a_job_that_ends_by_itself(database: str, pool: asyncpg.Pool) -> None:
    started, ended = asyncio.Event(), False

    async def handle(job: Job) -> None:
        nonlocal ended
        started.set()
        while not worker.supervisor.should_stop():  # noqa: ASYNC110 - as a run does between batches
            await asyncio.sleep(0.02)
        ended = True

    async with workshop(database, pool, handle) as worker:
        await worker.submit()
        await asyncio.wait_for(started.wait(), TIMEOUT_SECONDS)
    assert ended
    assert await worker.waiting_jobs() == 0


async def test_a_job_that_does_not_stop_is_cancelled(database: str, pool: asyncpg.Pool) -> None:
    started, cancelled = asyncio.Event(), False

    async def handle(job: Job) -> None:
        nonlocal cancelled
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled = True
            raise

    impatient = QueueOptions(
        concurrency=2,
        heartbeat=timedelta(seconds=10),
        poll=timedelta(seconds=0.2),
        drain=timedelta(seconds=0.3),
    )
    async with workshop(database, pool, handle, options=impatient) as worker:
        await worker.submit()
        await asyncio.wait_for(started.wait(), TIMEOUT_SECONDS)
    assert cancelled


async def test_a_failing_job_does_not_stop_the_others(database: str, pool: asyncpg.Pool) -> None:
    seen: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def handle(job: Job) -> None:
        if job.payload == b"bad":
            raise ZeroDivisionError
        await seen.put(job.payload)

    async with workshop(database, pool, handle) as worker:
        await worker.submit(b"bad")
        await worker.submit(b"good")
        assert await asyncio.wait_for(seen.get(), TIMEOUT_SECONDS) == b"good"


@pytest.mark.parametrize("error", [StoreUnavailable("a test"), ZeroDivisionError("a test")])
async def test_a_duty_that_fails_is_tried_again_and_stops_neither_jobs_nor_other_duties(
    database: str, pool: asyncpg.Pool, error: Exception
) -> None:
    twice, other, seen = asyncio.Event(), asyncio.Event(), asyncio.Event()
    tries = 0

    async def fail() -> int:
        nonlocal tries
        tries += 1
        if tries > 1:
            twice.set()
        raise error

    async def succeed() -> int:
        other.set()
        return 1

    async def handle(job: Job) -> None:
        seen.set()

    often = timedelta(seconds=0.05)
    duties = [Duty(name="a", every=often, perform=fail), Duty(name="b", every=often, perform=succeed)]
    async with workshop(database, pool, handle, duties=duties) as worker:
        await asyncio.wait_for(twice.wait(), TIMEOUT_SECONDS)
        await asyncio.wait_for(other.wait(), TIMEOUT_SECONDS)
        await worker.submit()
        await asyncio.wait_for(seen.wait(), TIMEOUT_SECONDS)


class RecordedRuns(RunSync):
    """Stands in for the use case: notes what it was asked, and fails as often as it is notified to."""

    def __init__(self, failures: list[Exception]) -> None:
        self.asked: list[tuple[UUID, UUID]] = []
        self._failures = failures

    async def __call__(
        self, user_id: UserId, run_id: SyncRunId, should_stop: StopSignal = never_stop
    ) -> None:
        self.asked.append((user_id, run_id))
        if self._failures:
            raise self._failures.pop()


class OnlyRuns(Provider):
    def __init__(self, runs: RecordedRuns) -> None:
        super().__init__()
        self._runs = runs

    @provide(scope=Scope.REQUEST)
    def run_sync(self) -> RunSync:
        return self._runs


async def test_a_sync_job_takes_up_the_run_it_names(database: str, pool: asyncpg.Pool) -> None:
    runs, user_id, run_id = RecordedRuns([]), uuid4(), uuid4()
    handle = SyncEntrypoint(make_async_container(OnlyRuns(runs)), never_stop)

    async def claim() -> bool:
        return runs.asked == [(user_id, run_id)]

    async with workshop(database, pool, handle) as worker:
        await worker.submit(b"not json at all")
        await worker.submit(msgspec.json.encode({"user_id": user_id, "run_id": run_id}))
        await soon(claim)


async def test_a_sync_job_waits_in_the_queue_while_the_store_is_unavailable(
    database: str, pool: asyncpg.Pool
) -> None:
    runs = RecordedRuns([StoreUnavailable("a test")])
    handle = SyncEntrypoint(make_async_container(OnlyRuns(runs)), never_stop)
    async with workshop(database, pool, handle) as worker:
        await worker.submit(msgspec.json.encode({"user_id": uuid4(), "run_id": uuid4()}))

        async def waits_for_later() -> bool:
            later = "select count(*) from pgqueuer where status = 'queued' and execute_after > now()"
            return bool(await pool.fetchval(later))

        await soon(waits_for_later)


class HeldDeliveries(DeliverWebhook):
    """Stands in for the use case: holds the attempts of one user until the test is over."""

    def __init__(self, held: UUID) -> None:
        self.held = held
        self.begun: list[UUID] = []
        self.over = asyncio.Event()

    async def __call__(
        self, user_id: UserId, endpoint_id: WebhookEndpointId, delivery_id: WebhookDeliveryId, attempt: int
    ) -> None:
        self.begun.append(user_id)
        if user_id == self.held:
            await self.over.wait()


async def test_receivers_of_one_user_that_do_not_respond_leave_places_for_other_users(
    database: str, pool: asyncpg.Pool
) -> None:
    deliver, other = HeldDeliveries(uuid4()), uuid4()
    names = {"endpoint_id": uuid4(), "delivery_id": uuid4(), "attempt": 0}

    async def other_has_begun() -> bool:
        return other in deliver.begun

    handle = WebhookEntrypoint(deliver, concurrency=6)
    async with workshop(database, pool, handle, options=replace(OPTIONS, concurrency=6)) as worker:
        await worker.submit(b"not json at all")
        for user_id in (*[deliver.held] * 12, other):
            await worker.submit(msgspec.json.encode({"user_id": user_id} | names))
        await soon(other_has_begun)
        assert deliver.begun.count(deliver.held) == 2
        deliver.over.set()


@pytest.fixture
async def connected(database: str) -> AsyncIterator[SyncHarness]:
    async with sync_harness(database) as made:
        yield made


async def test_an_open_run_whose_job_is_gone_is_asked_for_again(
    connected: SyncHarness, pool: asyncpg.Pool
) -> None:
    await connected.request()
    await pool.execute("delete from pgqueuer")
    assert await LostRuns(pool).requeue() == 1
    assert await pool.fetchval("select count(*) from pgqueuer") == 1


async def test_a_run_is_not_asked_for_twice(connected: SyncHarness, pool: asyncpg.Pool) -> None:
    await connected.request()
    assert await LostRuns(pool).requeue() == 0
    assert await pool.fetchval("select count(*) from pgqueuer") == 1


async def test_a_finished_run_is_not_asked_for_again(connected: SyncHarness, pool: asyncpg.Pool) -> None:
    await connected.sync()
    await pool.execute("delete from pgqueuer")
    assert await LostRuns(pool).requeue() == 0


async def test_health_is_served_over_http(database: str, pool: asyncpg.Pool) -> None:
    async with (
        workshop(database, pool) as worker,
        serve_health(worker.supervisor.health, "127.0.0.1", 0) as port,
    ):

        async def answers(path: str) -> int:
            async with httpx.AsyncClient() as client:
                return (await client.get(f"http://127.0.0.1:{port}{path}")).status_code

        async def ready() -> bool:
            return await answers("/health/ready") == 200

        await soon(ready)
        assert await answers("/health/live") == 200
        assert await answers("/elsewhere") == 404
        worker.supervisor.stop()

        async def no_longer_ready() -> bool:
            return await answers("/health/ready") == 503

        await soon(no_longer_ready)
