"""A run of many slices asks for the owners once; what became of them holds to its end."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from astrelo.domain.errors import AstreloError, CrmRejected, CrmUnavailable, PermissionMissing, RateLimited
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.records import OwnerRecord
from astrelo.domain.schedule import SyncPolicy
from astrelo.domain.sync import RunStatus, StepStatus, SyncRun
from tests.support.builders import company, owner
from tests.support.harness.scenarios import Play
from tests.support.harness.sync import PageOrError, ScriptedCrm, SyncHarness, split_pages

HUBSPOT, COMPANIES = Provider.HUBSPOT, ObjectType.COMPANIES


@dataclass
class AskedCrm(ScriptedCrm):
    """Counts how often it is asked for the owners; gives its troubles first, one at a time."""

    troubles: list[AstreloError] = field(default_factory=list)
    asked: int = 0

    async def list_owners(self, session: CrmSession) -> Sequence[OwnerRecord]:
        self.asked += 1
        if self.troubles:
            raise self.troubles.pop(0)
        return self.reps


def three_batches() -> list[PageOrError]:
    """Three batches; of each, one company is an unknown owner's."""
    return split_pages(
        [company(f"{n}", owner_id="404" if n % 1_000 == 0 else "7") for n in range(3_000)], 1_000
    )


async def sync_in_time_slices(made: SyncHarness, crm: ScriptedCrm) -> list[SyncRun]:
    """Let every page of companies outlast a slice; return how the run stood after each."""

    async def outlast_the_time_slice(object_type: ObjectType, _place: int) -> None:
        made.clock.advance(made.policy.slice_length.total_seconds() if object_type is COMPANIES else 0)

    crm.before_page = outlast_the_time_slice
    runs = [await made.sync()]
    while runs[-1].status is RunStatus.QUEUED:
        await made.run_sync()(made.user_id, runs[-1].id)
        runs.append(await made.load_run(runs[-1]))
    assert len(runs) > 1
    return runs


def test_owners_are_read_in_the_first_time_slice_only(play: Play) -> None:
    crm = AskedCrm(pages={COMPANIES: three_batches()}, reps=[owner("7")])

    async def scenario(made: SyncHarness) -> None:
        ended = (await sync_in_time_slices(made, crm))[-1]
        assert ended.status is RunStatus.COMPLETED
        assert crm.asked == 1
        assert ended.step(COMPANIES).counts.unreadable == {"crm_rep_id": 3}

    play(crm, scenario)


def test_the_next_run_reads_them_again(play: Play) -> None:
    crm = AskedCrm(pages={COMPANIES: [[company("1", owner_id="7")]]})

    async def scenario(made: SyncHarness) -> None:
        assert (await made.sync()).step(COMPANIES).counts.unreadable == {"crm_rep_id": 1}
        crm.reps = [owner("7")]
        crm.pages = {COMPANIES: [[company("1", owner_id="7", minutes=5)]]}
        assert (await made.sync()).step(COMPANIES).counts.unreadable == {}
        assert crm.asked == 2

    play(crm, scenario)


@pytest.mark.parametrize(
    ("trouble", "ends_as"),
    [
        (PermissionMissing(HUBSPOT, None, ("crm.objects.owners.read",)), StepStatus.REFUSED),
        (CrmRejected(HUBSPOT, 400, "INVALID_FIELD"), StepStatus.FAILED),
    ],
    ids=["refused", "rejected"],
)
def test_owners_left_out_in_the_first_time_slice_make_the_run_partial_at_the_end(
    play: Play, trouble: AstreloError, ends_as: StepStatus
) -> None:
    crm = AskedCrm(pages={COMPANIES: three_batches()}, reps=[owner("7")], troubles=[trouble])

    async def scenario(made: SyncHarness) -> None:
        ended = (await sync_in_time_slices(made, crm))[-1]
        assert (ended.status, ended.owners.status) == (RunStatus.PARTIAL, ends_as)
        assert ended.reason == ended.owners.reason
        assert crm.asked == 1
        assert ended.step(COMPANIES).counts.unreadable == {}

    play(crm, scenario)


def test_owners_that_the_crm_asks_to_wait_for_are_read_after_the_pause(play: Play) -> None:
    pause = RateLimited(HUBSPOT, SyncPolicy().slice_length, "DAILY")
    crm = AskedCrm(pages={COMPANIES: [[company("1", owner_id="7")]]}, reps=[owner("7")], troubles=[pause])

    async def scenario(made: SyncHarness) -> None:
        run = await made.sync()
        assert (run.status, run.owners.status) == (RunStatus.PARKED, StepStatus.PENDING)
        await made.run_sync()(made.user_id, run.id)
        ended = await made.load_run(run)
        assert (ended.status, ended.owners.status) == (RunStatus.COMPLETED, StepStatus.COMPLETED)
        assert crm.asked == 2

    play(crm, scenario)


def test_a_failed_run_that_is_asked_to_go_on_asks_for_its_owners_again(play: Play) -> None:
    refusal = PermissionMissing(HUBSPOT, None, ("crm.objects.owners.read",))
    crm = AskedCrm(reps=[owner("7")], troubles=[refusal])
    crm.pages = {COMPANIES: [CrmUnavailable(HUBSPOT, "a test"), []]}

    async def scenario(made: SyncHarness) -> None:
        failed = await made.sync()
        assert (failed.status, failed.owners.status) == (RunStatus.FAILED, StepStatus.REFUSED)
        resumed = await made.sync()
        assert (resumed.id, resumed.status) == (failed.id, RunStatus.COMPLETED)

    play(crm, scenario)
