"""A page that is larger than a batch is written in several transactions."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from astrelo.bootstrap.system import SystemRandomness
from astrelo.domain.identifiers import ObjectType
from astrelo.domain.records import CrmRecord, RejectedRecord, RejectionReason
from astrelo.domain.schedule import SyncPolicy
from astrelo.domain.sync import RunStatus
from tests.support.builders import company
from tests.support.harness.scenarios import Play
from tests.support.harness.sync import ScriptedCrm, SyncHarness

COMPANIES = ObjectType.COMPANIES
LARGE_PAGE: Sequence[CrmRecord | RejectedRecord] = [
    *(company(str(number)) for number in range(8)),
    RejectedRecord("?", RejectionReason.BAD_ID),
]


class CountingRandomness(SystemRandomness):
    """Counts the ids that it makes: one for each new company."""

    def __init__(self) -> None:
        super().__init__()
        self.made = 0

    def uuid(self) -> UUID:
        self.made += 1
        return super().uuid()


def test_a_worker_that_stops_within_a_page_repeats_its_part_and_counts_nothing_twice(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [LARGE_PAGE, [company("9")]]})

    async def scenario(made: SyncHarness) -> None:
        made.batch_size = 3
        run = await made.request()
        made.randomness = randomness = CountingRandomness()
        await made.run_sync()(made.user_id, run.id, lambda: randomness.made >= made.batch_size)
        step = (await made.load_run(run)).step(COMPANIES)
        assert (step.counts.received, step.cursor) == (3, None)
        await made.run_sync()(made.user_id, run.id)
        ended = await made.load_run(run)
        counts = ended.step(COMPANIES).counts
        assert (counts.received, counts.repeats, counts.inserted, counts.rejections) == (13, 3, 9, 1)
        assert ended.status is RunStatus.COMPLETED
        assert ended.step(COMPANIES).is_reconciled

    play(crm, scenario)


def test_a_time_slice_stores_a_whole_page_however_many_batches_it_takes(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [LARGE_PAGE, [company("9")]]})

    async def scenario(made: SyncHarness) -> None:
        made.batch_size, made.policy = 3, SyncPolicy(slice_length=timedelta(0))
        run = await made.request()
        await made.run_sync()(made.user_id, run.id)
        step = (await made.load_run(run)).step(COMPANIES)
        assert (step.counts.received, step.cursor) == (9, "1")

    play(crm, scenario)
