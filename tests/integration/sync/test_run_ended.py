"""RunEnded is published once for each end of a run, in the transaction that ends it."""

import pytest
from structlog.testing import capture_logs

from astrelo.application.sync.run_lifecycle import RunEnded, RunEndedSubscribers
from astrelo.application.sync.schedule_syncs import CancelRun
from astrelo.domain.errors import CrmUnavailable, InvalidTransition, PermissionMissing
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.ports.state import Transaction
from astrelo.domain.sync import MAX_ATTEMPTS, RunStatus
from tests.support.builders import company
from tests.support.harness.scenarios import Play
from tests.support.harness.sync import ScriptedCrm, SyncHarness

COMPANIES, HUBSPOT = ObjectType.COMPANIES, Provider.HUBSPOT


class Ends:
    """Keeps how runs ended, as their own transactions see them."""

    def __init__(self, made: SyncHarness) -> None:
        self.statuses: list[RunStatus] = []
        made.run_ended = RunEndedSubscribers((self.note,))

    async def note(self, tx: Transaction, event: RunEnded) -> None:
        stored = await tx.runs.get(event.run.id)
        assert stored.status is event.run.status
        self.statuses.append(stored.status)


def test_completed_partial_and_failed_runs_are_published_and_parts_of_runs_are_not(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1")]]})

    async def scenario(made: SyncHarness) -> None:
        ends = Ends(made)
        run = await made.request()
        await made.run_sync()(made.user_id, run.id, lambda: True)
        assert ends.statuses == []
        await made.run_sync()(made.user_id, run.id)
        crm.pages[COMPANIES] = [PermissionMissing(HUBSPOT, COMPANIES, ())]
        await made.sync()
        crm.pages[COMPANIES] = [CrmUnavailable(HUBSPOT, "a test")]
        await made.sync()
        assert ends.statuses == [RunStatus.COMPLETED, RunStatus.PARTIAL, RunStatus.FAILED]

    play(crm, scenario)


def test_the_line_that_ends_a_run_says_what_a_support_case_asks_first(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1"), company("2")]]})

    async def scenario(made: SyncHarness) -> None:
        with capture_logs() as logs:
            await made.sync()
            crm.pages[COMPANIES] = [CrmUnavailable(HUBSPOT, "a test")]
            made.clock.advance(60)
            await made.sync()
        complete, failed = [line for line in logs if line["event"] == "sync.finished"]
        assert (complete["provider"], complete["mode"], complete["status"]) == (
            "hubspot",
            "full",
            "completed",
        )
        assert complete["counts"]["companies"] == {"received": 2, "inserted": 2}
        assert complete["seconds"] >= 0
        assert complete["waited_seconds"] >= 0
        assert failed["status"] == "failed"
        assert failed["reason"]
        assert complete["connection_id"] == failed["connection_id"]

    play(crm, scenario)


def test_a_run_that_is_cancelled_by_its_user_or_by_a_disconnect_is_published(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        ends = Ends(made)
        run = await made.request()
        await CancelRun(made.uow, made.lifecycle())(made.user_id, run.id)
        with pytest.raises(InvalidTransition):
            await CancelRun(made.uow, made.lifecycle())(made.user_id, run.id)
        await made.request()
        await made.disconnect(HUBSPOT)
        assert ends.statuses == [RunStatus.CANCELLED, RunStatus.CANCELLED]

    play(ScriptedCrm(), scenario)


def test_a_run_that_is_given_up_is_published_and_the_request_during_it_is_honoured(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        ends = Ends(made)
        run = await made.request()
        for _ in range(MAX_ATTEMPTS):
            assert await made.lifecycle().claim(made.user_id, run.id) is not None
        await made.request()
        await made.run_sync()(made.user_id, run.id)
        assert ends.statuses == [RunStatus.FAILED]
        assert await made.pool.fetchval("select count(*) from sync_runs where status = 'queued'") == 1

    play(ScriptedCrm(), scenario)


def test_a_subscriber_that_raises_keeps_the_run_open(play: Play) -> None:
    async def refuse(tx: Transaction, event: RunEnded) -> None:
        raise RuntimeError("a test")

    async def scenario(made: SyncHarness) -> None:
        made.run_ended = RunEndedSubscribers((refuse,))
        run = await made.request()
        with pytest.raises(RuntimeError):
            await made.run_sync()(made.user_id, run.id)
        assert (await made.load_run(run)).status.is_open

    play(ScriptedCrm(), scenario)
