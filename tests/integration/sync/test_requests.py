"""What becomes of a request while a run is open."""

from datetime import timedelta

import pytest

from astrelo.application import messages
from astrelo.domain.errors import RateLimited
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.sync import RunStatus, SyncMode, SyncRun
from tests.support.builders import company
from tests.support.harness.scenarios import Play, carry_out_the_open_one, runs_of
from tests.support.harness.sync import ScriptedCrm, SyncHarness

COMPANIES, CONTACTS = ObjectType.COMPANIES, ObjectType.CONTACTS
HUBSPOT = Provider.HUBSPOT


def test_a_request_during_an_open_run_returns_that_run(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        first = await made.request()
        second = await made.request()
        assert second.id == first.id
        jobs = await made.pool.fetchval("select count(*) from pgqueuer")
        assert jobs == 1

    play(ScriptedCrm(), scenario)


def test_a_request_does_not_wait_for_the_end_of_a_pause(play: Play) -> None:
    crm = ScriptedCrm(pages={CONTACTS: [RateLimited(HUBSPOT, timedelta(hours=3), "DAILY")]})

    async def scenario(made: SyncHarness) -> None:
        parked = await made.sync()
        asked = await made.request()
        assert (asked.id, asked.status) == (parked.id, RunStatus.QUEUED)
        assert await made.pool.fetchval("select bool_and(execute_after <= now()) from pgqueuer")

    play(crm, scenario)


def test_any_number_of_requests_during_a_run_lead_to_exactly_one_more(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1")]]})

    async def scenario(made: SyncHarness) -> None:
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


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PARKED])
def test_a_full_sync_takes_the_place_of_an_open_incremental_one(play: Play, status: RunStatus) -> None:
    """The answer names the run that does what was asked for, and nothing that was requested before runs after it."""
    crm = ScriptedCrm(pages={COMPANIES: [[company("1")]]})

    async def scenario(made: SyncHarness) -> None:
        asked: list[SyncRun] = []

        async def ask(object_type: ObjectType, place: int) -> None:
            crm.before_page = None
            await made.request(mode=SyncMode.INCREMENTAL)
            asked.append(await made.request(mode=SyncMode.FULL))

        await made.sync()
        run = await made.request(mode=SyncMode.INCREMENTAL)
        if status is RunStatus.RUNNING:
            crm.before_page = ask
            await made.run_sync()(made.user_id, run.id)
        elif status is RunStatus.PARKED:
            crm.pages[CONTACTS] = [RateLimited(HUBSPOT, timedelta(hours=3), "DAILY")]
            await made.run_sync()(made.user_id, run.id)
            crm.pages[CONTACTS] = []
        full = asked[0] if asked else await made.request(mode=SyncMode.FULL)
        assert (full.mode, full.status) == (SyncMode.FULL, RunStatus.QUEUED)
        assert await made.request(mode=SyncMode.FULL) == full
        cancelled = await made.load_run(run)
        assert (cancelled.status, cancelled.reason) == (RunStatus.CANCELLED, messages.SUPERSEDED.reason)
        await carry_out_the_open_one(made)
        assert await runs_of(made) == [
            ("full", "completed"), ("incremental", "cancelled"), ("full", "completed"),
        ]  # fmt: skip

    play(crm, scenario)
