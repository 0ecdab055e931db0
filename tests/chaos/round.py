"""One round: a storm over a syncing account, then calm, then the comparison."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import msgspec

from astrelo.bootstrap.processes import Children, free_port
from astrelo.domain.errors import AstreloError
from astrelo.domain.sync import RunStatus, SyncMode
from tests.chaos.comparison import differences, missed, versions
from tests.chaos.crm import WatchedSandbox, serving
from tests.chaos.customer import Customer, NotSettled, process_environ, settings_for
from tests.chaos.database import Database
from tests.chaos.plan import LONGEST_LAG_SECONDS, Deed, Moment, RoundPlan
from tests.chaos.workers import Workers

_SETTLED_WITHIN = 120.0
_MUTATIONS_EVERY = 0.1
_TENDED_EVERY = 0.2
_WEBHOOKS = "/api/webhooks/hubspot"


@dataclass(slots=True, kw_only=True)
class Outcome:
    deeds: Counter[Deed] = field(default_factory=Counter)
    mutations: int = 0
    faults: int = 0
    webhooks: int = 0
    runs: Counter[str] = field(default_factory=Counter)
    pages_twice: int = 0
    seconds: float = 0.0
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        deeds = ", ".join(f"{self.deeds[deed]} {deed}" for deed in Deed if self.deeds[deed])
        runs = ", ".join(f"{count} {status}" for status, count in sorted(self.runs.items()))
        return (
            f"{deeds}; {self.mutations} mutations, {self.faults} faults, {self.webhooks} webhooks; "
            f"runs: {runs}; {self.pages_twice} pages more than once; "
            f"{len(self.differences)} differences; {self.seconds:.1f} s"
        )


async def play(plan: RoundPlan, database: Database, evidence: Path) -> Outcome:
    """Carry the round out. What processes log goes to `evidence`."""
    outcome, started, port = Outcome(), time.monotonic(), free_port()
    with serving(plan) as (sandbox, url), Children() as children:
        settings = settings_for(await database.fresh(), url, port, plan.slice_seconds)
        environ = process_environ(settings)
        workers = Workers(environ, evidence)
        if plan.webhooks:
            children.start("API", ["serve"], environ, evidence / "api.log")
        async with httpx.AsyncClient(base_url=url) as door, Customer.connected(settings, sandbox) as customer:
            storm = Storm(plan, database, workers, customer, door, outcome)
            stored: Mapping[str, datetime] = {}
            try:
                await customer.request(SyncMode.FULL)
                async with tended(workers):
                    await storm.rage(f"http://127.0.0.1:{port}{_WEBHOOKS}")
                    await storm.calm_down()
                    await customer.synced(SyncMode.INCREMENTAL, _SETTLED_WITHIN)
                    stored = await versions(settings["ASTRELO_DATABASE_URL"], customer.user_id)
                    await customer.synced(SyncMode.FULL, _SETTLED_WITHIN)
            except NotSettled as error:
                outcome.differences.append(f"it does not settle: {error}")
            finally:
                workers.stop()
            await _judge(outcome, sandbox, customer, settings, await database.fresh(), stored)
    outcome.seconds = time.monotonic() - started
    return outcome


@asynccontextmanager
async def tended(workers: Workers) -> AsyncIterator[None]:
    async def tend() -> None:
        while True:
            workers.tend()
            await asyncio.sleep(_TENDED_EVERY)

    tending = asyncio.create_task(tend())
    try:
        yield
    finally:
        tending.cancel()
        with suppress(asyncio.CancelledError):
            await tending


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

    async def rage(self, webhooks: str) -> None:
        for slot in range(self._plan.workers):
            self._workers.start(slot)
        await self._post("fault-plan", msgspec.to_builtins(self._plan.faults))
        if self._plan.webhooks:
            told = {"target_url": webhooks, "duplicates": 0.1, "disorder": 0.3}
            await self._post("webhooks", told)
        started = time.monotonic()
        mutating = asyncio.create_task(self._mutate())
        try:
            async with asyncio.TaskGroup() as group:
                for moment in self._plan.moments:
                    await asyncio.sleep(max(0.0, started + moment.at - time.monotonic()))
                    group.create_task(self._do(moment))
                await asyncio.sleep(max(0.0, started + self._plan.storm_seconds - time.monotonic()))
        finally:
            mutating.cancel()
            with suppress(asyncio.CancelledError):
                await mutating

    async def calm_down(self) -> None:
        plan = (await self._door.get("/_sandbox/fault-plan")).json()
        self._outcome.faults = sum(plan["hits"])
        (await self._door.delete("/_sandbox/fault-plan")).raise_for_status()
        self._outcome.webhooks = (await self._door.get("/_sandbox/webhooks")).json()["delivered"]
        (await self._door.delete("/_sandbox/webhooks")).raise_for_status()
        late = LONGEST_LAG_SECONDS if self._plan.faults.index.late else 0.0
        await asyncio.sleep(self._plan.search_lag_seconds + late)
        for slot in range(self._plan.workers):
            self._workers.wake(slot)
            self._workers.start(slot)

    async def _mutate(self) -> None:
        steps = max(1, round(self._plan.mutations_per_second * _MUTATIONS_EVERY))
        await self._post("mutate", {"steps": 0, "seed": self._plan.mutation_seed})
        while True:
            await self._post("mutate", {"steps": steps})
            self._outcome.mutations += steps
            await asyncio.sleep(_MUTATIONS_EVERY)

    async def _post(self, call: str, body: object) -> None:
        (await self._door.post(f"/_sandbox/{call}", json=body)).raise_for_status()

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


async def _unless_down(asking: Awaitable[object]) -> None:
    """Ask as a user would, who shrugs when the database is being restarted."""
    with suppress(AstreloError):
        await asking


async def _judge(
    outcome: Outcome,
    sandbox: WatchedSandbox,
    customer: Customer,
    settings: dict[str, str],
    fresh: str,
    stored: Mapping[str, datetime],
) -> None:
    """Sync the portal, which stands still now, into a fresh database, and compare."""
    dsn = settings["ASTRELO_DATABASE_URL"]
    await _count_runs(outcome, sandbox, dsn, customer.user_id)
    calm = settings | {"ASTRELO_DATABASE_URL": fresh, "ASTRELO_SYNC_SLICE": "600"}
    async with Customer.connected(calm, sandbox) as other:
        run = await other.sync_here()
        if run.status is not RunStatus.COMPLETED:
            outcome.differences.append(f"the undisturbed run is {run.status}: {run.reason}")
        outcome.differences += await missed(stored, fresh, other.user_id)
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
