"""What each of a user's two CRMs has for itself: runs, slots, freshness, counts."""

from collections.abc import Mapping

from astrelo.adapters.outbound.postgres.companies.reader import PgCompanyReader
from astrelo.adapters.outbound.postgres.connections.reader import PgIntegrationReader
from astrelo.adapters.outbound.postgres.cross_tenant import PgConnectionOwners, PgSyncSchedule
from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.application.read.views import (
    CompanyCounts,
    ContactCounts,
    DealCounts,
    IntegrationCounts,
    LinkCounts,
    UnlinkedCounts,
)
from astrelo.application.sync.schedule_syncs import ScheduleDueSyncs
from astrelo.application.sync.verify_sync import VerifySync
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.ports.crm import CrmProviders, RecordUrls
from astrelo.domain.sync import RunStatus
from tests.support.builders import VERSIONS, company, contact, deal
from tests.support.harness.sync import SyncHarness
from tests.support.harness.two_crms import BOTH, HUBSPOT, SALESFORCE, TwoCrms, acme_in_both, play, sync_both


def test_accounts_of_two_crms_with_one_id_are_two_accounts(database: str) -> None:
    both = acme_in_both()

    async def scenario(made: SyncHarness) -> None:
        runs = [await made.request(source) for source in BOTH]
        async with made.uow(made.user_id) as tx:
            for run in runs:
                await tx.runs.save((await tx.runs.lock(run.id)).claim(made.clock.now()))
        assert {run.account_id for run in runs} == {"1"}
        assert [(await made.load_run(run)).status for run in runs] == [RunStatus.RUNNING] * 2

    play(database, both, scenario)


def test_a_sync_asked_for_at_one_crm_does_not_touch_the_other(database: str) -> None:
    both = acme_in_both()

    async def scenario(made: SyncHarness) -> None:
        await sync_both(made)
        asked = await made.request(HUBSPOT)
        assert (asked.provider, asked.status) == (HUBSPOT, RunStatus.QUEUED)
        assert (await made.request(HUBSPOT)).id == asked.id
        open_runs = "select provider from sync_runs where status in ('queued', 'running', 'parked')"
        assert [row[0] for row in await made.pool.fetch(open_runs)] == ["hubspot"]
        other = await made.request(SALESFORCE)
        await made.run_sync()(made.user_id, asked.id)
        assert (await made.load_run(other)).status is RunStatus.QUEUED
        requested = "select provider from crm_connections where sync_requested_at is not null"
        assert await made.pool.fetch(requested) == []

    play(database, both, scenario)


def test_each_crm_has_slots_of_its_own_and_one_that_waits_does_not_keep_the_other(database: str) -> None:
    both = acme_in_both()

    async def scenario(made: SyncHarness) -> None:
        await sync_both(made)
        schedule = ScheduleDueSyncs(
            PgSyncSchedule(made.pool), made.uow, made.lifecycle(), made.policy, made.clock
        )
        made.clock.advance(made.policy.incremental_every.total_seconds())
        assert await schedule() == 2
        rows = await made.pool.fetch(
            "select provider, mode, id from sync_runs where status = 'queued' order by provider"
        )
        assert [tuple(row)[:2] for row in rows] == [("hubspot", "incremental"), ("salesforce", "incremental")]
        await made.run_sync()(made.user_id, rows[1]["id"])
        made.clock.advance(made.policy.incremental_every.total_seconds())
        assert await schedule() == 1
        latest = "select provider from sync_runs where status = 'queued' order by requested_at desc limit 1"
        assert await made.pool.fetchval(latest) == "salesforce"

    play(database, both, scenario)


def test_freshness_is_each_crm_s_own(database: str) -> None:
    both = acme_in_both()

    async def scenario(made: SyncHarness) -> None:
        await sync_both(made, HUBSPOT)
        async with made.uow(made.user_id) as tx:
            connections = [await tx.connections.get(source) for source in BOTH]
            known = [await tx.connections.freshness(one.id) for one in connections if one is not None]
        assert [set(freshness) for freshness in known] == [set(ObjectType), set()]

    play(database, both, scenario)


def test_verifying_one_crm_does_not_miss_what_the_other_has(database: str) -> None:
    both = TwoCrms()
    both.set_records(HUBSPOT, [company("1")], [contact("11")], [deal("21")])
    both.set_records(SALESFORCE, [company("2")], [contact("12")], [deal("22")])

    async def scenario(made: SyncHarness) -> None:
        await sync_both(made)
        verify = VerifySync(
            made.uow,
            CrmProviders(dict(made.crms)),
            made.tokens(),
            PgConnectionOwners(made.pool),
            VERSIONS,
        )
        for source in BOTH:
            connection = await made.connect(source)
            assert all(compared.is_equal for compared in await verify(connection.id))

    play(database, both, scenario)


async def _counts(made: SyncHarness) -> Mapping[Provider, IntegrationCounts]:
    return {
        view.provider: view.counts
        for view in await PgIntegrationReader(Reads(made.pool)).connected(made.user_id)
    }


def test_the_counts_of_each_crm_are_of_its_own_records_and_their_links_to_any_company(database: str) -> None:
    both = acme_in_both()

    async def scenario(made: SyncHarness) -> None:
        await sync_both(made)
        counts = await _counts(made)
        assert counts[HUBSPOT] == IntegrationCounts(
            companies=CompanyCounts(records=2, entities=2),
            contacts=ContactCounts(total=3, linked=LinkCounts(provider_id=2, email_domain=1)),
            deals=DealCounts(total=2, linked=2),
            owners=1,
        )
        assert counts[SALESFORCE] == IntegrationCounts(
            companies=CompanyCounts(records=2, entities=2),
            contacts=ContactCounts(total=3, linked=LinkCounts(provider_id=1, email_domain=2)),
            deals=DealCounts(total=2, linked=2),
            owners=2,
        )
        companies = PgCompanyReader(Reads(made.pool), RecordUrls({}))
        summary = await companies.summary(made.user_id)
        assert (summary.companies, summary.with_two_sources) == (3, 1)
        await made.disconnect(SALESFORCE)
        assert await _counts(made) == counts
        await made.disconnect(SALESFORCE, purge=True)
        unlinked = UnlinkedCounts(no_company=1)
        assert await _counts(made) == {
            HUBSPOT: IntegrationCounts(
                companies=CompanyCounts(records=2, entities=2),
                contacts=ContactCounts(total=3, linked=LinkCounts(provider_id=2), unlinked=unlinked),
                deals=DealCounts(total=2, linked=2),
                owners=1,
            )
        }
        summary = await companies.summary(made.user_id)
        assert (summary.companies, summary.with_two_sources) == (2, 0)

    play(database, both, scenario)
