"""Incremental runs: where their windows begin, and what a search that lags may say."""

from astrelo.domain.identifiers import ObjectType
from astrelo.domain.sync import SyncMode
from tests.support.builders import contact
from tests.support.harness.scenarios import Play
from tests.support.harness.sync import ScriptedCrm, SyncHarness

CONTACTS = ObjectType.CONTACTS


def test_an_incremental_run_asks_from_the_watermark_less_the_settle_delay(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
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


def test_an_incremental_run_before_any_full_one_reads_everything(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        run = await made.sync(mode=SyncMode.INCREMENTAL)
        assert all(step.window is None for step in run.steps)

    play(ScriptedCrm(), scenario)


def test_a_search_whose_index_lags_does_not_revive_what_is_archived(play: Play) -> None:
    crm = ScriptedCrm(pages={CONTACTS: [[contact("11", "x@a.com")]]})

    async def scenario(made: SyncHarness) -> None:
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

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        crm.pages = {}
        await made.sync()
        made.clock.advance(1)
        # Brought back at a time before we took it for gone: it can be seen only some time after its stamp.
        crm.pages = {CONTACTS: [[contact("11", "x@a.com", minutes=1)]]}
        await made.sync(mode=SyncMode.INCREMENTAL)
        assert set((await made.view()).contacts) == {("hubspot", "11")}

    play(crm, scenario)
