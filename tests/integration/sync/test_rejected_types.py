"""An object type about which the CRM answers nonsense is left out of its run; what the others make of it is theirs."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import asyncpg
import pytest

from astrelo.domain.errors import AstreloError, CrmError, CrmRejected, PermissionMissing
from astrelo.domain.identifiers import Cursor, ObjectType, Provider, RecordId
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.records import OwnerRecord, RecordPage
from astrelo.domain.sync import Freshness, RunStatus, StepStatus, SyncMode, Window
from crm_sandbox import Dataset, Fault, SandboxTransport
from crm_sandbox.salesforce import create_sandbox
from tests.support.builders import company, contact
from tests.support.harness.scenarios import COMPANIES, CONTACTS, DEALS, HUBSPOT, Play, small_crm
from tests.support.harness.sync import ScriptedCrm, SyncHarness, split_pages
from tests.support.salesforce.sandbox import row, salesforce_over, tokens_of

SALESFORCE = Provider.SALESFORCE
NONSENSE = CrmRejected(HUBSPOT, 400, "INVALID_FIELD for GET /contacts")
REFUSAL = PermissionMissing(HUBSPOT, DEALS, ("crm.objects.deals.read",))


async def freshness(made: SyncHarness) -> Mapping[ObjectType, Freshness]:
    async with made.uow(made.user_id) as tx:
        connection = await tx.connections.get(HUBSPOT)
        assert connection is not None
        return await tx.connections.freshness(connection.id)


def test_a_rejected_object_type_makes_the_run_partial_and_stops_no_other(play: Play) -> None:
    crm = small_crm()
    crm.pages[CONTACTS] = [NONSENSE]

    async def scenario(made: SyncHarness) -> None:
        run = await made.sync()
        assert run.status is RunStatus.PARTIAL
        assert run.reason == (
            "HubSpot returned contacts in a format we could not read (HTTP 400: INVALID_FIELD for GET /contacts). "
            "They stay as they are and are read again by the next sync."
        )
        assert run.step(CONTACTS).status is StepStatus.FAILED
        assert run.step(COMPANIES).is_reconciled
        assert run.step(DEALS).is_reconciled
        bolt = frozenset({("hubspot", "3")})
        assert (await made.view()).deals["hubspot", "21"][0] == bolt
        assert (await freshness(made)).keys() == {COMPANIES, DEALS}

    play(crm, scenario)


def test_the_next_run_reads_a_rejected_object_type_whole_when_it_never_was(play: Play) -> None:
    crm = small_crm()
    crm.pages[CONTACTS].insert(0, NONSENSE)

    async def scenario(made: SyncHarness) -> None:
        first = await made.sync()
        following = await made.sync(mode=SyncMode.INCREMENTAL)
        assert following.id != first.id
        assert following.status is RunStatus.COMPLETED
        assert following.step(CONTACTS).window is None
        assert following.step(CONTACTS).counts.inserted == 3
        assert (await freshness(made)).keys() == set(ObjectType)

    play(crm, scenario)


def test_the_next_increment_begins_where_the_last_good_one_ended(play: Play) -> None:
    crm = small_crm()

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        known = (await freshness(made))[CONTACTS]
        made.clock.advance(timedelta(hours=5).total_seconds())
        crm.pages[CONTACTS].insert(0, NONSENSE)
        rejected = await made.sync(mode=SyncMode.INCREMENTAL)
        assert rejected.status is RunStatus.PARTIAL
        after = await freshness(made)
        assert after[CONTACTS] == known
        assert after[COMPANIES].watermark > known.watermark
        following = await made.sync(mode=SyncMode.INCREMENTAL)
        window = following.step(CONTACTS).window
        assert window is not None
        assert window.start == known.watermark - made.policy.settle_delay
        assert following.status is RunStatus.COMPLETED

    play(crm, scenario)


def test_what_came_before_the_nonsense_is_kept_and_counted(play: Play) -> None:
    crm = small_crm()
    crm.pages[CONTACTS] = [[contact("11", "ann@acme.com")], NONSENSE]

    async def scenario(made: SyncHarness) -> None:
        step = (await made.sync()).step(CONTACTS)
        assert (step.status, step.cursor, step.counts.inserted) == (StepStatus.FAILED, "1", 1)
        assert ("hubspot", "11") in (await made.view()).contacts

    play(crm, scenario)


@pytest.mark.parametrize("of_deals", [NONSENSE, REFUSAL], ids=["rejected", "refused"])
def test_a_run_that_could_read_nothing_fails_and_goes_on_when_asked_again(
    play: Play, of_deals: AstreloError
) -> None:
    first_page = [company(f"a{number}") for number in range(1_000)]
    crm = small_crm()
    crm.pages = {
        COMPANIES: [first_page, NONSENSE, [company("z")]],
        CONTACTS: [NONSENSE, [contact("11")]],
        DEALS: [of_deals, []],
    }

    async def scenario(made: SyncHarness) -> None:
        failed = await made.sync()
        assert failed.status is RunStatus.FAILED
        assert await freshness(made) == {}
        resumed = await made.sync()
        assert (resumed.id, resumed.status) == (failed.id, RunStatus.COMPLETED)
        assert all(step.is_reconciled and step.reason is None for step in resumed.steps)
        assert resumed.step(COMPANIES).counts.received == 1_001
        assert await made.pool.fetchval("select count(*) from sync_seen") == 0

    play(crm, scenario)


def test_a_refused_object_type_is_read_when_a_failed_run_is_asked_to_go_on(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        run = (await made.request()).claim(made.clock.now())
        refused = replace(run.step(DEALS), status=StepStatus.REFUSED, reason=str(REFUSAL))
        async with made.uow(made.user_id) as tx:
            await tx.runs.save(run)
            await tx.runs.advance(run.id, refused)
            await tx.runs.save(run.fail("the CRM was down", made.clock.now()))
        resumed = await made.sync()
        assert (resumed.id, resumed.status) == (run.id, RunStatus.COMPLETED)
        assert resumed.step(DEALS).is_reconciled

    play(small_crm(), scenario)


@dataclass
class CountingCrm(ScriptedCrm):
    """Says how many records there are, so that its streams wait for each other."""

    totals: Mapping[ObjectType, int] = field(default_factory=dict)

    async def read(
        self,
        session: CrmSession,
        object_type: ObjectType,
        *,
        window: Window | None = None,
        cursor: Cursor | None = None,
    ) -> AsyncGenerator[RecordPage, None]:
        async for page in super().read(session, object_type, window=window, cursor=cursor):
            yield replace(page, expected_total=self.totals[object_type])


def test_no_stream_waits_for_one_that_ended_by_nonsense(play: Play) -> None:
    contacts = [contact(f"c{number}") for number in range(2_000)]
    crm = CountingCrm(
        pages={COMPANIES: [[company("1")], NONSENSE], CONTACTS: split_pages(contacts, 1_000)},
        totals={COMPANIES: 2_000, CONTACTS: 2_000, DEALS: 0},
    )

    async def scenario(made: SyncHarness) -> None:
        async with asyncio.timeout(20):
            run = await made.sync()
        assert run.status is RunStatus.PARTIAL
        assert run.step(CONTACTS).counts.inserted == 2_000

    play(crm, scenario)


@dataclass
class Forgetful(ScriptedCrm):
    """Answers about single contacts with `trouble`."""

    trouble: CrmError = NONSENSE

    async def fetch(
        self, session: CrmSession, object_type: ObjectType, ids: Sequence[RecordId]
    ) -> RecordPage:
        if object_type is CONTACTS:
            raise self.trouble
        return await super().fetch(session, object_type, ids)


@pytest.mark.parametrize(
    ("trouble", "ends_as"),
    [(NONSENSE, StepStatus.FAILED), (REFUSAL, StepStatus.REFUSED)],
    ids=["rejected", "refused"],
)
def test_deletions_that_cannot_be_confirmed_of_one_type_are_of_the_others(
    play: Play, trouble: CrmError, ends_as: StepStatus
) -> None:
    crm = Forgetful(pages=small_crm().pages, trouble=trouble)

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        crm.pages = {COMPANIES: [[company("1", "acme.com")]], CONTACTS: [[contact("11", "ann@acme.com")]]}
        run = await made.sync()
        assert run.status is RunStatus.PARTIAL
        assert run.step(CONTACTS).status is ends_as
        assert [run.step(kind).counts.archived for kind in ObjectType] == [2, 0, 1]

    play(crm, scenario)


@dataclass
class WithoutOwners(ScriptedCrm):
    async def list_owners(self, session: CrmSession) -> Sequence[OwnerRecord]:
        raise NONSENSE


def test_owners_that_cannot_be_read_cost_no_record(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        run = await made.sync()
        assert run.status is RunStatus.PARTIAL
        assert "INVALID_FIELD" in (run.reason or "")
        assert all(step.is_reconciled for step in run.steps)
        assert run.step(COMPANIES).counts.unreadable == {}

    play(WithoutOwners(pages=small_crm().pages), scenario)


@pytest.mark.anyio
async def test_a_salesforce_org_is_read_but_for_the_object_that_it_will_not_describe(database: str) -> None:
    records = [row("Account", 1, Name="Acme"), row("Contact", 1), row("Opportunity", 1, Name="A deal")]
    async with asyncpg.create_pool(database, min_size=1, max_size=8) as pool:
        made = SyncHarness(pool)
        sandbox = create_sandbox(
            Dataset.from_records(records), clock=lambda: made.clock.now().timestamp(), rate_limit=False
        )
        made.crms[SALESFORCE] = salesforce_over(SandboxTransport(sandbox), made.clock)
        org_id = sandbox.org.org_id
        await made.connect(SALESFORCE, tokens_of(sandbox.oauth.connect(org_id)), org_id)
        odd = [{"errorCode": "INVALID_FIELD", "message": "as sent"}]
        sandbox.faults.add(Fault(kind="respond", match="/Contact/describe", status=400, body=odd, times=9))
        run = await made.sync(SALESFORCE)
        assert run.status is RunStatus.PARTIAL
        assert [step.status for step in run.steps] == [
            StepStatus.COMPLETED,
            StepStatus.FAILED,
            StepStatus.COMPLETED,
        ]
        sandbox.faults.clear()
        assert (await made.sync(SALESFORCE, mode=SyncMode.INCREMENTAL)).status is RunStatus.COMPLETED
        assert len((await made.view()).contacts) == 1
