"""A run is divided into slices, and each gets further, however slow the CRM is."""

import asyncio
from datetime import timedelta

import pytest

from astrelo.domain.identifiers import ObjectType
from astrelo.domain.sync import RunStatus, SyncRun
from tests.support.harness.sync import ScriptedCrm, SyncHarness, sync_harness, thousands_of_companies

pytestmark = pytest.mark.anyio

COMPANIES = ObjectType.COMPANIES


class SlowCrm(ScriptedCrm):
    """Answers each page of companies when the worker's patience for a slice is over."""

    def __init__(self, thousands: int) -> None:
        super().__init__(pages={COMPANIES: thousands_of_companies(thousands)})
        self._gave_up = asyncio.Event()

    def slow_down(self, made: SyncHarness) -> None:
        async def outlast_the_time_slice(object_type: ObjectType, _place: int) -> None:
            if object_type is COMPANIES:
                self._gave_up.clear()
                made.clock.advance(2 * made.policy.slice_length / timedelta(seconds=1))
                await self._gave_up.wait()

        self.before_page = outlast_the_time_slice

    def is_looked_at(self) -> bool:
        """Be the worker's stop signal: it is looked at whenever a stream has waited for a while."""
        self._gave_up.set()
        return False


async def test_a_page_that_takes_the_crm_longer_than_a_time_slice_is_waited_for(database: str) -> None:
    crm = SlowCrm(thousands=3)
    async with sync_harness(database, crm) as made:
        crm.slow_down(made)
        runs: list[SyncRun] = [await made.sync(should_stop=crm.is_looked_at) for _ in range(3)]
    assert len({run.id for run in runs}) == 1
    assert [run.status for run in runs] == [RunStatus.QUEUED, RunStatus.QUEUED, RunStatus.COMPLETED]
    assert [run.step(COMPANIES).counts.distinct for run in runs] == [1_000, 2_000, 3_000]
