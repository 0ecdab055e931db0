"""A CRM whose API has moved: it does not answer at the old address, and the user connects it again meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from astrelo.domain.errors import CrmUnavailable
from astrelo.domain.identifiers import Provider
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.records import OwnerRecord
from astrelo.domain.sync import RunStatus, SyncMode, SyncRun
from tests.support.harness.sync import TOKENS, ScriptedCrm, SyncHarness, sync_harness

SALESFORCE = Provider.SALESFORCE
OLD, NEW = "https://old.crm.test", "https://new.crm.test"


@dataclass
class MovingCrm(ScriptedCrm):
    """Answers at one address; at another nobody does, which takes as long as `meanwhile`."""

    name: Provider = SALESFORCE
    lives_at: str = OLD
    meanwhile: Callable[[], Awaitable[object]] | None = None
    asked_at: list[str | None] = field(default_factory=list)

    async def list_owners(self, session: CrmSession) -> Sequence[OwnerRecord]:
        address = (await session.access(None)).api_url
        self.asked_at.append(address)
        if address != self.lives_at:
            if self.meanwhile is not None:
                await self.meanwhile()
            raise CrmUnavailable(self.name, "no answer")
        return ()


@pytest.fixture
def play(database: str) -> Callable[[Callable[[SyncHarness, MovingCrm], Awaitable[None]]], None]:
    def run(scenario: Callable[[SyncHarness, MovingCrm], Awaitable[None]]) -> None:
        async def once() -> None:
            crm = MovingCrm()
            async with sync_harness(database, crm) as made:
                await connect(made, OLD)
                await scenario(made, crm)

        asyncio.run(once())

    return run


Play = Callable[[Callable[[SyncHarness, MovingCrm], Awaitable[None]]], None]


async def connect(made: SyncHarness, address: str) -> None:
    await made.connect(SALESFORCE, replace(TOKENS, api_url=address))


async def latest(made: SyncHarness) -> SyncRun:
    async with made.uow(made.user_id) as tx:
        connection = await tx.connections.get(SALESFORCE)
        assert connection is not None
        run = await tx.runs.get_latest(connection.id)
        assert run is not None
        return run


def test_a_run_begins_at_the_address_that_is_stored(play: Play) -> None:
    async def story(made: SyncHarness, crm: MovingCrm) -> None:
        worker = made.run_sync()
        for address in (OLD, NEW):
            crm.lives_at = address
            await connect(made, address)
            run = await made.request(SALESFORCE)
            await worker(made.user_id, run.id)
            assert (await made.load_run(run)).status is RunStatus.COMPLETED
        assert crm.asked_at == [OLD, NEW]

    play(story)


@pytest.mark.parametrize("failing", [SyncMode.INCREMENTAL, SyncMode.FULL])
def test_connecting_again_while_a_run_fails_brings_another_at_once(play: Play, failing: SyncMode) -> None:
    async def story(made: SyncHarness, crm: MovingCrm) -> None:
        await made.sync(SALESFORCE)

        async def connect_again() -> None:
            await connect(made, NEW)
            await made.request(SALESFORCE)

        crm.lives_at, crm.meanwhile = NEW, connect_again
        await made.sync(SALESFORCE, mode=failing)
        following = await latest(made)
        assert (following.mode, following.status) == (SyncMode.FULL, RunStatus.QUEUED)
        await made.run_sync()(made.user_id, following.id)
        assert (await made.load_run(following)).status is RunStatus.COMPLETED

    play(story)


@pytest.mark.parametrize("failing", [SyncMode.INCREMENTAL, SyncMode.FULL])
def test_a_crm_that_stays_down_is_asked_once_more_and_then_left_alone(play: Play, failing: SyncMode) -> None:
    async def story(made: SyncHarness, crm: MovingCrm) -> None:
        await made.sync(SALESFORCE)

        async def ask_for_everything() -> None:
            crm.meanwhile = None
            await made.request(SALESFORCE)

        crm.lives_at, crm.meanwhile = NEW, ask_for_everything
        await made.sync(SALESFORCE, mode=failing)
        following = await latest(made)
        assert following.status is RunStatus.QUEUED
        await made.run_sync()(made.user_id, following.id)
        assert await latest(made) == await made.load_run(following)
        assert (await latest(made)).status is RunStatus.FAILED

    play(story)


def test_a_full_run_takes_the_place_of_a_failed_increment(play: Play) -> None:
    async def story(made: SyncHarness, crm: MovingCrm) -> None:
        await made.sync(SALESFORCE)
        crm.lives_at = NEW
        failed = await made.sync(SALESFORCE, mode=SyncMode.INCREMENTAL)
        assert failed.status is RunStatus.FAILED
        asked = await made.request(SALESFORCE, SyncMode.FULL)
        assert (asked.mode, asked.id == failed.id) == (SyncMode.FULL, False)
        again = await made.request(SALESFORCE, SyncMode.INCREMENTAL)
        assert again.id == asked.id

    play(story)
