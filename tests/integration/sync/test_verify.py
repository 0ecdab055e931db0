"""Verifying: every kind of difference is found, nothing is written, and a running sync is left alone."""

import asyncio
import json
import sys
from uuid import uuid4

import pytest

from astrelo.adapters.outbound.postgres.cross_tenant import PgConnectionOwners
from astrelo.application.sync.verify_sync import Comparison, Difference, VerifySync
from astrelo.domain.errors import InvalidTransition, NotFound, PermissionMissing
from astrelo.domain.identifiers import ConnectionId, ObjectType, Provider, RecordId
from astrelo.domain.ports.crm import CrmProviders
from astrelo.domain.records import RejectedRecord, RejectionReason
from crm_sandbox import Dataset, serve_in_thread
from crm_sandbox.hubspot import DEFAULT_CLIENT_SECRET, create_sandbox
from tests.support.builders import VERSIONS, company, contact, deal
from tests.support.environ import JWT_SECRET, child_environ, hubspot_settings
from tests.support.harness.hubspot import hubspot_harness
from tests.support.harness.scenarios import Play
from tests.support.harness.sync import ScriptedCrm, SyncHarness, sync_harness
from tests.support.secret_watch import Secrets, Spawn

COMPANIES, CONTACTS, DEALS = ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS
MISSING, GONE, DIFFERENT = Difference.MISSING_HERE, Difference.GONE_THERE, Difference.DIFFERENT
OTHER_RULES = Difference.READ_BY_OTHER_RULES
TABLES = (
    "crm_companies",
    "companies",
    "contacts",
    "deals",
    "sync_runs",
    "sync_steps",
    "connection_freshness",
)


async def connection_id(made: SyncHarness) -> ConnectionId:
    async with made.uow(made.user_id) as tx:
        connection = await tx.connections.get(Provider.HUBSPOT)
    assert connection is not None
    return connection.id


async def verify(made: SyncHarness) -> dict[ObjectType, Comparison]:
    verification = VerifySync(
        made.uow,
        CrmProviders(dict(made.crms)),
        made.tokens(),
        PgConnectionOwners(made.pool),
        VERSIONS,
    )
    return {one.object_type: one for one in await verification(await connection_id(made))}


async def everything(made: SyncHarness) -> dict[str, list[str]]:
    return {
        table: sorted(str(row) for row in await made.pool.fetch(f"select * from {table}")) for table in TABLES
    }


def test_what_was_just_synced_is_equal(play: Play) -> None:
    bad = RejectedRecord("3", RejectionReason.MALFORMED)
    crm = ScriptedCrm(
        pages={
            COMPANIES: [[company("1", "a.com"), company("2")], [bad]],
            CONTACTS: [[contact("11", "x@a.com", "1")]],
            DEALS: [[deal("21", "1", ("11",))]],
        }
    )

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        compared = await verify(made)
        assert all(one.is_equal for one in compared.values())
        assert (compared[COMPANIES].records, compared[COMPANIES].rejected) == (3, 1)

    play(crm, scenario)


def test_every_kind_of_difference_is_found_and_nothing_is_written(play: Play) -> None:
    crm = ScriptedCrm(
        pages={
            COMPANIES: [[company("1", "a.com"), company("2", "b.com"), company("3", "c.com")]],
            CONTACTS: [[contact(str(number)) for number in range(11, 16)]],
        }
    )

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        before = await everything(made)
        crm.pages = {
            COMPANIES: [[company("1", "moved.com", minutes=5), company("4", "new.com")]],
            CONTACTS: [[contact("12"), contact("13", minutes=9)]],
            DEALS: [[deal("21")]],
        }
        crm.by_id = {COMPANIES: [company("3", "c.com")], CONTACTS: [contact("14"), contact("16")]}
        crm.merged = {RecordId("15"): RecordId("16")}
        compared = await verify(made)
        assert compared[COMPANIES].differences == {
            MISSING: ["4"],
            GONE: ["2"],
            DIFFERENT: ["1"],
            OTHER_RULES: [],
        }
        # 13 was touched without a change, 14 only came late to the listing, 16 is what 15 was merged into.
        assert {kind: set(found) for kind, found in compared[CONTACTS].differences.items()} == {
            MISSING: {"16"},
            GONE: {"11", "15"},
            DIFFERENT: set(),
            OTHER_RULES: set(),
        }
        assert compared[DEALS].differences[MISSING] == ["21"]
        assert await everything(made) == before

    play(crm, scenario)


def test_a_record_that_is_archived_here_and_lives_there_is_missing_here(play: Play) -> None:
    crm = ScriptedCrm(pages={CONTACTS: [[contact("11"), contact("12")]]})

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        crm.pages = {CONTACTS: [[contact("11")]]}
        await made.sync()
        crm.pages = {CONTACTS: [[contact("11"), contact("12")]]}
        assert (await verify(made))[CONTACTS].differences[MISSING] == ["12"]

    play(crm, scenario)


def test_an_object_type_that_is_refused_is_not_called_equal(play: Play) -> None:
    refusal = PermissionMissing(Provider.HUBSPOT, DEALS, ("crm.objects.deals.read",))
    crm = ScriptedCrm(pages={DEALS: [refusal]})

    async def scenario(made: SyncHarness) -> None:
        compared = await verify(made)
        assert not compared[DEALS].is_equal
        assert "crm.objects.deals.read" in (compared[DEALS].refused or "")
        assert compared[CONTACTS].is_equal

    play(crm, scenario)


def test_it_refuses_while_a_run_of_the_account_is_running_for_any_user(database: str) -> None:
    async def scenario() -> None:
        async with sync_harness(database, ScriptedCrm()) as ada, sync_harness(database, ScriptedCrm()) as bob:
            theirs = await bob.request()
            async with bob.uow(bob.user_id) as tx:
                await tx.runs.save((await tx.runs.lock(theirs.id)).claim(bob.clock.now()))
            for user in (ada, bob):
                with pytest.raises(InvalidTransition, match="is being synced cannot be verified"):
                    await verify(user)

    asyncio.run(scenario())


def test_a_comparison_that_a_run_came_into_is_not_reported(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1")]]})

    async def scenario(made: SyncHarness) -> None:
        async def sync_meanwhile(object_type: ObjectType, place: int) -> None:
            crm.before_page = None
            await made.sync()

        crm.before_page = sync_meanwhile
        with pytest.raises(InvalidTransition, match="being synced"):
            await verify(made)

    play(crm, scenario)


def test_it_refuses_what_is_not_connected(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        verification = VerifySync(
            made.uow,
            CrmProviders(dict(made.crms)),
            made.tokens(),
            PgConnectionOwners(made.pool),
            VERSIONS,
        )
        with pytest.raises(NotFound):
            await verification(ConnectionId(uuid4()))
        async with made.uow(made.user_id) as tx:
            connection = await tx.connections.get_by_id(await connection_id(made))
            await tx.connections.save(connection.disconnect())
        with pytest.raises(InvalidTransition, match="disconnected cannot be verified"):
            await verification(connection.id)

    play(ScriptedCrm(), scenario)


def test_the_exit_code_says_whether_both_are_equal(database: str, spawn: Spawn, secrets: Secrets) -> None:
    sandbox = create_sandbox(Dataset.generate(companies=30), rate_limit=False)

    async def sync() -> str:
        async with hubspot_harness(database, sandbox) as made:
            await made.sync()
            return str(await connection_id(made))

    async def differ() -> str:
        async with hubspot_harness(database, sandbox) as made:
            return str(await made.pool.fetchval("delete from deals returning external_provider_id"))

    connection = asyncio.run(sync())
    with serve_in_thread(sandbox) as url:
        environ = child_environ(hubspot_settings(database, url))
        secrets.register(JWT_SECRET, DEFAULT_CLIENT_SECRET)
        command = (sys.executable, "-m", "astrelo", "verify", "--connection")
        same = spawn(*command, connection, env=environ)
        assert same.wait() == 0, same.stderr
        assert "equal" in same.stdout
        missing = asyncio.run(differ())
        other = spawn(*command, connection, "--json", env=environ)
        assert other.wait() == 1, other.stderr
        report = json.loads(other.stdout)
        assert not report["equal"]
        assert missing in report["object_types"]["deals"]["missing_here"]["ids"]
        unknown = spawn(*command, str(uuid4()), env=environ)
        assert unknown.wait() == 3
        assert "Nothing was compared" in unknown.stderr
        assert "Traceback" not in unknown.stderr
