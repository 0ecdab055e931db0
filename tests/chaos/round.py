"""One round: a storm over a syncing account, then calm, then the comparison."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import msgspec

from astrelo.domain.errors import AstreloError
from astrelo.domain.sync import RunStatus, SyncMode
from tests.chaos.comparison import differences
from tests.chaos.crm import WatchedSandbox, serving
from tests.chaos.customer import Customer, NotSettled, process_environ, settings_for
from tests.chaos.database import Database
from tests.chaos.mutations import Mutations
from tests.chaos.plan import STORM_SECONDS, Deed, Moment, RoundPlan
from tests.chaos.workers import Workers

_SETTLED_WITHIN = 60.0
_MUTATION_PAUSE = 0.05


@dataclass(slots=True, kw_only=True)
class Outcome:
    deeds: Counter[Deed] = field(default_factory=Counter)
    mutations: int = 0
    runs: Counter[str] = field(default_factory=Counter)
    takeovers: int = 0
    pages_twice: int = 0
    seconds: float = 0.0
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        deeds = ", ".join(f"{self.deeds[deed]} {deed}" for deed in Deed if self.deeds[deed])
        runs = ", ".join(f"{count} {status}" for status, count in sorted(self.runs.items()))
        return (
            f"{deeds}; {self.mutations} mutations; runs: {runs}; {self.pages_twice} pages more than once; "
            f"{len(self.differences)} differences; {self.seconds:.1f} s"
        )


async def play(plan: RoundPlan, database: Database, evidence: Path) -> Outcome:
    """Carry the round out. What processes log goes to `evidence`."""
    outcome, started = Outcome(), time.monotonic()
    with serving(plan) as (sandbox, portal, url):
        settings = settings_for(await database.fresh(), url, plan.slice_seconds)
        workers = Workers(process_environ(settings), evidence)
        async with httpx.AsyncClient(base_url=url) as door, Customer.connected(settings, sandbox) as customer:
            storm = Storm(plan, database, workers, customer, door, outcome)
            try:
                await customer.request(SyncMode.FULL)
                await storm.rage(Mutations(plan.mutation_seed, portal, door))
                await storm.calm_down()
                await customer.fully_synced(_SETTLED_WITHIN)
                workers.check()
            except NotSettled as error:
                outcome.differences.append(f"it does not settle: {error}")
            finally:
                workers.stop()
            await _judge(outcome, sandbox, customer, settings, await database.fresh())
    outcome.seconds = time.monotonic() - started
    return outcome


class Storm:
    def __init__(
        self,
        plan: RoundPlan,
        database: Database,
        workers: Workers,
        customer: Customer,
        door: httpx.AsyncClient,
        outcome: Outcome,
    ) -> None:
        self._plan = plan
        self._database = database
        self._workers = workers
        self._customer = customer
        self._door = door
        self._outcome = outcome

    async def rage(self, mutations: Mutations) -> None:
        for slot in range(self._plan.workers):
            self._workers.start(slot)
        started = time.monotonic()
        mutating = asyncio.create_task(_mutate(mutations))
        try:
            async with asyncio.TaskGroup() as group:
                for moment in self._plan.moments:
                    await asyncio.sleep(max(0.0, started + moment.at - time.monotonic()))
                    group.create_task(self._do(moment))
                await asyncio.sleep(max(0.0, started + STORM_SECONDS - time.monotonic()))
        finally:
            mutating.cancel()
            with suppress(asyncio.CancelledError):
                await mutating
        self._outcome.mutations = mutations.made

    async def calm_down(self) -> None:
        (await self._door.delete("/_sandbox/faults")).raise_for_status()
        await asyncio.sleep(self._plan.search_lag_seconds)
        for slot in range(self._plan.workers):
            self._workers.wake(slot)
            self._workers.start(slot)

    async def _do(self, moment: Moment) -> None:
        self._outcome.deeds[moment.deed] += 1
        match moment.deed:
            case Deed.KILL:
                self._workers.kill(moment.worker)
                await asyncio.sleep(moment.seconds)
                self._workers.start(moment.worker)
            case Deed.FREEZE:
                self._workers.freeze(moment.worker)
                await asyncio.sleep(moment.seconds)
                self._workers.wake(moment.worker)
            case Deed.RESTART_DATABASE | Deed.CRASH_DATABASE:
                self._database.restart(crash=moment.deed is Deed.CRASH_DATABASE)
            case Deed.REQUEST:
                mode = SyncMode.FULL if moment.full else SyncMode.INCREMENTAL
                await _unless_down(self._customer.request(mode))
            case Deed.BREAK_CRM:
                body = {"faults": [msgspec.to_builtins(moment.fault)]}
                (await self._door.post("/_sandbox/faults", json=body)).raise_for_status()


async def _mutate(mutations: Mutations) -> None:
    while True:
        await mutations.step()
        await asyncio.sleep(_MUTATION_PAUSE)


async def _unless_down(asking: Awaitable[object]) -> None:
    """Ask as a user would, who shrugs when the database is being restarted."""
    with suppress(AstreloError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        await asking


async def _judge(
    outcome: Outcome, sandbox: WatchedSandbox, customer: Customer, settings: dict[str, str], fresh: str
) -> None:
    """Sync the portal, which stands still now, into a fresh database, and compare."""
    dsn = settings["ASTRELO_DATABASE_URL"]
    await _count_runs(outcome, sandbox, dsn, customer.user_id)
    calm = settings | {"ASTRELO_DATABASE_URL": fresh, "ASTRELO_SYNC_SLICE": "600"}
    async with Customer.connected(calm, sandbox) as other:
        run = await other.sync_here()
        if run.status is not RunStatus.COMPLETED:
            outcome.differences.append(f"the undisturbed run is {run.status}: {run.reason}")
        outcome.differences += await differences(dsn, customer.user_id, fresh, other.user_id)


async def _count_runs(outcome: Outcome, sandbox: WatchedSandbox, dsn: str, user_id: UUID) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            """select mode || ' ' || status as kind, reason, started_at, coalesce(finished_at, now()) as ended
               from sync_runs where user_id = $1 and started_at is not null""",
            user_id,
        )
    finally:
        await connection.close()
    outcome.runs.update(row["kind"] for row in rows)
    spans = [(row["started_at"].timestamp(), row["ended"].timestamp()) for row in rows]
    outcome.pages_twice = sandbox.asked_twice(spans)
