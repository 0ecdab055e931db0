"""What becomes of a request while a run is open."""

from datetime import timedelta

import pytest

from astrelo.domain.errors import RateLimited
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.sync import RunStatus, SyncMode
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


@pytest.mark.parametrize("begun", [True, False], ids=["running", "queued"])
def test_a_full_sync_asked_for_during_an_incremental_one_follows_it(play: Play, begun: bool) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1")]]})

    async def scenario(made: SyncHarness) -> None:
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
        assert [" ".join(run_fields) for run_fields in await runs_of(made)] == modes
        await carry_out_the_open_one(made)
        assert (await runs_of(made))[2:] == [("full", "completed")]

    play(crm, scenario)
