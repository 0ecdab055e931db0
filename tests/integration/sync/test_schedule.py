"""Due syncs are asked for by themselves: once each, by any number of workers, whatever fails."""

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import datetime, timedelta
from typing import NamedTuple

from astrelo.adapters.outbound.postgres.cross_tenant import PgSyncSchedule
from astrelo.application.sync.schedule_syncs import CLAIM_DURATION, ScheduleDueSyncs
from astrelo.bootstrap.container import create_container
from astrelo.bootstrap.settings import parse_settings
from astrelo.bootstrap.worker import duties
from astrelo.domain.errors import CrmUnavailable, StoreUnavailable
from astrelo.domain.identifiers import ObjectType, Provider, UserId
from astrelo.domain.ports.state import Transaction, UnitOfWork
from astrelo.domain.schedule import SyncPolicy
from astrelo.domain.sync import RunStatus, SyncMode
from tests.support.builders import company
from tests.support.environ import needed_settings
from tests.support.harness.scenarios import Play
from tests.support.harness.sync import ScriptedCrm, SyncHarness, sync_harness

COMPANIES = ObjectType.COMPANIES
QUARTER = timedelta(minutes=15)


def scheduler(made: SyncHarness) -> ScheduleDueSyncs:
    """A worker's use case; each call makes an independent one."""
    return ScheduleDueSyncs(PgSyncSchedule(made.pool), made.uow, made.lifecycle(), made.policy, made.clock)


class Asked(NamedTuple):
    mode: str
    status: str
    requested_at: datetime


async def requested_runs(made: SyncHarness) -> list[Asked]:
    rows = await made.pool.fetch(
        "select mode, status, requested_at from sync_runs where user_id = $1 order by requested_at, id",
        made.user_id,
    )
    return [Asked(*row) for row in rows]


async def carry_out_the_open_run(made: SyncHarness) -> RunStatus:
    run_id = await made.pool.fetchval(
        "select id from sync_runs where user_id = $1 and status = 'queued'", made.user_id
    )
    await made.run_sync()(made.user_id, run_id)
    async with made.uow(made.user_id) as tx:
        return (await tx.runs.get(run_id)).status


def test_two_days_of_schedule_are_increments_and_a_full_run_a_day(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        made.policy = SyncPolicy(incremental_every=timedelta(hours=2))
        await made.sync()
        for _ in range(48 * 4):
            made.clock.advance(QUARTER.total_seconds())
            if await scheduler(made)():
                assert await carry_out_the_open_run(made) is RunStatus.COMPLETED
        by_itself = [run.mode for run in (await requested_runs(made))[1:]]
        assert 23 <= len(by_itself) <= 26
        assert 1 <= by_itself.count("full") <= 2  # the first of its slots may come too soon after connecting

    play(ScriptedCrm(), scenario)


def test_many_workers_at_once_ask_for_one_run(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        made.clock.advance(QUARTER.total_seconds())
        counts = await asyncio.gather(*(scheduler(made)() for _ in range(6)))
        assert sum(counts) == 1
        assert [run.mode for run in await requested_runs(made)] == ["full", "incremental"]
        assert await made.pool.fetchval("select count(*) from pgqueuer") == 2

    play(ScriptedCrm(), scenario)


def test_nothing_is_asked_for_while_a_run_is_open_or_the_connection_does_not_work(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        await made.request()
        made.clock.advance(86_400)
        assert await scheduler(made)() == 0
        await carry_out_the_open_run(made)
        async with made.uow(made.user_id) as tx:
            connection = await tx.connections.lock(Provider.HUBSPOT)
            assert connection is not None
            await tx.connections.save(connection.disconnect())
        made.clock.advance(86_400)
        assert await scheduler(made)() == 0

    play(ScriptedCrm(), scenario)


def test_runs_for_events_do_not_put_off_the_next_increment(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        made.clock.advance(QUARTER.total_seconds())
        await made.sync(mode=SyncMode.REFETCH)
        assert await scheduler(made)() == 1
        assert [run.mode for run in await requested_runs(made)] == ["full", "refetch", "incremental"]

    play(ScriptedCrm(), scenario)


def test_a_run_that_failed_is_gone_on_with_in_the_next_slot_and_not_at_once(play: Play) -> None:
    crm = ScriptedCrm()

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        crm.pages = {COMPANIES: [CrmUnavailable(Provider.HUBSPOT, "a test"), [company("1")]]}
        made.clock.advance(QUARTER.total_seconds())
        assert await scheduler(made)() == 1
        made.clock.advance(2 * QUARTER.total_seconds())
        assert await carry_out_the_open_run(made) is RunStatus.FAILED
        assert await scheduler(made)() == 0
        made.clock.advance(QUARTER.total_seconds())
        assert await scheduler(made)() == 1
        assert await carry_out_the_open_run(made) is RunStatus.COMPLETED
        assert [run.status for run in await requested_runs(made)] == ["completed", "completed"]

    play(crm, scenario)


class Troubled(UnitOfWork):
    """A store that one user's transactions are not to be had from."""

    def __init__(self, store: UnitOfWork, user_id: UserId) -> None:
        self._store = store
        self._user_id = user_id

    def __call__(self, user_id: UserId) -> AbstractAsyncContextManager[Transaction]:
        if user_id == self._user_id:
            raise StoreUnavailable("a test")
        return self._store(user_id)


def test_one_connection_s_failure_does_not_stop_the_others(database: str) -> None:
    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            users = [await stack.enter_async_context(sync_harness(database)) for _ in range(3)]
            for number, made in enumerate(users):
                await made.pool.execute(
                    "update crm_connections set account_id = $2 where user_id = $1",
                    made.user_id,
                    str(number),
                )
                await made.sync()
                made.clock.advance(QUARTER.total_seconds())
            made = users[0]
            uow = Troubled(made.uow, users[1].user_id)
            schedule = ScheduleDueSyncs(
                PgSyncSchedule(made.pool), uow, made.lifecycle(), made.policy, made.clock
            )
            assert await schedule() == 2
            assert [len(await requested_runs(made)) for made in users] == [2, 1, 2]

    asyncio.run(scenario())


def test_a_connection_that_works_again_is_looked_at_at_once(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        async with made.uow(made.user_id) as tx:
            connection = await tx.connections.lock(Provider.HUBSPOT)
            assert connection is not None
            await tx.connections.save(connection.mark_needs_reauthorization("a test"))
        made.clock.advance(QUARTER.total_seconds())
        assert await scheduler(made)() == 0
        async with made.uow(made.user_id) as tx:
            await tx.connections.save(connection)
        assert await scheduler(made)() == 1

    play(ScriptedCrm(), scenario)


def test_a_connection_that_an_older_release_made_is_scheduled_within_the_hour(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        await made.pool.execute("delete from sync_schedule")
        made.clock.advance(QUARTER.total_seconds())
        assert await scheduler(made)() == 0
        assert await scheduler(made).add_missing() == 1
        assert await scheduler(made).add_missing() == 0
        assert await scheduler(made)() == 1

    play(ScriptedCrm(), scenario)


def test_what_a_lost_worker_had_taken_is_looked_at_by_another(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        made.clock.advance(QUARTER.total_seconds())
        now = made.clock.now()
        taken = await PgSyncSchedule(made.pool).claim(now, now + CLAIM_DURATION, 10)
        assert [each.user_id for each in taken] == [made.user_id]
        assert await scheduler(made)() == 0
        made.clock.advance(CLAIM_DURATION.total_seconds())
        assert await scheduler(made)() == 1

    play(ScriptedCrm(), scenario)


def test_a_worker_looks_for_due_syncs_and_lost_runs_as_often_as_its_settings_ask(database: str) -> None:
    async def scenario() -> None:
        settings = parse_settings(
            {
                **needed_settings(database),
                "ASTRELO_SYNC_EVERY": "10",
                "ASTRELO_WORKER_HEARTBEAT": "3",
            }
        )
        container = create_container(settings)
        try:
            every = {duty.name: duty.every for duty in await duties(container, settings)}
            assert every == {
                "ask again for lost runs": timedelta(seconds=1.5),
                "ask for due syncs": timedelta(seconds=1),
                "schedule missing connections": timedelta(hours=1),
                "prune the change feed": timedelta(minutes=10),
                "prune the history of runs": timedelta(minutes=10),
            }
            assert [await duty.perform() for duty in await duties(container, settings)] == [0] * 5
        finally:
            await container.close()

    asyncio.run(scenario())
