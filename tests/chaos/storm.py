"""The storm over a syncing account, and the calm after it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httpx
import msgspec

from astrelo.application.messages import RENEWAL_LOST
from astrelo.domain.errors import AstreloError
from astrelo.domain.identifiers import Provider
from astrelo.domain.sync import SyncMode
from tests.chaos.crms.crm import ChaosCrm, CrmPlan, Watched
from tests.chaos.customer import Customer
from tests.chaos.database import Database
from tests.chaos.outcome import Outcome
from tests.chaos.plan import Deed, Moment, RoundPlan
from tests.chaos.workers import Workers

_MUTATIONS_EVERY = 0.1
_TENDED_EVERY = 0.2
_POLL = 0.05
_STARTS_POLLED = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One CRM of the round, as it is played."""

    crm: ChaosCrm
    plan: CrmPlan
    watched: Watched
    door: httpx.AsyncClient
    """To the administrator's calls."""

    @property
    def provider(self) -> Provider:
        return self.plan.provider

    async def post(self, call: str, body: object) -> None:
        (await self.door.post(f"/_sandbox/{call}", json=msgspec.to_builtins(body))).raise_for_status()

    async def count(self, call: str, name: str) -> int:
        """Ask for a number; a list of numbers is summed up."""
        value = (await self.door.get(f"/_sandbox/{call}")).raise_for_status().json()[name]
        return sum(value) if isinstance(value, list) else int(value)

    async def withdraw(self, call: str) -> None:
        (await self.door.delete(f"/_sandbox/{call}")).raise_for_status()


class Storm:
    def __init__(
        self,
        plan: RoundPlan,
        stages: Sequence[Stage],
        database: Database,
        workers: Workers,
        customer: Customer,
        outcome: Outcome,
    ) -> None:
        self._plan = plan
        self._stages = stages
        self._database = database
        self._workers = workers
        self._customer = customer
        self._outcome = outcome

    async def rage(self, webhooks: str) -> None:
        """Break everything for as long as the plan says; `webhooks` is where they are sent, by provider."""
        await self._begin_to_work()
        for stage in self._stages:
            await stage.post("fault-plan", stage.plan.faults)
            if stage.plan.webhooks:
                target = f"{webhooks}/{stage.provider}"
                await stage.post("webhooks", {"target_url": target, "duplicates": 0.1, "disorder": 0.3})
        mutating = [asyncio.create_task(self._mutate(stage)) for stage in self._stages]
        try:
            await self._play_the_plan()
        finally:
            for task in mutating:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _begin_to_work(self) -> None:
        """Wait for the first worker: a machine may need half a storm to start one."""
        for slot in range(self._plan.workers):
            self._workers.start(slot)
        for _ in range(_STARTS_POLLED):
            if self._workers.any_listens():
                return
            await asyncio.sleep(_POLL)

    async def _play_the_plan(self) -> None:
        started = time.monotonic()

        async def later(seconds: float, deed: Awaitable[None]) -> None:
            await asyncio.sleep(max(0.0, started + seconds - time.monotonic()))
            await deed

        async with asyncio.TaskGroup() as group:
            for moment in self._plan.moments:
                group.create_task(later(moment.at, self._do(moment)))
            for stage in self._stages:
                for turn in stage.plan.turns:
                    group.create_task(later(turn.at, stage.post("flags", turn.flags)))
            group.create_task(asyncio.sleep(self._plan.storm_seconds))

    async def calm_down(self) -> None:
        for stage in self._stages:
            self._outcome.faults[stage.provider] = await stage.count("fault-plan", "hits")
            self._outcome.requests[stage.provider] = await stage.count("stats", "crm_requests")
            await stage.withdraw("fault-plan")
            if stage.plan.webhooks:
                self._outcome.webhooks += await stage.count("webhooks", "delivered")
                await stage.withdraw("webhooks")
        await asyncio.sleep(max(stage.plan.lag_seconds for stage in self._stages))
        for slot in range(self._plan.workers):
            if self._is_misled:
                self._workers.kill(slot)
            self._workers.wake(slot)
            self._workers.start(slot)

    @property
    def _is_misled(self) -> bool:
        """Return whether workers read what they act on long after it has ceased to be so."""
        return any(turn.is_remembered for stage in self._stages for turn in stage.plan.turns)

    async def _mutate(self, stage: Stage) -> None:
        steps = max(1, round(stage.plan.mutations_per_second * _MUTATIONS_EVERY))
        await stage.post("mutate", {"steps": 0, "seed": stage.plan.mutation_seed})
        while True:
            await stage.post("mutate", {"steps": steps})
            self._outcome.mutations[stage.provider] += steps
            await asyncio.sleep(_MUTATIONS_EVERY)

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
            case Deed.REQUEST if moment.provider is not None:
                mode = SyncMode.FULL if moment.full else SyncMode.INCREMENTAL
                # As a user would, who shrugs when the database is being restarted.
                with suppress(AstreloError):
                    await self._customer.request(moment.provider, mode)


@asynccontextmanager
async def tend_storm(
    workers: Workers, customer: Customer, providers: Sequence[Provider], outcome: Outcome
) -> AsyncIterator[None]:
    """Have workers started again, and the customer connect again what asks for it."""

    async def tend() -> None:
        while True:
            workers.tend()
            for provider in providers:
                await _reconnect(customer, provider, outcome)
            await asyncio.sleep(_TENDED_EVERY)

    tending = asyncio.create_task(tend())
    try:
        yield
    finally:
        tending.cancel()
        with suppress(asyncio.CancelledError):
            await tending


async def _reconnect(customer: Customer, provider: Provider, outcome: Outcome) -> None:
    try:
        reason = await customer.reconnect(provider)
    except (AstreloError, httpx.HTTPError):
        return  # the storm is over the consent page too: the customer tries again
    if reason is None:
        return
    outcome.reconnections[provider] += 1
    # Nobody revokes anything in the storm, so nothing else can have ended a connection.
    if reason != RENEWAL_LOST.format(crm=provider.label).reason:
        outcome.differences.append(f"{provider} had to be connected again, for {reason!r}")
