"""How a run ends, or goes on, when something comes between: trouble, a pause, a worker that stops, a cancellation."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from astrelo.adapters.outbound.postgres.cross_tenant import PgAppUninstalls
from astrelo.application.connect.disconnect_crm import DisconnectCrm
from astrelo.application.sync.batches import MAX_PAGES
from astrelo.application.sync.run_lifecycle import RunEnded, RunEndedSubscribers
from astrelo.application.sync.schedule_syncs import CancelRun
from astrelo.domain.errors import CrmUnavailable, RateLimited, ReauthorizationRequired, StoreUnavailable
from astrelo.domain.identifiers import Cursor, ObjectType, Provider, RecordId
from astrelo.domain.ports.crm import CrmProviders, CrmSession
from astrelo.domain.ports.state import Transaction
from astrelo.domain.records import PendingRefetch, RecordPage
from astrelo.domain.schedule import SyncPolicy
from astrelo.domain.sync import MAX_ATTEMPTS, RunStatus, StepStatus, Window
from tests.support.builders import company
from tests.support.harness.scenarios import Play
from tests.support.harness.sync import (
    PageOrError,
    ScriptedCrm,
    SyncHarness,
    split_pages,
    thousands_of_companies,
)

COMPANIES, CONTACTS = ObjectType.COMPANIES, ObjectType.CONTACTS
HUBSPOT = Provider.HUBSPOT


@dataclass
class StalledCrm(ScriptedCrm):
    """A CRM that never sends the first page of companies, or a record that is asked for by id."""

    stalls_on: str = "page"
    has_stalled: asyncio.Event = field(default_factory=asyncio.Event)
    was_closed: bool = False

    async def _stall(self) -> None:
        self.has_stalled.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.was_closed = True

    async def read(
        self,
        session: CrmSession,
        object_type: ObjectType,
        *,
        window: Window | None = None,
        cursor: Cursor | None = None,
    ) -> AsyncGenerator[RecordPage, None]:
        if object_type is COMPANIES and self.stalls_on == "page":
            await self._stall()
        yield RecordPage(records=(), cursor=None)

    async def fetch(
        self, session: CrmSession, object_type: ObjectType, ids: Sequence[RecordId]
    ) -> RecordPage:
        await self._stall()
        raise NotImplementedError


class EndlessCrm(ScriptedCrm):
    """A CRM whose listing of companies has two pages, each of which names the other as the next one."""

    async def read(
        self,
        session: CrmSession,
        object_type: ObjectType,
        *,
        window: Window | None = None,
        cursor: Cursor | None = None,
    ) -> AsyncGenerator[RecordPage, None]:
        if object_type is not COMPANIES:
            yield RecordPage(records=(), cursor=None)
            return
        place = int(cursor or 0)
        while True:
            page = [company(str(number)) for number in range(place * 10, place * 10 + 10)]
            place = 1 - place
            yield RecordPage(records=page, cursor=Cursor(str(place)))


def test_a_dropped_connection_fails_the_run_visibly_and_the_next_request_resumes_it(play: Play) -> None:
    page = [company(f"a{n}") for n in range(1_000)]
    crm = ScriptedCrm(pages={COMPANIES: [page, CrmUnavailable(HUBSPOT, "connection reset"), [company("z")]]})

    async def scenario(made: SyncHarness) -> None:
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
    crm = ScriptedCrm(pages={COMPANIES: [CrmUnavailable(HUBSPOT, "a test")]})

    async def scenario(made: SyncHarness) -> None:
        failed = await made.sync()
        assert failed.status is RunStatus.FAILED
        made.clock.advance(timedelta(hours=7).total_seconds())
        assert (await made.sync()).id != failed.id

    play(crm, scenario)


def test_the_ids_that_a_run_saw_are_dropped_even_if_it_failed_and_was_never_gone_on_with(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1")], CrmUnavailable(HUBSPOT, "a test")]})

    async def scenario(made: SyncHarness) -> None:
        failed = await made.sync()
        assert await made.pool.fetchval("select count(*) from sync_seen where run_id = $1", failed.id) == 1
        made.clock.advance(timedelta(hours=7).total_seconds())
        crm.pages[COMPANIES] = [[company("1")]]
        assert (await made.sync()).status is RunStatus.COMPLETED
        assert await made.pool.fetchval("select count(*) from sync_seen") == 0

    play(crm, scenario)


def test_a_revoked_grant_parks_the_run_with_the_reason(play: Play) -> None:
    crm = ScriptedCrm(pages={CONTACTS: [ReauthorizationRequired(HUBSPOT, "the app was uninstalled")]})

    async def scenario(made: SyncHarness) -> None:
        run = await made.sync()
        assert (run.status, run.parked_until) == (RunStatus.PARKED, None)
        assert "uninstalled" in (run.reason or "")
        await made.run_sync()(made.user_id, run.id)
        assert (await made.load_run(run)).status is RunStatus.PARKED

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


def test_a_stream_that_stops_before_the_end_of_data_fails_instead_of_waiting(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        async with asyncio.timeout(20):
            run = await made.sync()
        assert run.status is RunStatus.FAILED
        assert run.reason is not None
        assert "before the end of data" in run.reason

    play(Unending(), scenario)


def test_a_long_rate_limit_parks_the_run_until_it_ends(play: Play) -> None:
    pause = timedelta(hours=3)
    crm = ScriptedCrm(pages={CONTACTS: [RateLimited(HUBSPOT, pause, "DAILY", "the day is over")]})

    async def scenario(made: SyncHarness) -> None:
        run = await made.sync()
        assert run.status is RunStatus.PARKED
        assert run.parked_until == made.clock.now() + pause
        assert run.reason == (
            "HubSpot asked us to wait: the day is over (DAILY). "
            "What has been read so far is stored; the sync continues by itself."
        )
        queued = await made.pool.fetchval(
            "select count(*) from pgqueuer where execute_after > now() + interval '2 hours'"
        )
        assert queued == 1

    play(crm, scenario)


def test_a_time_slice_yields_the_worker_and_the_next_goes_on_from_there(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: thousands_of_companies(3)})

    async def scenario(made: SyncHarness) -> None:
        made.policy = SyncPolicy(slice_length=timedelta(seconds=60))

        async def time_passes(object_type: ObjectType, place: int) -> None:
            made.clock.advance(40 if object_type is COMPANIES else 0)

        crm.before_page = time_passes
        run = await made.sync()
        slices = 1
        while run.status is RunStatus.QUEUED:
            await made.run_sync()(made.user_id, run.id)
            run, slices = await made.load_run(run), slices + 1
        assert run.status is RunStatus.COMPLETED
        assert slices > 1
        assert run.step(COMPANIES).counts.received == 3_000
        assert run.step(COMPANIES).counts.repeats == 0

    play(crm, scenario)


def test_a_worker_asked_to_stop_hands_the_run_on_between_batches(play: Play) -> None:
    pages = split_pages([company(f"{n}") for n in range(3_000)], 1_000)
    crm = ScriptedCrm(pages={COMPANIES: pages})

    async def scenario(made: SyncHarness) -> None:
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
    crm = ScriptedCrm(pages={COMPANIES: split_pages([company(f"{n}") for n in range(2_000)], 1_000)})

    async def scenario(made: SyncHarness) -> None:
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


def test_a_worker_that_wakes_up_after_its_run_was_given_up_writes_nothing_more(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1")], [company("2")]]})

    async def scenario(made: SyncHarness) -> None:
        ends: list[RunStatus] = []

        async def note(tx: Transaction, event: RunEnded) -> None:
            ends.append(event.run.status)

        made.run_ended = RunEndedSubscribers((note,))
        run = await made.request()
        for _ in range(MAX_ATTEMPTS - 1):
            await made.lifecycle().claim(made.user_id, run.id)

        async def give_up(object_type: ObjectType, place: int) -> None:
            if (object_type, place) == (COMPANIES, 1):
                await made.run_sync()(made.user_id, run.id)

        crm.before_page = give_up
        await made.run_sync()(made.user_id, run.id)
        assert ((await made.load_run(run)).status, ends) == (RunStatus.FAILED, [RunStatus.FAILED])
        assert await made.pool.fetchval("select count(*) from crm_companies") == 0

    play(crm, scenario)


def test_connections_that_the_server_ends_do_not_count_as_workers_that_went_away(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1")]]})

    async def scenario(made: SyncHarness) -> None:
        run = await made.request()

        async def end_sessions(object_type: ObjectType, _place: int) -> None:
            if object_type is COMPANIES:
                async with made.pool.acquire() as other:
                    await other.execute(
                        """select pg_terminate_backend(pid) from pg_stat_activity
                           where datname = current_database() and pid <> pg_backend_pid()"""
                    )

        crm.before_page = end_sessions
        stopped = 0
        for _ in range(3 * MAX_ATTEMPTS):
            try:
                await made.run_sync()(made.user_id, run.id)
            except StoreUnavailable:
                stopped += 1
            if not (await made.load_run(run)).status.is_open:
                break
        crm.before_page = None
        if (await made.load_run(run)).status.is_open:
            await made.run_sync()(made.user_id, run.id)
        ended = await made.load_run(run)
        assert stopped
        assert (ended.status, ended.reason) == (RunStatus.COMPLETED, None)

    play(crm, scenario)


def test_outages_are_given_back_one_by_one_and_crashes_are_not(play: Play) -> None:
    outages: list[PageOrError] = [StoreUnavailable("a test") for _ in range(2 * MAX_ATTEMPTS)]
    crm = ScriptedCrm(pages={COMPANIES: [*outages, [company("1")]]})

    async def scenario(made: SyncHarness) -> None:
        run = await made.request()
        await made.lifecycle().claim(made.user_id, run.id)  # by a worker that vanishes
        for _ in range(2 * MAX_ATTEMPTS):
            with pytest.raises(StoreUnavailable):
                await made.run_sync()(made.user_id, run.id)
        assert (await made.load_run(run)).attempts == 1
        await made.run_sync()(made.user_id, run.id)
        assert (await made.load_run(run)).status is RunStatus.COMPLETED

    play(crm, scenario)


def test_a_statement_that_is_too_slow_each_time_ends_the_run_after_a_set_number_of_attempts(
    play: Play,
) -> None:
    slow: list[PageOrError] = [StoreUnavailable("a test", is_outage=False) for _ in range(MAX_ATTEMPTS)]
    crm = ScriptedCrm(pages={COMPANIES: [*slow, [company("1")]]})

    async def scenario(made: SyncHarness) -> None:
        run = await made.request()
        for _ in range(MAX_ATTEMPTS):
            with pytest.raises(StoreUnavailable):
                await made.run_sync()(made.user_id, run.id)
        await made.run_sync()(made.user_id, run.id)
        assert (await made.load_run(run)).status is RunStatus.FAILED

    play(crm, scenario)


def test_a_run_that_kills_its_worker_is_given_up_after_a_set_number_of_attempts(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        run = await made.request()
        async with made.uow(made.user_id) as tx:
            await tx.runs.save(replace(run, status=RunStatus.RUNNING, attempts=MAX_ATTEMPTS))
        await made.run_sync()(made.user_id, run.id)
        assert (await made.load_run(run)).status is RunStatus.FAILED

    play(ScriptedCrm(), scenario)


@pytest.mark.parametrize("waits_for", ["page", "record"])
def test_a_run_that_is_cancelled_or_purged_does_not_wait_for_the_crm(play: Play, waits_for: str) -> None:
    """Its worker is free within seconds, however long the CRM takes for a page or a record."""
    crm = StalledCrm(stalls_on=waits_for)

    async def scenario(made: SyncHarness) -> None:
        made.policy = SyncPolicy(owner_check=timedelta(milliseconds=20))
        run = await made.request()
        if waits_for == "record":
            async with made.uow(made.user_id) as tx:
                named = [PendingRefetch(COMPANIES, RecordId("1"))]
                await tx.pending_refetches.add(run.connection_id, named, made.clock.now())
        working = asyncio.create_task(made.run_sync()(made.user_id, run.id))
        await crm.has_stalled.wait()
        await CancelRun(made.uow, made.lifecycle())(made.user_id, run.id)
        async with asyncio.timeout(5):
            await working
        assert (await made.load_run(run)).status is RunStatus.CANCELLED
        assert crm.was_closed

    play(crm, scenario)


def test_a_listing_that_begins_again_in_every_time_slice_ends(play: Play) -> None:
    """Its cursors repeat, but each time slice sees each of them once."""
    crm = EndlessCrm()

    async def scenario(made: SyncHarness) -> None:
        made.batch_size, made.max_repeats = 10, 20
        made.policy = SyncPolicy(slice_length=timedelta(0))
        run = await made.request()
        for _ in range(20):
            await made.run_sync()(made.user_id, run.id)
        step = (await made.load_run(run)).step(COMPANIES)
        assert step.status is StepStatus.FAILED
        assert "begins again and again" in (step.reason or "")
        assert step.counts.distinct == 20
        assert step.counts.repeats <= 50

    play(crm, scenario)


def test_a_run_cancelled_under_way_writes_nothing_more(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: thousands_of_companies(3)})

    async def scenario(made: SyncHarness) -> None:
        run = await made.request()

        async def cancel_before_the_last(object_type: ObjectType, place: int) -> None:
            if (object_type, place) == (COMPANIES, 2):
                await CancelRun(made.uow, made.lifecycle())(made.user_id, run.id)

        crm.before_page = cancel_before_the_last
        await made.run_sync()(made.user_id, run.id)
        cancelled = await made.load_run(run)
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
            if self.given == MAX_PAGES * 3:
                self.many_given.set()
            await asyncio.sleep(0)
            yield RecordPage(records=[], cursor=Cursor(str(self.given)))


def test_a_stream_through_pages_without_records_can_be_called_off(play: Play) -> None:
    crm = EmptyPages()

    async def scenario(made: SyncHarness) -> None:
        run = await made.request()
        running = asyncio.create_task(made.run_sync()(made.user_id, run.id))
        await crm.many_given.wait()
        await CancelRun(made.uow, made.lifecycle())(made.user_id, run.id)
        async with asyncio.timeout(20):
            await running
        assert (await made.load_run(run)).status is RunStatus.CANCELLED

    play(crm, scenario)


def test_a_run_whose_connection_is_purged_under_way_ends_quietly(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: thousands_of_companies(2)})

    async def scenario(made: SyncHarness) -> None:
        run = await made.request()
        purges: list[asyncio.Task[None]] = []

        async def purge_before_the_last(object_type: ObjectType, place: int) -> None:
            if (object_type, place) == (COMPANIES, 1):
                providers = CrmProviders({HUBSPOT: crm})
                disconnect = DisconnectCrm(
                    made.uow,
                    providers,
                    made.tokens(),
                    PgAppUninstalls(made.pool),
                    made.lifecycle(),
                    made.connections(),
                    made.clock,
                )
                # A request of its own: the end of the stream cancels the fetching, not the purge.
                purges.append(asyncio.create_task(disconnect(made.user_id, HUBSPOT, purge=True)))
                await asyncio.shield(purges[0])

        crm.before_page = purge_before_the_last
        await made.run_sync()(made.user_id, run.id)
        await asyncio.gather(*purges)
        await made.run_sync()(made.user_id, run.id)
        assert await made.pool.fetchval("select count(*) from crm_companies") == 0
        assert await made.pool.fetchval("select count(*) from sync_runs") == 0

    play(crm, scenario)
