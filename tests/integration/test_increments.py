"""What a run does beyond walking: windows, deletions, merges, hints, requests while it runs, slices."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from astrelo.application.refresh_records import READ_AT_ONCE
from astrelo.application.schedule_syncs import SyncNow
from astrelo.domain.errors import AstreloError, CrmRejected, CrmUnavailable
from astrelo.domain.identifiers import ObjectType, Provider, RecordId
from astrelo.domain.ports import CrmSession
from astrelo.domain.records import RecordHint, RecordPage
from astrelo.domain.schedule import SyncPolicy
from astrelo.domain.sync import RunStatus, SyncMode, SyncRun
from tests.builders import company, contact, deal
from tests.integration.sync_world import ScriptedCrm, World, thousands_of_companies, world

COMPANIES, CONTACTS, DEALS = ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS
HUBSPOT = Provider.HUBSPOT

Scenario = Callable[[World], Awaitable[None]]
Play = Callable[[ScriptedCrm, Scenario], None]


@pytest.fixture
def play(database: str) -> Play:
    def run(crm: ScriptedCrm, scenario: Scenario) -> None:
        async def once() -> None:
            async with world(database, crm) as made:
                await scenario(made)

        asyncio.run(once())

    return run


def ids(*told: str) -> list[RecordId]:
    return [RecordId(record_id) for record_id in told]


async def runs_of(made: World) -> list[tuple[str, str]]:
    rows = await made.pool.fetch("select mode, status from sync_runs order by requested_at, id")
    return [tuple(row) for row in rows]


def test_an_incremental_run_asks_from_the_watermark_less_the_settle_delay(play: Play) -> None:
    async def scenario(made: World) -> None:
        full = await made.sync()
        made.clock.advance(900)
        asked = made.clock.now()
        run = await made.sync(mode=SyncMode.INCREMENTAL)
        window = run.step(CONTACTS).window
        assert window is not None
        assert window.start == full.started_at - made.policy.settle_delay  # type: ignore[operator] # it was started
        assert window.end == asked
        known = await made.pool.fetchrow(
            "select complete_as_of, watermark from connection_freshness where object_type = 'contacts'"
        )
        # A list is up to date and a search is not: what the full run knew is not given up.
        assert tuple(known) == (full.started_at, window.end)
        made.clock.advance(7200)
        later = await made.sync(mode=SyncMode.INCREMENTAL)
        complete = await made.pool.fetchval(
            "select complete_as_of from connection_freshness where object_type = 'contacts'"
        )
        assert complete == later.step(CONTACTS).window.end - made.policy.settle_delay  # type: ignore[union-attr]

    play(ScriptedCrm(), scenario)


def test_an_incremental_run_before_any_full_one_walks_everything(play: Play) -> None:
    async def scenario(made: World) -> None:
        run = await made.sync(mode=SyncMode.INCREMENTAL)
        assert all(step.window is None for step in run.steps)

    play(ScriptedCrm(), scenario)


def test_what_a_whole_walk_did_not_meet_is_archived_once_it_is_confirmed(play: Play) -> None:
    crm = ScriptedCrm(
        pages={
            COMPANIES: [[company("1", "a.com"), company("2", "b.com")]],
            CONTACTS: [[contact("11", "x@b.com"), contact("12", "y@a.com")]],
            DEALS: [[deal("21", "2", ("11",))]],
        }
    )

    async def scenario(made: World) -> None:
        await made.sync()
        crm.pages = {COMPANIES: [[company("1", "a.com")]], CONTACTS: [[contact("12", "y@a.com")]]}
        crm.by_id = {DEALS: [deal("21", "2", ("11",))]}
        made.clock.advance(60)
        run = await made.sync()
        archived = {step.object_type: step.counts.archived for step in run.steps}
        assert archived == {COMPANIES: 1, CONTACTS: 1, DEALS: 0}
        assert all(step.is_certified for step in run.steps)
        view = await made.view()
        assert set(view.companies) == {frozenset({("hubspot", "1")})}
        assert set(view.contacts) == {("hubspot", "12")}
        assert view.deals["hubspot", "21"][0] is None
        assert view.deals["hubspot", "21"][3] == frozenset()

    play(crm, scenario)


def test_an_archived_record_that_is_listed_again_lives_again_under_its_old_id(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1", "a.com"), company("2", "b.com")]]})

    async def scenario(made: World) -> None:
        await made.sync()
        before = await made.pool.fetchval("select id from companies where domain = 'b.com'")
        crm.pages = {COMPANIES: [[company("1", "a.com")]]}
        await made.sync()
        crm.pages = {COMPANIES: [[company("1", "a.com"), company("2", "b.com")]]}
        await made.sync()
        assert await made.pool.fetchval("select id from companies where domain = 'b.com'") == before

    play(crm, scenario)


def test_a_search_whose_index_lags_does_not_revive_what_is_archived(play: Play) -> None:
    crm = ScriptedCrm(pages={CONTACTS: [[contact("11", "x@a.com")]]})

    async def scenario(made: World) -> None:
        await made.sync()
        crm.pages = {}
        await made.sync()
        crm.pages = {CONTACTS: [[contact("11", "x@a.com", minutes=1)]]}
        run = await made.sync(mode=SyncMode.INCREMENTAL)
        assert run.step(CONTACTS).counts.stale == 1
        assert (await made.view()).contacts == {}

    play(crm, scenario)


def test_a_window_that_is_read_where_records_are_kept_revives_what_is_archived(play: Play) -> None:
    crm = ScriptedCrm(pages={CONTACTS: [[contact("11", "x@a.com")]]}, has_lagging_index=False)

    async def scenario(made: World) -> None:
        await made.sync()
        crm.pages = {}
        await made.sync()
        made.clock.advance(1)
        # Brought back at a time before we took it for gone: it can be seen only some time after its stamp.
        crm.pages = {CONTACTS: [[contact("11", "x@a.com", minutes=1)]]}
        await made.sync(mode=SyncMode.INCREMENTAL)
        assert set((await made.view()).contacts) == {("hubspot", "11")}

    play(crm, scenario)


def test_a_page_that_was_read_before_a_deletion_does_not_undo_it(play: Play) -> None:
    crm = ScriptedCrm(pages={CONTACTS: [[contact("11", "x@a.com")]]})

    async def scenario(made: World) -> None:
        await made.sync()

        async def be_archived(object_type: ObjectType, place: int) -> None:
            if object_type is CONTACTS:
                made.clock.advance(1)
                async with made.uow(made.user_id) as tx:
                    await tx.contacts.archive(HUBSPOT, ids("11"), made.clock.now())

        crm.before_page = be_archived
        run = await made.sync()
        assert run.step(CONTACTS).counts.stale == 1
        assert (await made.view()).contacts == {}
        crm.before_page = None
        made.clock.advance(1)
        await made.sync()
        assert set((await made.view()).contacts) == {("hubspot", "11")}

    play(crm, scenario)


def test_a_listing_cut_short_deletes_nothing(play: Play) -> None:
    everything = thousands_of_companies(1)
    crm = ScriptedCrm(pages={COMPANIES: everything})

    async def scenario(made: World) -> None:
        await made.sync()
        crm.pages = {COMPANIES: [[company("0")]]}
        run = await made.sync()
        assert run.status is RunStatus.PARTIAL
        assert "999 of 1000 companies are gone" in (run.reason or "")
        assert len((await made.view()).companies) == 1_000

    play(crm, scenario)


def test_a_worker_asked_to_stop_while_it_confirms_deletions_hands_the_run_on(play: Play) -> None:
    asked_for: list[int] = []

    class Counting(ScriptedCrm):
        async def fetch(
            self, session: CrmSession, object_type: ObjectType, ids: Sequence[RecordId]
        ) -> RecordPage:
            asked_for.append(len(ids))
            return await super().fetch(session, object_type, ids)

    crm = Counting(pages={COMPANIES: thousands_of_companies(1)})

    async def scenario(made: World) -> None:
        made.policy = SyncPolicy(most_deletions=1.0)
        await made.sync()
        crm.pages = {COMPANIES: [[company("another")]]}
        run = await made.sync(should_stop=lambda: bool(asked_for))
        assert (run.status, asked_for) == (RunStatus.QUEUED, [READ_AT_ONCE])
        await carry_out_the_open_one(made)
        run = await made.stored(run)
        assert (run.status, run.step(COMPANIES).counts.archived) == (RunStatus.COMPLETED, 1_000)

    play(crm, scenario)


def test_an_erased_contact_really_goes(play: Play) -> None:
    crm = ScriptedCrm(pages={CONTACTS: [[contact("11", "x@a.com")]]}, erased=frozenset(ids("11")))

    async def scenario(made: World) -> None:
        await made.sync()
        crm.pages = {}
        await made.sync()
        assert await made.pool.fetchval("select count(*) from contacts") == 0

    play(crm, scenario)


def test_a_merged_company_becomes_an_alias_and_its_contacts_and_deals_follow(play: Play) -> None:
    crm = ScriptedCrm(
        pages={
            COMPANIES: [[company("1", "a.com"), company("2", "b.com")]],
            CONTACTS: [[contact("11", company_id="1")]],
            DEALS: [[deal("21", company_id="2")]],
        }
    )

    async def scenario(made: World) -> None:
        await made.sync()
        former = {row["id"] for row in await made.pool.fetch("select id from companies")}
        survivor = company("3", "a.com", minutes=5)
        crm.pages[COMPANIES] = [[survivor]]
        crm.by_id = {COMPANIES: [survivor]}
        crm.merged = dict.fromkeys(ids("1", "2"), RecordId("3"))
        run = await made.sync()
        assert run.step(COMPANIES).counts.merged == 2
        view = await made.view()
        merged = frozenset({("hubspot", "3")})
        assert set(view.companies) == {merged}
        assert view.contacts["hubspot", "11"][:2] == (merged, "provider_id")
        assert view.deals["hubspot", "21"][0] == merged
        living = await made.pool.fetchval("select id from companies where archived_at is null")
        aliases = await made.pool.fetch("select alias_id, company_id from company_aliases")
        assert living in former
        assert [tuple(row) for row in aliases] == [((former - {living}).pop(), living)]

    play(crm, scenario)


@dataclass
class Hints:
    """Tells a world's connection what a webhook would."""

    made: World
    told: Mapping[ObjectType, list[str]] = field(default_factory=dict)

    async def arrive(self) -> None:
        hints = {RecordHint(kind, RecordId(id_)) for kind, named in self.told.items() for id_ in named}
        async with self.made.uow(self.made.user_id) as tx:
            connection = await tx.connections.get(HUBSPOT)
            assert connection is not None
            await tx.hints.add(connection.id, hints, self.made.clock.now())


def test_a_run_for_events_reads_only_what_was_named(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1", "a.com"), company("2", "b.com")]]})

    async def scenario(made: World) -> None:
        await made.sync()
        crm.by_id = {COMPANIES: [company("1", "new.com", minutes=3)], CONTACTS: [contact("11", "x@new.com")]}
        await Hints(made, {COMPANIES: ["1", "2"], CONTACTS: ["11"], DEALS: ["404"]}).arrive()
        run = await made.sync(mode=SyncMode.EVENTS)
        assert run.status is RunStatus.COMPLETED
        view = await made.view()
        assert [row[0] for row in view.companies.values()] == ["new.com"]
        assert view.contacts["hubspot", "11"][1] == "email_domain"
        assert await made.pool.fetchval("select count(*) from sync_hints") == 0

    play(crm, scenario)


class SenselessCrm(ScriptedCrm):
    """Answers a read by id with what makes no sense, or not at all."""

    error: AstreloError = CrmRejected(HUBSPOT, None, "no word about record 1")

    async def fetch(
        self, session: CrmSession, object_type: ObjectType, ids: Sequence[RecordId]
    ) -> RecordPage:
        raise self.error


def test_hints_that_can_never_be_followed_do_not_fail_every_run(play: Play) -> None:
    async def scenario(made: World) -> None:
        await made.sync()
        await Hints(made, {COMPANIES: ["1"]}).arrive()
        assert (await made.sync(mode=SyncMode.EVENTS)).status is RunStatus.COMPLETED
        assert await made.pool.fetchval("select count(*) from sync_hints") == 0

    play(SenselessCrm(), scenario)


def test_hints_outlive_a_run_that_failed_and_the_run_asked_for_next_is_not_one_for_them(play: Play) -> None:
    crm = SenselessCrm()
    crm.error = CrmUnavailable(HUBSPOT, "502")

    async def scenario(made: World) -> None:
        await made.sync()
        await Hints(made, {COMPANIES: ["1"]}).arrive()
        assert (await made.sync(mode=SyncMode.EVENTS)).status is RunStatus.FAILED
        assert await made.pool.fetchval("select count(*) from sync_hints") == 1
        asked = await made.request(mode=SyncMode.FULL)
        assert (asked.mode, asked.status) == (SyncMode.FULL, RunStatus.QUEUED)

    play(crm, scenario)


def test_a_hint_that_comes_while_its_record_is_read_is_not_forgotten(play: Play) -> None:
    async def scenario(made: World) -> None:
        hints = Hints(made, {COMPANIES: ["1"]})
        await hints.arrive()
        async with made.uow(made.user_id) as tx:
            connection = await tx.connections.get(HUBSPOT)
            assert connection is not None
            read = await tx.hints.waiting(connection.id, COMPANIES, 10)
        made.clock.advance(1)
        await hints.arrive()
        async with made.uow(made.user_id) as tx:
            await tx.hints.settle(connection.id, COMPANIES, read)
            assert await tx.hints.any_waiting(connection.id)

    play(ScriptedCrm(), scenario)


def test_hints_that_arrive_during_a_run_lead_to_a_run_for_them(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1")]]})

    async def scenario(made: World) -> None:
        async def hint_once(object_type: ObjectType, place: int) -> None:
            if object_type is COMPANIES:
                await Hints(made, {COMPANIES: ["1"]}).arrive()

        crm.before_page = hint_once
        await made.sync()
        assert await runs_of(made) == [("full", "completed"), ("events", "queued")]

    play(crm, scenario)


def test_more_hints_than_fit_into_a_slice_are_left_to_the_run_after_it(play: Play) -> None:
    named = [str(number) for number in range(1, READ_AT_ONCE + 3)]
    crm = ScriptedCrm(by_id={COMPANIES: [company(record_id) for record_id in named]})

    async def scenario(made: World) -> None:
        await Hints(made, {COMPANIES: named}).arrive()
        await made.sync(mode=SyncMode.EVENTS, should_stop=lambda: True)
        assert await made.pool.fetchval("select count(*) from sync_hints") == 2
        assert await runs_of(made) == [("events", "completed"), ("events", "queued")]
        await carry_out_the_open_one(made)
        assert await made.pool.fetchval("select count(*) from sync_hints") == 0
        assert await runs_of(made) == [("events", "completed"), ("events", "completed")]

    play(crm, scenario)


def test_any_number_of_requests_during_a_run_lead_to_exactly_one_more(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1")]]})

    async def scenario(made: World) -> None:
        async def ask(object_type: ObjectType, place: int) -> None:
            for _ in range(3):
                await made.request()

        crm.before_page = ask
        await made.sync()
        crm.before_page = None
        assert await runs_of(made) == [("full", "completed"), ("incremental", "queued")]
        await carry_out_the_open_one(made)
        assert await runs_of(made) == [("full", "completed"), ("incremental", "completed")]

    play(crm, scenario)


@pytest.mark.parametrize("begun", [True, False], ids=["running", "queued"])
def test_a_full_sync_asked_for_during_an_incremental_one_follows_it(play: Play, begun: bool) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1")]]})

    async def scenario(made: World) -> None:
        async def ask(object_type: ObjectType, place: int) -> None:
            await made.request(mode=SyncMode.FULL)
            await made.request(mode=SyncMode.INCREMENTAL)

        await made.sync()
        run = await made.request(mode=SyncMode.INCREMENTAL)
        if begun:
            crm.before_page = ask
        else:
            assert await made.request(mode=SyncMode.FULL) == run
        await made.run_sync()(made.user_id, run.id)
        crm.before_page = None
        modes = ["full completed", "incremental completed", "full queued"]
        assert [" ".join(told) for told in await runs_of(made)] == modes
        await carry_out_the_open_one(made)
        assert (await runs_of(made))[2:] == [("full", "completed")]

    play(crm, scenario)


def test_a_slice_hands_the_run_on_and_the_next_goes_on_from_there(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: thousands_of_companies(3)})

    async def scenario(made: World) -> None:
        made.policy = SyncPolicy(slice_length=timedelta(seconds=60))

        async def time_passes(object_type: ObjectType, place: int) -> None:
            made.clock.advance(40 if object_type is COMPANIES else 0)

        crm.before_page = time_passes
        run = await made.sync()
        slices = 1
        while run.status is RunStatus.QUEUED:
            await made.run_sync()(made.user_id, run.id)
            run, slices = await made.stored(run), slices + 1
        assert run.status is RunStatus.COMPLETED
        assert slices > 1
        assert run.step(COMPANIES).counts.received == 3_000
        assert run.step(COMPANIES).counts.repeats == 0

    play(crm, scenario)


def test_one_run_of_an_account_at_a_time_whoever_asks(database: str) -> None:
    async def scenario() -> None:
        async with world(database, ScriptedCrm()) as ada, world(database, ScriptedCrm()) as bob:
            theirs = await ada.request()
            async with ada.uow(ada.user_id) as tx:
                await tx.runs.save((await tx.runs.lock(theirs.id)).taken_up(ada.clock.now()))
            waiting = await bob.sync()
            assert waiting.status is RunStatus.QUEUED
            assert waiting.started_at is None
            async with ada.uow(ada.user_id) as tx:
                running = await tx.runs.lock(theirs.id)
                await tx.runs.save(replace(running, status=RunStatus.QUEUED))
            await bob.run_sync()(bob.user_id, waiting.id)
            assert (await bob.stored(waiting)).status is RunStatus.COMPLETED

    asyncio.run(scenario())


async def carry_out_the_open_one(made: World) -> SyncRun:
    run = await SyncNow(made.uow, made.request_sync())(made.user_id, HUBSPOT, SyncMode.EVENTS)
    await made.run_sync()(made.user_id, run.id)
    return await made.stored(run)
