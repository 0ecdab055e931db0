"""Users who connected the same CRM account: their runs take turns, and each gets to its end."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from astrelo.application.sync.run_lifecycle import RunLifecycle
from astrelo.domain.identifiers import ObjectType, RecordId, SyncRunId, UserId
from astrelo.domain.records import PendingRefetch
from astrelo.domain.schedule import SyncPolicy
from astrelo.domain.sync import MAX_ATTEMPTS, RunStatus, SyncRun
from tests.support.builders import company
from tests.support.harness.sync import ScriptedCrm, SyncHarness, sync_harness, thousands_of_companies

COMPANIES, DEALS = ObjectType.COMPANIES, ObjectType.DEALS


@asynccontextmanager
async def neighbours(database: str, *crms: ScriptedCrm) -> AsyncIterator[list[SyncHarness]]:
    """Users of one portal, each with a worker's view of it."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(sync_harness(database, crm)) for crm in crms]


async def count_running(made: SyncHarness) -> int:
    """Count the account's running runs, of all users."""
    return int(await made.pool.fetchval("select count(*) from sync_runs where status = 'running'"))


async def take_up(made: SyncHarness, run: SyncRun) -> RunStatus:
    await made.run_sync()(made.user_id, run.id)
    return (await made.load_run(run)).status


async def delay_of_job(made: SyncHarness, run: SyncRun) -> timedelta:
    """How long the run's newest job stays back."""
    delay: timedelta = await made.pool.fetchval(
        "select execute_after - created from pgqueuer where starts_with(dedupe_key, $1) order by id desc limit 1",
        str(run.id),
    )
    return delay


def test_one_run_of_an_account_at_a_time_for_all_its_users(database: str) -> None:
    async def scenario() -> None:
        async with sync_harness(database, ScriptedCrm()) as ada, sync_harness(database, ScriptedCrm()) as bob:
            theirs = await ada.request()
            async with ada.uow(ada.user_id) as tx:
                await tx.runs.save((await tx.runs.lock(theirs.id)).claim(ada.clock.now()))
            waiting = await bob.sync()
            assert waiting.status is RunStatus.QUEUED
            assert waiting.started_at is None
            async with ada.uow(ada.user_id) as tx:
                running = await tx.runs.lock(theirs.id)
                await tx.runs.save(replace(running, status=RunStatus.QUEUED))
            await bob.run_sync()(bob.user_id, waiting.id)
            assert (await bob.load_run(waiting)).status is RunStatus.COMPLETED

    asyncio.run(scenario())


class PurgedMeanwhile(RunLifecycle):
    """A lifecycle whose run is purged between finding the account busy and being postponed."""

    async def postpone(self, user_id: UserId, run_id: SyncRunId) -> None:
        async with self._uow(user_id) as tx:
            await tx.connections.delete((await tx.runs.get(run_id)).connection_id)
        await super().postpone(user_id, run_id)


def test_a_run_that_is_purged_while_its_account_is_busy_is_gone_without_an_error(database: str) -> None:
    async def scenario() -> None:
        async with neighbours(database, ScriptedCrm(), ScriptedCrm()) as (ada, bob):
            theirs = await ada.request()
            async with ada.uow(ada.user_id) as tx:
                await tx.runs.save((await tx.runs.lock(theirs.id)).claim(ada.clock.now()))
            waiting = await bob.request()
            run_sync = bob.run_sync()
            run_sync._lifecycle.__class__ = PurgedMeanwhile
            await run_sync(bob.user_id, waiting.id)
            assert await bob.pool.fetchval("select count(*) from sync_runs where id = $1", waiting.id) == 0

    asyncio.run(scenario())


def test_two_users_who_ask_at_once_are_never_read_for_at_once(database: str) -> None:
    async def scenario() -> None:
        ada_crm, bob_crm = (ScriptedCrm(pages={COMPANIES: thousands_of_companies(2)}) for _ in range(2))
        async with neighbours(database, ada_crm, bob_crm) as (ada, bob):
            counted: list[int] = []

            async def count(object_type: ObjectType, place: int) -> None:
                counted.append(await count_running(ada))

            ada_crm.before_page = bob_crm.before_page = count
            hers, his = await ada.request(), await bob.request()
            ended = sorted(await asyncio.gather(take_up(ada, hers), take_up(bob, his)))
            # The second run is back in the queue, and none of its attempts was used up.
            assert ended == [RunStatus.COMPLETED, RunStatus.QUEUED]
            loser, run = (
                (bob, his) if (await ada.load_run(hers)).status is RunStatus.COMPLETED else (ada, hers)
            )
            waiting = await loser.load_run(run)
            assert (waiting.attempts, waiting.started_at) == (0, None)
            assert await delay_of_job(loser, run) >= loser.policy.account_retry
            assert await take_up(loser, run) is RunStatus.COMPLETED
            assert set(counted) == {1}
            for made in (ada, bob):
                assert len((await made.view()).companies) == 2_000

    asyncio.run(scenario())


def test_time_slices_let_the_users_of_an_account_alternate(database: str) -> None:
    async def scenario() -> None:
        crms = [ScriptedCrm(pages={COMPANIES: thousands_of_companies(3)}) for _ in range(2)]
        async with neighbours(database, *crms) as users:
            for crm, made in zip(crms, users, strict=True):
                made.policy = SyncPolicy(slice_length=timedelta(seconds=60))
                crm.before_page = pass_time(made, 70)
            runs = [await made.request() for made in users]
            ended, slices = set[int](), Counter[int]()
            order: list[int] = []
            while len(ended) < len(users):
                for number, (made, run) in enumerate(zip(users, runs, strict=True)):
                    if number not in ended:
                        order.append(number)
                        slices[number] += 1
                        if await take_up(made, run) is RunStatus.COMPLETED:
                            ended.add(number)
                        elif len(ended) == 0:
                            # Back in the queue at once it would be first again, before the other looks.
                            assert await delay_of_job(made, run) > made.policy.account_retry
            assert order[:4] == [0, 1, 0, 1]
            assert min(slices.values()) > 1

    asyncio.run(scenario())


def pass_time(made: SyncHarness, seconds: float) -> Callable[[ObjectType, int], Awaitable[None]]:
    async def time_passes(object_type: ObjectType, place: int) -> None:
        made.clock.advance(seconds if object_type is COMPANIES else 0)

    return time_passes


def test_a_run_alone_on_its_account_goes_on_at_once(database: str) -> None:
    async def scenario() -> None:
        crm = ScriptedCrm(pages={COMPANIES: thousands_of_companies(2)})
        async with neighbours(database, crm) as (ada,):
            crm.before_page = pass_time(ada, 70)
            run = await ada.request()
            assert await take_up(ada, run) is RunStatus.QUEUED
            assert await delay_of_job(ada, run) < timedelta(seconds=1)

    asyncio.run(scenario())


def test_users_of_other_accounts_do_not_wait(database: str) -> None:
    async def scenario() -> None:
        async with neighbours(database, ScriptedCrm(), ScriptedCrm()) as (ada, bob):
            await bob.pool.execute(
                "update crm_connections set account_id = '2' where user_id = $1", bob.user_id
            )
            hers, his = await ada.request(), await bob.request()
            async with ada.uow(ada.user_id) as tx:
                await tx.runs.save((await tx.runs.lock(hers.id)).claim(ada.clock.now()))
            assert await take_up(bob, his) is RunStatus.COMPLETED

    asyncio.run(scenario())


def test_a_worker_that_died_with_the_account_in_hand_does_not_keep_it(database: str) -> None:
    async def scenario() -> None:
        async with neighbours(database, ScriptedCrm(), ScriptedCrm()) as (ada, bob):
            hers, his = await ada.request(), await bob.request()
            for _ in range(MAX_ATTEMPTS):
                async with ada.uow(ada.user_id) as tx:
                    await tx.runs.save((await tx.runs.lock(hers.id)).claim(ada.clock.now()))
                assert await take_up(bob, his) is RunStatus.QUEUED
            assert await take_up(ada, hers) is RunStatus.FAILED
            assert await take_up(bob, his) is RunStatus.COMPLETED

    asyncio.run(scenario())


@pytest.mark.parametrize("asks", [1, 5])
def test_requests_while_another_s_run_is_read_make_no_second_run(database: str, asks: int) -> None:
    async def scenario() -> None:
        ada_crm = ScriptedCrm(pages={COMPANIES: [[company("1")]]})
        async with neighbours(database, ada_crm, ScriptedCrm()) as (ada, bob):

            async def ask(object_type: ObjectType, place: int) -> None:
                for _ in range(asks):
                    await bob.request()

            ada_crm.before_page = ask
            assert (await ada.sync()).status is RunStatus.COMPLETED
            assert await runs_of(bob) == ["queued"]
            assert await take_up(bob, await bob.request()) is RunStatus.COMPLETED
            assert await runs_of(bob) == ["completed"]

    asyncio.run(scenario())


def test_a_webhook_s_word_reaches_every_user_by_a_run_of_their_own(database: str) -> None:
    async def scenario() -> None:
        crms = [
            ScriptedCrm(pages={COMPANIES: [[company("1")]]}, by_id={COMPANIES: [company("1", "new.com", 1)]})
            for _ in range(2)
        ]
        async with neighbours(database, *crms) as users:
            for made in users:
                await made.sync()
                async with made.uow(made.user_id) as tx:
                    (connection,) = [one for kind in made.crms if (one := await tx.connections.get(kind))]
                    refetch = PendingRefetch(COMPANIES, RecordId("1"))
                    await tx.pending_refetches.add(connection.id, {refetch}, made.clock.now())
                await made.sync()
                (row,) = (await made.view()).companies.values()
                assert row[0] == "new.com"

    asyncio.run(scenario())


async def runs_of(made: SyncHarness) -> list[str]:
    rows = await made.pool.fetch(
        "select status from sync_runs where user_id = $1 order by requested_at, id", made.user_id
    )
    return [row["status"] for row in rows]
