"""A worker that was frozen and replaced writes nothing when it wakes."""

import asyncio
import signal
import sys

import pytest

from astrelo.domain.identifiers import ObjectType
from astrelo.domain.sync import RunStatus
from tests.support.harness.sync import ScriptedCrm, SyncHarness, sync_harness, thousands_of_companies
from tests.support.secret_watch import Spawn


@pytest.mark.parametrize(
    ("place", "ending"),
    [
        pytest.param("inside", "ended by StoreUnavailable", id="inside a transaction"),
        pytest.param("between", "ended by RunTakenOver", id="between two batches"),
    ],
)
def test_a_frozen_worker_that_was_taken_over_commits_nothing(
    database: str, spawn: Spawn, place: str, ending: str
) -> None:
    async def scenario() -> None:
        crm = ScriptedCrm(pages={ObjectType.COMPANIES: thousands_of_companies(2)})
        async with sync_harness(database, crm) as successor:
            run = await successor.request()
            program = [sys.executable, "-m", "tests.support.processes.frozen_worker"]
            worker = spawn(*program, database, str(successor.user_id), str(run.id), place)
            await asyncio.to_thread(worker.wait_for, place)

            await successor.run_sync()(successor.user_id, run.id)
            finished = await successor.load_run(run)
            assert finished.status is RunStatus.COMPLETED
            assert finished.step(ObjectType.COMPANIES).counts.received == 2_000
            before = await _state(successor)

            worker.process.send_signal(signal.SIGCONT)
            await asyncio.to_thread(worker.wait_for, ending)
            assert await _state(successor) == before

    asyncio.run(scenario())


async def _state(made: SyncHarness) -> tuple[object, ...]:
    steps = await made.pool.fetch("select object_type, epoch, cursor, received, inserted from sync_steps")
    companies = await made.pool.fetch(
        "select id, external_provider_id, xmin::text from companies order by id"
    )
    return [tuple(row) for row in steps], [tuple(row) for row in companies]
