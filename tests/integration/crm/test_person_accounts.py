"""Person accounts through adapter, use cases and database: people are contacts of no company, in every run."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from astrelo.domain.connection import TokenSet
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.sync import RunStatus, SyncMode, SyncRun
from crm_sandbox import Dataset, SandboxTransport
from crm_sandbox.salesforce import Flags, RecordChange, Sandbox, create_sandbox, record_id
from tests.support.fakes.clock import FakeClock
from tests.support.harness.sync import SyncHarness
from tests.support.salesforce.sandbox import row, salesforce_over, tokens_of

SALESFORCE = Provider.SALESFORCE
COMPANIES, CONTACTS, DEALS = ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS
BAKER, MILL = record_id("Account", 1), record_id("Account", 2)


@asynccontextmanager
async def org_world(database: str, sandbox: Sandbox, clock: FakeClock) -> AsyncIterator[SyncHarness]:
    """A user whose Salesforce connection opens the sandbox's only org."""
    async with asyncpg.create_pool(database, min_size=1, max_size=8) as pool:
        made = SyncHarness(pool)
        made.clock = clock
        made.crms = {SALESFORCE: salesforce_over(SandboxTransport(sandbox), clock)}
        tokens: TokenSet = tokens_of(sandbox.oauth.connect(sandbox.org.org_id))
        await made.connect(SALESFORCE, tokens, sandbox.org.org_id)
        yield made


Scenario = Callable[[SyncHarness, Sandbox], Awaitable[None]]


@pytest.fixture
def play(database: str) -> Callable[[Dataset, Scenario], None]:
    def run(dataset: Dataset, scenario: Scenario, **flags: Any) -> None:
        async def once() -> None:
            clock = FakeClock()
            played = Flags(**{"person_accounts": True, **flags})
            sandbox = create_sandbox(
                dataset, clock=lambda: clock.now().timestamp(), flags=played, rate_limit=False
            )
            async with org_world(database, sandbox, clock) as made:
                await scenario(made, sandbox)

        asyncio.run(once())

    return run


Play = Callable[..., None]


def shop() -> Dataset:
    return Dataset.from_records(
        [
            row("Account", 1, Name="Bea Baker", IsPersonAccount="true"),
            row("Account", 2, Name="Mill", Website="mill.com"),
            row("Contact", 1, LastName="Baker", Email="bea@mill.com", AccountId=BAKER),
            row("Contact", 2, LastName="Miller", Email="mo@mill.com", AccountId=MILL),
            row("Opportunity", 1, Name="Bread", AccountId=BAKER),
            row("Opportunity", 2, Name="Flour", AccountId=MILL),
        ]
    )


def change(sandbox: Sandbox, row_id: str, **properties: Any) -> None:
    sandbox.org.upsert(RecordChange(object_name="Account", id=row_id, properties=properties))


async def sync(made: SyncHarness, mode: SyncMode = SyncMode.FULL) -> SyncRun:
    """Carry out a run, and those that come of it; return the first as it ended."""
    made.clock.advance(3600)
    run = await made.sync(SALESFORCE, mode=mode)
    assert run.status is RunStatus.COMPLETED
    assert all(step.is_reconciled for step in run.steps)
    while (following := await latest(made)).status.is_open:
        await made.run_sync()(made.user_id, following.id)
    return run


async def latest(made: SyncHarness) -> SyncRun:
    async with made.uow(made.user_id) as tx:
        connection = await tx.connections.get(SALESFORCE)
        assert connection is not None
        found = await tx.runs.get_latest(connection.id)
        assert found is not None
        return found


async def companies_of(made: SyncHarness) -> list[str]:
    found = await made.pool.fetch("select company_name from companies where archived_at is null order by 1")
    return [name for (name,) in found]


async def link_of(made: SyncHarness, contact_id: str) -> tuple[object, ...]:
    sql = "select company_match, unlinked_reason, is_person_account from contacts where external_provider_id = $1"
    return tuple(await made.pool.fetchrow(sql, contact_id))


PERSON = (None, "person_account", True)


def test_people_are_contacts_of_no_company_and_their_deals_have_none(play: Play) -> None:
    async def scenario(made: SyncHarness, _: Sandbox) -> None:
        run = await sync(made)
        assert all(step.expected_total == step.counts.distinct for step in run.steps)
        assert run.step(COMPANIES).counts.received == 1
        assert await companies_of(made) == ["Mill"]
        assert await link_of(made, record_id("Contact", 1)) == PERSON
        assert await link_of(made, record_id("Contact", 2)) == ("provider_id", None, False)
        deals = await made.pool.fetch("select name, company_id is null from deals order by name")
        assert [tuple(deal) for deal in deals] == [("Bread", True), ("Flour", False)]
        again = await sync(made)
        assert all(step.counts.unchanged == step.counts.received for step in again.steps)

    play(shop(), scenario)


@pytest.mark.parametrize("mode", [SyncMode.INCREMENTAL, SyncMode.FULL])
def test_a_company_that_becomes_a_person_is_archived_and_back_as_one_it_lives(
    play: Play, mode: SyncMode
) -> None:
    async def scenario(made: SyncHarness, sandbox: Sandbox) -> None:
        await sync(made)
        change(sandbox, MILL, IsPersonAccount=True)
        run = await sync(made, mode)
        assert await companies_of(made) == []
        assert await link_of(made, record_id("Contact", 2)) == PERSON
        if mode is SyncMode.FULL:
            assert run.step(COMPANIES).counts.archived == 1
        change(sandbox, MILL, IsPersonAccount=False, Name="Mill")
        change(sandbox, BAKER, IsPersonAccount=False, Name="Baker Ltd")
        await sync(made, mode)
        assert await companies_of(made) == ["Baker Ltd", "Mill"]
        assert await link_of(made, record_id("Contact", 1)) == ("provider_id", None, False)
        assert await link_of(made, record_id("Contact", 2)) == ("provider_id", None, False)

    play(shop(), scenario)


def test_an_org_that_is_all_people_loses_the_companies_that_an_earlier_version_made_of_them(
    play: Play,
) -> None:
    """However many they are: each of them is read, and there, so that no truncated list is to be feared."""
    people = [
        row("Account", number, LastName=f"P{number}", IsPersonAccount="true") for number in range(1, 121)
    ]

    async def scenario(made: SyncHarness, sandbox: Sandbox) -> None:
        sandbox.flags.person_accounts = False
        await sync(made)
        assert len(await companies_of(made)) == 120
        sandbox.flags.person_accounts = True
        run = await sync(made)
        assert (run.step(COMPANIES).counts.archived, run.step(COMPANIES).reason) == (120, None)
        assert await companies_of(made) == []

    play(Dataset.from_records(people), scenario)


def test_a_changing_org_ends_as_one_that_was_read_at_once(play: Play) -> None:
    async def scenario(made: SyncHarness, sandbox: Sandbox) -> None:
        await sync(made)
        for seed in range(4):
            made.clock.advance(60)
            sandbox.set_script(seed)
            for _ in range(60):
                sandbox.mutate()
            await sync(made, SyncMode.INCREMENTAL)
        await sync(made)
        grown = await made.view()
        await made.disconnect(SALESFORCE, purge=True)
        tokens = tokens_of(sandbox.oauth.connect(sandbox.org.org_id))
        await made.connect(SALESFORCE, tokens, sandbox.org.org_id)
        await sync(made)
        assert grown == await made.view()
        assert any(contact[2] == "person_account" for contact in grown.contacts.values())

    play(Dataset.generate(60), scenario)
