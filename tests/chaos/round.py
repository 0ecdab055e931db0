"""One round: a storm over a syncing account, then calm, then the comparison."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import asyncpg
import httpx

from astrelo.bootstrap.development.processes import Children, free_port
from astrelo.domain.sync import RunStatus, SyncMode
from crm_sandbox import Dataset, serve_in_thread
from tests.chaos.comparison import differences, find_left_behind, find_missed, versions
from tests.chaos.consumer import judge_copy, keep_following
from tests.chaos.crms.choice import crms_of
from tests.chaos.crms.crm import ChaosCrm, CrmPlan, Watched
from tests.chaos.customer import Customer, NotSettled, process_environ, settings_for
from tests.chaos.database import Database
from tests.chaos.outcome import Outcome
from tests.chaos.plan import RoundPlan
from tests.chaos.storm import Stage, Storm, tend_storm
from tests.chaos.workers import Workers

_SETTLED_WITHIN = 120.0


async def play(plan: RoundPlan, database: Database, evidence: Path) -> Outcome:
    """Carry the round out. What processes log goes to `evidence`."""
    outcome, started, port = Outcome(), time.monotonic(), free_port()
    with serve(plan) as crms, Children() as children:
        environ = {name: value for crm in crms for name, value in crm.environ.items()}
        settings = settings_for(await database.fresh(), port, plan.slice_seconds, environ)
        workers = Workers(process_environ(settings), evidence)
        if any(crm.webhooks for crm in plan.crms):
            children.start("API", ["serve"], process_environ(settings), evidence / "api.log")
        async with on_stage(crms) as stages, Customer.of(settings) as customer:
            storm = Storm(plan, stages, database, workers, customer, outcome)
            stored: Mapping[str, datetime] = {}
            consumer = await customer.consumer()
            try:
                for provider in plan.providers:
                    await customer.connect(provider)
                async with (
                    keep_following(consumer),
                    tend_storm(workers, customer, plan.providers, outcome),
                ):
                    await storm.rage(f"http://127.0.0.1:{port}/api/webhooks")
                    await storm.calm_down()
                    await _settle(plan, customer, SyncMode.INCREMENTAL)
                    for provider in plan.providers:
                        await customer.followed_up(provider, _SETTLED_WITHIN)
                    stored = await versions(settings["ASTRELO_DATABASE_URL"], customer.user_id)
                    await _settle(plan, customer, SyncMode.FULL)
            except NotSettled as error:
                outcome.differences.append(f"it does not settle: {error}")
            finally:
                workers.stop()
            await judge_copy(consumer, outcome)
            await _judge_conduct(outcome, stages, settings["ASTRELO_DATABASE_URL"], customer)
            await _judge_deletions(outcome, stages, stored)
            await _judge_records(outcome, plan, customer, settings, await database.fresh(), stored)
    outcome.seconds = time.monotonic() - started
    return outcome


class Served(NamedTuple):
    crm: ChaosCrm
    plan: CrmPlan
    watched: Watched
    url: str
    environ: Mapping[str, str]


@contextmanager
def serve(plan: RoundPlan) -> Iterator[Sequence[Served]]:
    """Serve every CRM of the round on a socket; all of them hold the same dataset at first."""
    dataset = Dataset.generate(plan.companies, plan.portal_seed)
    with ExitStack() as stack:
        crms = []
        for each in plan.crms:
            (crm,) = crms_of(each.provider)
            watched = Watched(crm.sandbox(dataset, each.flags), crm.page_of)
            url = stack.enter_context(serve_in_thread(watched))
            crms.append(Served(crm, each, watched, url, crm.environ(url)))
        yield crms


@asynccontextmanager
async def on_stage(crms: Sequence[Served]) -> AsyncIterator[Sequence[Stage]]:
    stages = [
        Stage(crm=one.crm, plan=one.plan, watched=one.watched, door=httpx.AsyncClient(base_url=one.url))
        for one in crms
    ]
    try:
        yield stages
    finally:
        for stage in stages:
            await stage.door.aclose()


async def _settle(plan: RoundPlan, customer: Customer, mode: SyncMode) -> None:
    """Wait for a run of every CRM of the round, side by side."""
    runs = (customer.synced(provider, mode, _SETTLED_WITHIN) for provider in plan.providers)
    for ended in await asyncio.gather(*runs, return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended


async def _judge_records(
    outcome: Outcome,
    plan: RoundPlan,
    customer: Customer,
    settings: Mapping[str, str],
    fresh: str,
    stored: Mapping[str, datetime],
) -> None:
    """Sync the CRMs, which stand still now, into a fresh database, and compare."""
    dsn = settings["ASTRELO_DATABASE_URL"]
    calm = {**settings, "ASTRELO_DATABASE_URL": fresh, "ASTRELO_SYNC_SLICE": "600"}
    async with Customer.of(calm) as other:
        for provider in plan.providers:
            await other.connect(provider)
            run = await other.sync_here(provider)
            if run.status is not RunStatus.COMPLETED:
                outcome.differences.append(f"the undisturbed {provider} run is {run.status}: {run.reason}")
        outcome.differences += await find_missed(stored, fresh, other.user_id)
        outcome.differences += await differences(dsn, customer.user_id, fresh, other.user_id)


async def _judge_deletions(outcome: Outcome, stages: Sequence[Stage], stored: Mapping[str, datetime]) -> None:
    for stage in stages:
        export = (await stage.door.post("/_sandbox/export", json={})).raise_for_status()
        outcome.differences += find_left_behind(stored, stage.provider, stage.crm.departed(export.content))


async def _judge_conduct(outcome: Outcome, stages: Sequence[Stage], dsn: str, customer: Customer) -> None:
    """Look at how it was come by: which runs, which pages more than once, which tokens used twice."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            """select provider, mode || ' ' || status as kind, started_at, coalesce(finished_at, now()) as ended
               from sync_runs where user_id = $1 and started_at is not null""",
            customer.user_id,
        )
    finally:
        await connection.close()
    outcome.runs.update(row["kind"] for row in rows)
    for stage in stages:
        spans = [
            (row["started_at"].timestamp(), row["ended"].timestamp())
            for row in rows
            if row["provider"] == stage.provider
        ]
        outcome.pages_twice[stage.provider] = stage.watched.asked_twice(spans)
        replays = await stage.count("stats", "refresh_token_replays")
        if replays:
            outcome.differences.append(f"{stage.provider} was sent {replays} refresh tokens a second time")
