"""A run, from request to certificate: what lands, what is counted, and how it goes on after trouble."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from astrelo.application.disconnect_crm import DisconnectCrm
from astrelo.application.record_walk import MOST_PAGES
from astrelo.application.schedule_syncs import CancelRun
from astrelo.domain.errors import (
    AstreloError,
    CrmRejected,
    CrmUnavailable,
    PermissionMissing,
    RateLimited,
    ReauthorizationRequired,
)
from astrelo.domain.identifiers import Cursor, ObjectType, Provider
from astrelo.domain.ports import CrmProviders, CrmSession
from astrelo.domain.records import RecordPage, RejectedRecord, RejectionReason
from astrelo.domain.sync import MAX_ATTEMPTS, RunStatus, StepStatus, Window
from tests.builders import at, company, contact, deal, owner
from tests.integration.sync_world import ScriptedCrm, World, paged, thousands_of_companies, world

COMPANIES, CONTACTS, DEALS = ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS
HUBSPOT = Provider.HUBSPOT

Scenario = Callable[[World], Awaitable[None]]


@pytest.fixture
def play(database: str) -> Callable[[ScriptedCrm, Scenario], None]:
    def run(crm: ScriptedCrm, scenario: Scenario) -> None:
        async def once() -> None:
            async with world(database, crm) as made:
                await scenario(made)

        asyncio.run(once())

    return run


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


def test_a_full_run_stores_links_and_certifies_everything(play: Play) -> None:
    async def scenario(made: World) -> None:
        run = await made.sync()
        assert run.status is RunStatus.COMPLETED
        assert all(step.is_certified for step in run.steps)
        assert {step.object_type: step.counts.inserted for step in run.steps} == {
            COMPANIES: 3,
            CONTACTS: 3,
            DEALS: 1,
        }
        view = await made.view()
        acme, second, bolt = (frozenset({("hubspot", record_id)}) for record_id in "123")
        assert set(view.companies) == {acme, second, bolt}
        links = {record_id: row[:3] for (_, record_id), row in view.contacts.items()}
        assert links == {
            "11": (acme, "email_domain", None),
            "12": (second, "provider_id", None),
            "13": (None, None, "no_email"),
        }
        assert view.deals["hubspot", "21"][0] == bolt
        assert view.deals["hubspot", "21"][3] == frozenset({"11"})

    play(small_crm(), scenario)


def test_a_second_run_of_the_same_data_reports_everything_unchanged(play: Play) -> None:
    async def scenario(made: World) -> None:
        await made.sync()
        before = await made.view()
        made.clock.advance(60)
        run = await made.sync()
        counts = [step.counts for step in run.steps]
        assert [(c.inserted, c.updated, c.unchanged) for c in counts] == [(0, 0, 3), (0, 0, 3), (0, 0, 1)]
        assert await made.view() == before

    play(small_crm(), scenario)


def test_an_unchanged_run_writes_no_row(play: Play) -> None:
    async def scenario(made: World) -> None:
        await made.sync()
        made.clock.advance(60)
        await made.sync()
        latest = await made.pool.fetchval("select max(synced_at) from companies")
        first = await made.pool.fetchval("select min(synced_at) from companies")
        assert latest == first

    play(small_crm(), scenario)


def test_a_bump_without_a_change_moves_the_time_and_counts_as_unchanged(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1", "acme.com")]]})

    async def scenario(made: World) -> None:
        await made.sync()
        crm.pages[COMPANIES] = [[company("1", "acme.com", minutes=5)]]
        run = await made.sync()
        assert run.step(COMPANIES).counts.unchanged == 1
        assert await made.pool.fetchval("select source_updated_at from companies") == at(5)

    play(crm, scenario)


def test_a_company_without_domain_synced_twice_makes_no_duplicate(play: Play) -> None:
    async def scenario(made: World) -> None:
        await made.sync()
        await made.sync()
        assert len((await made.view()).companies) == 1

    play(ScriptedCrm(pages={COMPANIES: [[company("1")]]}), scenario)


def test_two_companies_with_one_domain_in_one_batch_are_one_company(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1", "acme.com"), company("2", "acme.com", minutes=1)]]})

    async def scenario(made: World) -> None:
        await made.sync()
        view = await made.view()
        assert list(view.companies.values()) == [("acme.com", "hubspot", "2", "Company 2", None)]

    play(crm, scenario)


def test_domains_swapped_between_two_companies_keep_both_ids(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1", "a.com"), company("2", "b.com")]]})

    async def scenario(made: World) -> None:
        await made.sync()
        ids = await _company_of_record(made)
        crm.pages[COMPANIES] = [[company("1", "b.com", minutes=1), company("2", "a.com", minutes=1)]]
        await made.sync()
        assert await _company_of_record(made) == ids
        domains = await made.pool.fetch("select external_provider_id, domain from companies")
        assert dict(domains) == {"1": "b.com", "2": "a.com"}

    play(crm, scenario)


def test_companies_that_fall_together_leave_an_alias_and_take_their_contacts_along(play: Play) -> None:
    crm = ScriptedCrm(
        pages={
            COMPANIES: [[company("1", "a.com"), company("2", "b.com")]],
            CONTACTS: [[contact("11", company_id="2")]],
        }
    )

    async def scenario(made: World) -> None:
        await made.sync()
        ids = await _company_of_record(made)
        crm.pages[COMPANIES] = [[company("2", "a.com", minutes=1)]]
        await made.sync()
        aliases = await made.pool.fetch("select alias_id, company_id from company_aliases")
        assert [tuple(row) for row in aliases] == [(ids["2"], ids["1"])]
        assert await made.pool.fetchval("select company_id from contacts") == ids["1"]

    play(crm, scenario)


def test_a_record_stays_with_its_company_when_an_older_one_takes_that_over(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1", "a.com"), company("2", "b.com")]]})

    async def scenario(made: World) -> None:
        await made.sync()
        crm.pages[COMPANIES] = [[company("1", "b.com", minutes=1), company("2", "b.com", minutes=1)]]
        await made.sync()
        assert list((await made.view()).companies) == [frozenset({("hubspot", "1"), ("hubspot", "2")})]

    play(crm, scenario)


def test_a_contact_whose_company_comes_later_is_linked_in_the_end(play: Play) -> None:
    crm = ScriptedCrm(pages={CONTACTS: [[contact("11", "ann@acme.com", company_id="1")]]})

    async def scenario(made: World) -> None:
        await made.sync()
        assert (await made.view()).contacts["hubspot", "11"][2] == "no_company"
        crm.pages[COMPANIES] = [[company("1", "other.com"), company("2", "acme.com")]]
        await made.sync()
        link = (await made.view()).contacts["hubspot", "11"][:2]
        assert link == (frozenset({("hubspot", "1")}), "provider_id")

    play(crm, scenario)


def test_a_duplicated_id_across_pages_is_a_repeat_and_the_newer_copy_wins(play: Play) -> None:
    filler = [company(f"f{n}") for n in range(1_000)]
    first, again = [company("1", "a.com"), company("2"), *filler], [company("1", "b.com", minutes=9)]

    async def scenario(made: World) -> None:
        run = await made.sync()
        counts = run.step(COMPANIES).counts
        assert (counts.received, counts.repeats, counts.distinct, counts.inserted) == (1_003, 1, 1_002, 1_002)
        assert counts.is_balanced
        assert (
            await made.pool.fetchval("select domain from companies where external_provider_id='1'") == "b.com"
        )

    play(ScriptedCrm(pages={COMPANIES: [first, again]}), scenario)


def test_a_record_older_than_the_stored_one_is_stale_and_changes_nothing(play: Play) -> None:
    crm = ScriptedCrm(pages={CONTACTS: [[contact("1", "new@acme.com", minutes=5)]]})

    async def scenario(made: World) -> None:
        await made.sync()
        crm.pages[CONTACTS] = [[contact("1", "old@acme.com", minutes=4)]]
        run = await made.sync()
        assert run.step(CONTACTS).counts.stale == 1
        assert (await made.view()).contacts["hubspot", "1"][3] == "new@acme.com"

    play(crm, scenario)


def test_rejected_records_are_kept_by_id_and_reason_and_the_run_balances(play: Play) -> None:
    bad = [RejectedRecord("x" * 128, RejectionReason.BAD_ID), RejectedRecord(None, RejectionReason.MALFORMED)]

    async def scenario(made: World) -> None:
        run = await made.sync()
        counts = run.step(COMPANIES).counts
        assert run.status is RunStatus.COMPLETED
        assert counts.rejected == {"bad_id": 1, "malformed": 1}
        assert counts.is_balanced
        stored = await made.pool.fetch("select record_id, reason from sync_rejections order by reason")
        assert [tuple(row) for row in stored] == [("x" * 128, "bad_id"), (None, "malformed")]

    play(ScriptedCrm(pages={COMPANIES: [[company("1"), *bad]]}), scenario)


def test_unreadable_values_and_unknown_owners_are_counted_by_field(play: Play) -> None:
    records = [company("1", unreadable=("employee_count",), owner_id="404"), company("2", owner_id="7")]

    async def scenario(made: World) -> None:
        run = await made.sync()
        assert run.step(COMPANIES).counts.unreadable == {"employee_count": 1, "crm_rep_id": 1}
        reps = await made.pool.fetchval("select count(*) from companies where crm_rep_id is not null")
        assert reps == 1

    play(ScriptedCrm(pages={COMPANIES: [records]}, reps=[owner("7", archived=True)]), scenario)


def test_a_dropped_connection_fails_the_run_visibly_and_the_next_request_resumes_it(play: Play) -> None:
    page = [company(f"a{n}") for n in range(1_000)]
    crm = ScriptedCrm(pages={COMPANIES: [page, CrmUnavailable(HUBSPOT, "connection reset"), [company("z")]]})

    async def scenario(made: World) -> None:
        failed = await made.sync()
        assert failed.status is RunStatus.FAILED
        assert "connection reset" in (failed.reason or "")
        assert failed.step(COMPANIES).cursor == "1"
        resumed = await made.sync()
        assert resumed.id == failed.id
        assert resumed.status is RunStatus.COMPLETED
        assert resumed.step(COMPANIES).counts.inserted == 1_001
        assert resumed.step(COMPANIES).counts.received == 1_001

    play(crm, scenario)


def test_a_run_that_failed_long_ago_is_not_resumed(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [CrmRejected(HUBSPOT, 400, "odd")]})

    async def scenario(made: World) -> None:
        failed = await made.sync()
        made.clock.advance(timedelta(hours=7).total_seconds())
        assert (await made.sync()).id != failed.id

    play(crm, scenario)


def test_the_ids_that_a_run_saw_are_dropped_even_if_it_failed_and_was_never_gone_on_with(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1")], CrmRejected(HUBSPOT, 400, "odd")]})

    async def scenario(made: World) -> None:
        failed = await made.sync()
        assert await made.pool.fetchval("select count(*) from sync_seen where run_id = $1", failed.id) == 1
        made.clock.advance(timedelta(hours=7).total_seconds())
        crm.pages[COMPANIES] = [[company("1")]]
        assert (await made.sync()).status is RunStatus.COMPLETED
        assert await made.pool.fetchval("select count(*) from sync_seen") == 0

    play(crm, scenario)


def test_a_refused_object_type_makes_the_run_partial_and_stops_no_other(play: Play) -> None:
    crm = small_crm()
    crm.pages[DEALS] = [PermissionMissing(HUBSPOT, DEALS, ("crm.objects.deals.read",))]

    async def scenario(made: World) -> None:
        run = await made.sync()
        assert run.status is RunStatus.PARTIAL
        assert run.step(DEALS).status is StepStatus.REFUSED
        assert "crm.objects.deals.read" in (run.reason or "")
        assert run.step(CONTACTS).is_certified

    play(crm, scenario)


def test_a_revoked_grant_parks_the_run_with_the_reason(play: Play) -> None:
    crm = ScriptedCrm(pages={CONTACTS: [ReauthorizationRequired(HUBSPOT, "the app was uninstalled")]})

    async def scenario(made: World) -> None:
        run = await made.sync()
        assert (run.status, run.parked_until) == (RunStatus.PARKED, None)
        assert "uninstalled" in (run.reason or "")
        await made.run_sync()(made.user_id, run.id)
        assert (await made.stored(run)).status is RunStatus.PARKED

    play(crm, scenario)


class Unending(ScriptedCrm):
    """Gives a page that says that others follow, and no other."""

    async def read(
        self,
        session: CrmSession,
        object_type: ObjectType,
        *,
        window: Window | None = None,
        cursor: Cursor | None = None,
    ) -> AsyncGenerator[RecordPage, None]:
        yield RecordPage(records=[company("1")] if object_type is COMPANIES else [], cursor=Cursor("more"))


def test_a_walk_that_stops_before_the_end_of_data_fails_instead_of_waiting(play: Play) -> None:
    async def scenario(made: World) -> None:
        async with asyncio.timeout(20):
            run = await made.sync()
        assert run.status is RunStatus.FAILED
        assert run.reason is not None
        assert "before the end of data" in run.reason

    play(Unending(), scenario)


def test_a_long_rate_limit_parks_the_run_until_it_ends(play: Play) -> None:
    pause = timedelta(hours=3)
    crm = ScriptedCrm(pages={CONTACTS: [RateLimited(HUBSPOT, pause, "DAILY")]})

    async def scenario(made: World) -> None:
        run = await made.sync()
        assert run.status is RunStatus.PARKED
        assert run.parked_until == made.clock.now() + pause
        queued = await made.pool.fetchval(
            "select count(*) from pgqueuer where execute_after > now() + interval '2 hours'"
        )
        assert queued == 1

    play(crm, scenario)


def test_a_request_does_not_wait_for_the_end_of_a_pause(play: Play) -> None:
    crm = ScriptedCrm(pages={CONTACTS: [RateLimited(HUBSPOT, timedelta(hours=3), "DAILY")]})

    async def scenario(made: World) -> None:
        parked = await made.sync()
        asked = await made.request()
        assert (asked.id, asked.status) == (parked.id, RunStatus.QUEUED)
        assert await made.pool.fetchval("select bool_and(execute_after <= now()) from pgqueuer")

    play(crm, scenario)


def test_a_worker_asked_to_stop_hands_the_run_on_between_batches(play: Play) -> None:
    pages = paged([company(f"{n}") for n in range(3_000)], 1_000)
    crm = ScriptedCrm(pages={COMPANIES: pages})

    async def scenario(made: World) -> None:
        answers = iter([False] * 3 + [True] * 100)
        run = await made.sync(should_stop=lambda: next(answers))
        assert run.status is RunStatus.QUEUED
        assert not run.step(COMPANIES).is_done
        finished = await made.sync()
        assert finished.id == run.id
        assert finished.status is RunStatus.COMPLETED
        assert finished.step(COMPANIES).counts.received == 3_000

    play(crm, scenario)


def test_a_worker_asked_to_stop_while_the_crm_keeps_it_waiting_hands_the_run_on(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: paged([company(f"{n}") for n in range(2_000)], 1_000)})

    async def scenario(made: World) -> None:
        waiting = asyncio.Event()

        async def keep_waiting(object_type: ObjectType, place: int) -> None:
            if (object_type, place) == (COMPANIES, 1):
                waiting.set()
                await asyncio.Event().wait()

        crm.before_page = keep_waiting
        run = await made.sync(should_stop=waiting.is_set)
        assert run.status is RunStatus.QUEUED
        crm.before_page = None
        finished = await made.sync()
        assert finished.id == run.id
        assert finished.step(COMPANIES).counts.distinct == 2_000

    play(crm, scenario)


def test_a_run_that_kills_its_worker_is_given_up_after_a_set_number_of_attempts(play: Play) -> None:
    async def scenario(made: World) -> None:
        run = await made.request()
        async with made.uow(made.user_id) as tx:
            await tx.runs.save(replace(run, status=RunStatus.RUNNING, attempts=MAX_ATTEMPTS))
        await made.run_sync()(made.user_id, run.id)
        assert (await made.stored(run)).status is RunStatus.FAILED

    play(ScriptedCrm(), scenario)


def test_a_request_during_an_open_run_returns_that_run(play: Play) -> None:
    async def scenario(made: World) -> None:
        first = await made.request()
        second = await made.request()
        assert second.id == first.id
        jobs = await made.pool.fetchval("select count(*) from pgqueuer")
        assert jobs == 1

    play(ScriptedCrm(), scenario)


def test_a_run_cancelled_under_way_writes_nothing_more(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: thousands_of_companies(3)})

    async def scenario(made: World) -> None:
        run = await made.request()

        async def cancel_before_the_last(object_type: ObjectType, place: int) -> None:
            if (object_type, place) == (COMPANIES, 2):
                await CancelRun(made.uow, made.clock)(made.user_id, run.id)

        crm.before_page = cancel_before_the_last
        await made.run_sync()(made.user_id, run.id)
        cancelled = await made.stored(run)
        assert cancelled.status is RunStatus.CANCELLED
        assert await made.pool.fetchval("select count(*) from companies") < 3_000
        assert (await made.sync()).id != run.id

    play(crm, scenario)


class EmptyPages(ScriptedCrm):
    """Its companies are pages without records, for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.given = 0
        self.many_given = asyncio.Event()

    async def read(
        self,
        session: CrmSession,
        object_type: ObjectType,
        *,
        window: Window | None = None,
        cursor: Cursor | None = None,
    ) -> AsyncGenerator[RecordPage, None]:
        if object_type is not COMPANIES:
            yield RecordPage(records=[], cursor=None)
            return
        while True:
            self.given += 1
            if self.given == MOST_PAGES * 3:
                self.many_given.set()
            await asyncio.sleep(0)
            yield RecordPage(records=[], cursor=Cursor(str(self.given)))


def test_a_walk_through_pages_without_records_can_be_called_off(play: Play) -> None:
    crm = EmptyPages()

    async def scenario(made: World) -> None:
        run = await made.request()
        running = asyncio.create_task(made.run_sync()(made.user_id, run.id))
        await crm.many_given.wait()
        await CancelRun(made.uow, made.clock)(made.user_id, run.id)
        async with asyncio.timeout(20):
            await running
        assert (await made.stored(run)).status is RunStatus.CANCELLED

    play(crm, scenario)


def test_a_run_whose_connection_is_purged_under_way_ends_quietly(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: thousands_of_companies(2)})

    async def scenario(made: World) -> None:
        run = await made.request()
        purges: list[asyncio.Task[None]] = []

        async def purge_before_the_last(object_type: ObjectType, place: int) -> None:
            if (object_type, place) == (COMPANIES, 1):
                providers = CrmProviders({HUBSPOT: crm})
                disconnect = DisconnectCrm(made.uow, providers, made.tokens(), made.clock)
                # A request of its own: the end of the walk cancels the fetching, not the purge.
                purges.append(asyncio.create_task(disconnect(made.user_id, HUBSPOT, purge=True)))
                await asyncio.shield(purges[0])

        crm.before_page = purge_before_the_last
        await made.run_sync()(made.user_id, run.id)
        await asyncio.gather(*purges)
        await made.run_sync()(made.user_id, run.id)
        assert await made.pool.fetchval("select count(*) from crm_companies") == 0
        assert await made.pool.fetchval("select count(*) from sync_runs") == 0

    play(crm, scenario)


def test_what_two_users_hold_never_links_across(play: Play, database: str) -> None:
    async def scenario(made: World) -> None:
        await made.sync()
        async with world(
            database, ScriptedCrm(pages={CONTACTS: [[contact("11", "ann@acme.com", "1")]]})
        ) as other:
            await other.sync()
            assert (await other.view()).contacts["hubspot", "11"][:3] == (None, None, "no_company")

    play(ScriptedCrm(pages={COMPANIES: [[company("1", "acme.com")]]}), scenario)


async def _company_of_record(made: World) -> dict[str, object]:
    rows = await made.pool.fetch("select external_provider_id, company_id from crm_companies")
    return {row[0]: row[1] for row in rows}


def test_a_text_with_control_characters_is_stored_as_told(play: Play) -> None:
    name = "unit\x1frecord\x1egroup\x1dfile\x1cend\x01"

    async def scenario(made: World) -> None:
        await made.sync()
        stored = await made.pool.fetch("select company_name from companies order by external_provider_id")
        assert [row["company_name"] for row in stored] == [name, "plain"]

    play(ScriptedCrm(pages={COMPANIES: [[company("1", name=name), company("2", name="plain")]]}), scenario)


class CountingCrm(ScriptedCrm):
    """Says beforehand how many records there are, as HubSpot does."""

    async def read(
        self,
        session: CrmSession,
        object_type: ObjectType,
        *,
        window: Window | None = None,
        cursor: Cursor | None = None,
    ) -> AsyncGenerator[RecordPage, None]:
        total = sum(len(page) for page in self.pages[object_type] if not isinstance(page, AstreloError))
        async for page in super().read(session, object_type, window=window, cursor=cursor):
            yield replace(page, expected_total=total)


def test_the_final_pass_finds_every_link_made_where_the_crm_counts(play: Play) -> None:
    """Contacts and deals that arrive first wait for the companies they may belong to."""
    others_are_there = asyncio.Event()

    async def before_page(object_type: ObjectType, place: int) -> None:
        if object_type is DEALS:
            others_are_there.set()
        elif object_type is COMPANIES:
            await others_are_there.wait()

    async def scenario(made: World) -> None:
        with capture_logs() as logs:
            run = await made.sync()
        assert run.status is RunStatus.COMPLETED
        assert [entry["relinked"] for entry in logs if entry["event"] == "sync.finished"] == [0]
        assert await made.pool.fetchval("select count(*) from contacts where company_id is not null") == 2

    play(CountingCrm(pages=small_crm().pages, reps=[owner("7")], before_page=before_page), scenario)
