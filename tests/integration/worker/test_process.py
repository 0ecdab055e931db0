"""`astrelo worker` as a process: killed and stopped in the middle of a run, with another one to take over."""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

import asyncpg
import pytest
from standardwebhooks import Webhook

from astrelo.application.sync.schedule_syncs import SyncNow
from astrelo.application.webhook_endpoints.manage_endpoints import IssuedSecret, ManageWebhookEndpoints
from astrelo.bootstrap.container import create_container
from astrelo.bootstrap.settings import parse_settings
from astrelo.domain.connection import CrmAccount, CrmConnection, Grant, TokenSet
from astrelo.domain.identifiers import ConnectionId, CrmAccountId, Provider, UserId
from astrelo.domain.ports.state import UnitOfWork
from astrelo.domain.ports.system import Clock
from astrelo.domain.webhook_endpoints.events import WebhookTopic
from crm_sandbox import Dataset, serve_in_thread
from crm_sandbox.hubspot import DEFAULT_CLIENT_SECRET, Sandbox, create_sandbox
from tests.support.environ import JWT_SECRET, child_environ, hubspot_settings, needed_settings
from tests.support.secret_watch import Secrets, Spawn, Spawned
from tests.support.webhook_receiver import never_respond, webhook_receiver

COMPANIES = 1_000
LATENCY_MS = 60

StartWorker = Callable[[], Spawned]


@dataclass(frozen=True, kw_only=True)
class Customer:
    """A user whose HubSpot is connected and whose first sync was asked for."""

    user_id: UserId
    environ: dict[str, str]


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return Dataset.generate(COMPANIES)


@pytest.fixture
def sandbox(dataset: Dataset) -> Sandbox:
    return create_sandbox(dataset, latency_ms=LATENCY_MS, rate_limit=False)


@pytest.fixture
def customer(database: str, sandbox: Sandbox) -> Iterator[Customer]:
    with serve_in_thread(sandbox) as url:
        environ = {
            **hubspot_settings(database, url),
            "ASTRELO_WORKER_HEARTBEAT": "1",
            "ASTRELO_WORKER_POLL": "0.2",
        }
        user_id = UserId(uuid4())
        asyncio.run(connect(environ, user_id, sandbox))
        yield Customer(user_id=user_id, environ=environ)


async def connect(environ: dict[str, str], user_id: UserId, sandbox: Sandbox) -> None:
    container = create_container(parse_settings(environ))
    clock, uow = await container.get(Clock), await container.get(UnitOfWork)
    account = CrmAccount(account_id=CrmAccountId(str(sandbox.account.portal_id)), name="Test portal")
    issued = sandbox.oauth.connect(sandbox.account.portal_id)
    tokens = TokenSet(
        access_token=str(issued["access_token"]),
        refresh_token=str(issued["refresh_token"]),
        expires_at=None,
    )
    grant = Grant(tokens=tokens, account=account)
    made = CrmConnection.establish(ConnectionId(uuid4()), user_id, Provider.HUBSPOT, grant, clock.now())
    async with uow(user_id) as tx:
        await tx.connections.save(made)
        await tx.tokens.put(made.id, tokens)
    await (await container.get(SyncNow))(user_id, Provider.HUBSPOT)
    await container.close()


@pytest.fixture
def start_worker(spawn: Spawn, customer: Customer, secrets: Secrets) -> StartWorker:
    secrets.register(JWT_SECRET, DEFAULT_CLIENT_SECRET)

    def start() -> Spawned:
        return spawn(sys.executable, "-m", "astrelo", "worker", env=child_environ(customer.environ))

    return start


def rows(database: str, query: str, *arguments: object) -> list[asyncpg.Record]:
    async def fetch() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(database)
        try:
            found: list[asyncpg.Record] = await connection.fetch(query, *arguments)
            return found
        finally:
            await connection.close()

    return asyncio.run(fetch())


def assert_whole(database: str, customer: Customer, dataset: Dataset) -> None:
    """Every live record is stored once, nothing is counted twice, and the run's reconciliation balances."""
    (run,) = rows(database, "select status from sync_runs where user_id = $1", customer.user_id)
    assert run["status"] == "completed"
    steps = rows(database, "select * from sync_steps where user_id = $1", customer.user_id)
    live = portal_counts(dataset)
    for step in steps:
        table = {"companies": "crm_companies"}.get(step["object_type"], step["object_type"])
        (stored,) = rows(database, f"select count(*) from {table} where user_id = $1", customer.user_id)
        expected = live[step["object_type"]]
        assert stored["count"] == expected, step["object_type"]
        distinct = step["received"] - step["repeats"]
        assert distinct == expected, step["object_type"]
        assert step["inserted"] + step["updated"] + step["unchanged"] + step["stale"] == expected


def portal_counts(dataset: Dataset) -> dict[str, int]:
    counts = dict.fromkeys(("companies", "contacts", "deals"), 0)
    for record in dataset.records:
        if record.object in counts and not record.archived:
            counts[record.object] += 1
    return counts


def test_a_run_whose_worker_is_killed_is_finished_by_another(
    database: str, customer: Customer, dataset: Dataset, start_worker: StartWorker
) -> None:
    first = start_worker()
    first.wait_for("sync.batch_stored")
    first.process.kill()
    assert first.wait() == -signal.SIGKILL
    second = start_worker()
    second.wait_for(r"sync\.claimed.*attempt=2")
    second.wait_for("sync.finished")
    assert second.stop() == 0
    assert_whole(database, customer, dataset)


def test_a_worker_that_is_stopped_hands_its_run_on(
    database: str, customer: Customer, dataset: Dataset, start_worker: StartWorker
) -> None:
    first = start_worker()
    first.wait_for("sync.batch_stored")
    first.process.terminate()
    first.wait_for("sync.worker_yielded")
    assert first.wait() == 0
    second = start_worker()
    second.wait_for("sync.finished")
    assert second.stop() == 0
    assert_whole(database, customer, dataset)


def test_a_worker_asks_for_syncs_that_are_due_by_itself(
    database: str, customer: Customer, dataset: Dataset, start_worker: StartWorker
) -> None:
    rows(database, "delete from sync_runs")
    rows(database, "delete from pgqueuer")
    worker = start_worker()
    worker.wait_for("sync.finished")
    assert worker.stop() == 0
    assert_whole(database, customer, dataset)


def test_a_worker_delivers_the_end_of_a_sync_to_a_webhook_endpoint(
    database: str, customer: Customer, dataset: Dataset, start_worker: StartWorker
) -> None:
    async def subscribe(url: str) -> IssuedSecret:
        container = create_container(parse_settings(customer.environ))
        manage = await container.get(ManageWebhookEndpoints)
        issued = await manage.add(customer.user_id, url, [WebhookTopic.SYNC_COMPLETED])
        await container.close()
        return issued

    async def receive() -> None:
        async with webhook_receiver() as receiver:
            async with webhook_receiver(never_respond) as slow:
                await subscribe(slow.url)
                issued = await subscribe(receiver.url)
                worker = await asyncio.to_thread(start_worker)
                await asyncio.wait_for(receiver.arrived.wait(), 60)
            (request,) = receiver.received
            event = Webhook(issued.secret).verify(request.body, request.headers)
            assert event["data"]["status"] == "completed"
            assert await asyncio.to_thread(worker.stop) == 0

    customer.environ["ASTRELO_WEBHOOK_ALLOW_LOOPBACK"] = "1"
    asyncio.run(receive())
    assert_whole(database, customer, dataset)


def test_a_worker_without_its_database_says_so_and_hides_the_password(spawn: Spawn, secrets: Secrets) -> None:
    secrets.register("hunter2-hunter2")
    environ = child_environ(needed_settings("postgresql://u:hunter2-hunter2@127.0.0.1:1/x"))
    worker = spawn(sys.executable, "-m", "astrelo", "worker", env=environ)
    assert worker.wait() == 1
    assert "No PostgreSQL answers at 127.0.0.1:1/x" in worker.stderr
    assert "Traceback" not in worker.stderr
