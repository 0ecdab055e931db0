"""Old runs go, the ones that say when the next is due stay, and of idle ones a count is left."""

from datetime import timedelta

from astrelo.adapters.outbound.postgres.sync_runs import history
from astrelo.domain.identifiers import ObjectType
from astrelo.domain.sync import SyncMode
from tests.support.builders import company
from tests.support.harness.scenarios import Play
from tests.support.harness.sync import ScriptedCrm, SyncHarness

RETENTION = history.Retention(runs=timedelta(days=90), idle_runs=timedelta(days=7))


async def age(made: SyncHarness, days: int) -> None:
    await made.pool.execute(
        """update sync_runs set requested_at = requested_at - make_interval(days => $1),
                                finished_at = finished_at - make_interval(days => $1)""",
        days,
    )


async def list_modes(made: SyncHarness) -> list[str]:
    rows = await made.pool.fetch("select mode from sync_runs order by requested_at, id")
    return [row["mode"] for row in rows]


def prune(made: SyncHarness) -> history.RunHistory:
    return history.RunHistory(made.pool, RETENTION)


def test_idle_runs_go_before_others_and_leave_a_count(play: Play) -> None:
    crm = ScriptedCrm({ObjectType.COMPANIES: [[company("1")]]})

    async def scenario(made: SyncHarness) -> None:
        for _ in range(3):  # the first one inserts, the others find everything as it was
            await made.sync()
            made.clock.advance(60)
        await age(made, 8)
        await made.sync()
        assert await prune(made).prune() >= 2
        assert await list_modes(made) == ["full", "full"]
        kept = await made.pool.fetch("select mode, sum(runs)::int as runs from idle_runs group by mode")
        assert [tuple(row) for row in kept] == [("full", 2)]
        await age(made, 90)
        await made.sync()
        await prune(made).prune()
        assert await list_modes(made) == ["full"]

    play(crm, scenario)


def test_the_latest_run_of_each_mode_stays_however_old(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        made.clock.advance(60)
        await made.sync(mode=SyncMode.INCREMENTAL)
        await age(made, 400)
        await prune(made).prune()
        assert await list_modes(made) == ["full", "incremental"]

    play(ScriptedCrm(), scenario)


def test_an_open_run_stays(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        await made.request()
        await age(made, 400)
        await prune(made).prune()
        assert await list_modes(made) == ["full"]

    play(ScriptedCrm(), scenario)


def test_the_queue_s_log_is_kept_for_a_day(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        await made.request()
        before = await made.pool.fetchval("select count(*) from pgqueuer_log")
        await made.pool.execute("update pgqueuer_log set created = created - interval '25 hours'")
        await made.request(mode=SyncMode.INCREMENTAL)
        assert before
        assert await prune(made).prune() == before

    play(ScriptedCrm(), scenario)


def test_one_prunes_at_a_time(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        for _ in range(2):
            await made.sync()
            made.clock.advance(60)
        await age(made, 400)
        async with made.pool.acquire() as other, other.transaction():
            await other.execute("select pg_advisory_xact_lock($1)", history.LOCK_KEY)
            assert await prune(made).prune() == 0
        assert await prune(made).prune() > 0

    play(ScriptedCrm(), scenario)
