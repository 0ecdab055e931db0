"""From a change at HubSpot to our records by webhooks alone: delivered twice, in any order, in small batches."""

import asyncio

import httpx

from astrelo.bootstrap.system import SystemClock
from astrelo.domain.sync import RunStatus, SyncMode
from crm_sandbox import Association
from crm_sandbox.hubspot import Sandbox, create_sandbox
from crm_sandbox.hubspot.webhooks.delivery import WebhookSettings
from tests.support.fakes.clock import FakeClock
from tests.support.harness.api import API, PUBLIC_URL, ApiHarness, api_harness
from tests.support.harness.hubspot import EMPTY, AcmeAndBeta, hubspot_harness

PATH = "/api/webhooks/hubspot"


def sandbox_with_webhooks(api: ApiHarness) -> Sandbox:
    settings = WebhookSettings(
        target_url=f"{API}{PATH}",
        public_url=f"{PUBLIC_URL}{PATH}",
        paused=True,
        batch_size=3,
        duplicates=0.5,
        disorder=0.5,
    )
    transport = httpx.ASGITransport(api.app)  # type: ignore[arg-type] # two libraries' words for one ASGI
    return create_sandbox(EMPTY, rate_limit=False, webhooks=settings, webhook_transport=transport)


def change_a_little_of_everything(firm: AcmeAndBeta) -> None:
    account = firm.account
    firm.put("contacts", "11", {"firstname": "Ada"})
    firm.put("contacts", "14", {"email": "cy@gmail.com"}, companies=[Association(id="1", primary=True)])
    firm.put("companies", "2", {"domain": "gamma.com"})
    account.archive("deals", "21")
    account.gdpr_delete("12")
    account.associate("deals", "22", "companies", [Association(id="1", primary=True)])
    account.archive("companies", "2")
    account.restore("companies", "2")


def test_what_webhooks_report_is_read_by_one_run_that_leaves_a_full_one_nothing_to_do(
    database: str,
) -> None:
    async def scenario() -> None:
        async with api_harness(database) as api:
            sandbox = sandbox_with_webhooks(api)
            async with hubspot_harness(database, sandbox, FakeClock(SystemClock().now())) as made:
                firm = AcmeAndBeta(database, made, sandbox)
                await made.sync()
                change_a_little_of_everything(firm)
                await sandbox.webhooks.flush()
                counts = sandbox.webhooks.counts
                assert (counts.failed_attempts, counts.given_up) == (0, 0)
                assert counts.delivered > counts.received
                async with made.uow(made.user_id) as tx:
                    connection = await tx.connections.get(next(iter(made.crms)))
                    assert connection is not None
                    run = await tx.runs.get_latest(connection.id)
                assert run is not None
                assert (run.mode, run.status) == (SyncMode.REFETCH, RunStatus.QUEUED)
                await made.run_sync()(made.user_id, run.id)
                assert (await made.load_run(run)).status is RunStatus.COMPLETED
                followed = await made.view()
                full = await made.sync()
                assert await made.view() == followed
                assert [step.counts.archived for step in full.steps] == [0, 0, 0]
                assert await made.pool.fetchval("select count(*) from sync_runs where mode = 'refetch'") == 1

    asyncio.run(scenario())
