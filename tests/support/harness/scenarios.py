"""Scenarios over one scripted CRM, and records that their tests share."""

from collections.abc import Awaitable, Callable

from astrelo.application.sync.schedule_syncs import SyncNow
from astrelo.domain.identifiers import ObjectType, Provider, RecordId
from astrelo.domain.sync import SyncMode, SyncRun
from tests.support.builders import company, contact, deal, owner
from tests.support.harness.sync import ScriptedCrm, SyncHarness

COMPANIES, CONTACTS, DEALS = ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS
HUBSPOT = Provider.HUBSPOT

Scenario = Callable[[SyncHarness], Awaitable[None]]
Play = Callable[[ScriptedCrm, Scenario], None]


def small_crm() -> ScriptedCrm:
    return ScriptedCrm(
        pages={
            COMPANIES: [[company("1", "acme.com", owner_id="7"), company("2")], [company("3", "bolt.io")]],
            CONTACTS: [[contact("11", "ann@acme.com"), contact("12", company_id="2"), contact("13")]],
            DEALS: [[deal("21", company_id="3", contact_ids=("11", "99"))]],
        },
        reps=[owner("7")],
    )


def ids(*record_ids: str) -> list[RecordId]:
    return [RecordId(record_id) for record_id in record_ids]


async def runs_of(made: SyncHarness) -> list[tuple[str, str]]:
    rows = await made.pool.fetch("select mode, status from sync_runs order by requested_at, id")
    return [tuple(row) for row in rows]


async def carry_out_the_open_one(made: SyncHarness) -> SyncRun:
    run = await SyncNow(made.uow, made.lifecycle())(made.user_id, HUBSPOT, SyncMode.REFETCH)
    await made.run_sync()(made.user_id, run.id)
    return await made.load_run(run)
