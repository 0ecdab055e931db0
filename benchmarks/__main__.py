"""Measure a sync of a large account beside the bare floor, and print the figures."""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import asyncpg
import uvloop

from astrelo.bootstrap.development.postgres_binaries import EmbeddedPostgresError
from astrelo.bootstrap.problems import Problem
from benchmarks.crm import Crm
from benchmarks.crms import UnknownChoice, crms_of
from benchmarks.floor import create_tables
from benchmarks.machinery import (
    Database,
    FloorFailed,
    PageServer,
    fresh_database,
    own_postgres,
    page_server,
    run_floor,
)
from benchmarks.measurement import Cost, server_spending, settle
from benchmarks.report.documentation import write_documentation
from benchmarks.report.figures import Results, Run, report
from benchmarks.sync import ConnectedAccount, SyncFailed

_DOCS = Path(__file__).parent.parent / "docs"


async def measure(
    name: str, dsn: str, server: PageServer, copy: Callable[[], Awaitable[Cost]], *, settled: bool = False
) -> Run:
    """Copy once and note what everybody spent; `settled` waits for the database to come to rest before."""
    say(name)
    connection = await asyncpg.connect(dsn)
    try:
        if settled:
            await settle(connection)
        spent, rendered = await server_spending(connection), server.cpu_seconds
        cost = await copy()
        return Run(
            name=name,
            cost=cost,
            server=await server_spending(connection) - spent,
            pages_cpu_seconds=server.cpu_seconds - rendered,
        )
    finally:
        await connection.close()


async def measure_floor(database: Database, server: PageServer) -> tuple[Run, Run]:
    async with fresh_database(database, "floor") as dsn:
        await create_tables(server.crm, dsn)

        async def copy() -> Cost:
            return await asyncio.to_thread(run_floor, server, dsn)

        return (
            await measure("floor, first", dsn, server, copy),
            await measure("floor, nothing changed", dsn, server, copy, settled=True),
        )


async def measure_sync(database: Database, server: PageServer) -> tuple[Run, Run]:
    async with (
        fresh_database(database, "sync") as dsn,
        ConnectedAccount.at(server, dsn, database.state_dir) as account,
        account.worker() as worker,
    ):
        return (
            await measure("sync, first", dsn, server, lambda: account.sync(worker)),
            await measure("sync, nothing changed", dsn, server, lambda: account.sync(worker), settled=True),
        )


async def measure_quarter(crm: Crm, database: Database, records: int) -> Run:
    with page_server(crm, max(records // 4, 1)) as server:
        async with (
            fresh_database(database, "quarter") as dsn,
            ConnectedAccount.at(server, dsn, database.state_dir) as account,
            account.worker() as worker,
        ):
            return await measure("sync of a quarter", dsn, server, lambda: account.sync(worker))


async def run(crm: Crm, database: Database, records: int, rounds: int) -> Results:
    """Take turns, and keep the least disturbed round of each: other work on the machine only ever slows down."""
    load = os.getloadavg()[0]
    quarter = await measure_quarter(crm, database, records)
    say(f"rendering the account in {crm.title}")
    floors, syncs = [], []
    with page_server(crm, records) as server:
        for _ in range(rounds):
            floors.append(await measure_floor(database, server))
            syncs.append(await measure_sync(database, server))
    floor, floor_again = map(quickest, zip(*floors, strict=True))
    sync, sync_again = map(quickest, zip(*syncs, strict=True))
    return Results(
        crm=crm,
        postgres_version=database.version,
        records=records,
        rounds=rounds,
        load=load,
        sync=sync,
        sync_again=sync_again,
        floor=floor,
        floor_again=floor_again,
        quarter=quarter,
    )


def quickest(rounds: Iterable[Run]) -> Run:
    return min(rounds, key=lambda run: run.cost.seconds)


def say(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--provider", default="hubspot", help="the CRM to measure, or both in turn (hubspot)")
    parser.add_argument("--records", type=int, default=100_000, help="of each object type (100000)")
    parser.add_argument("--rounds", type=int, default=1, help="keep the quickest of so many (1)")
    parser.add_argument("--write-docs", action="store_true", help="write its part of docs/benchmark.md")
    options = parser.parse_args()
    if not Path("/proc/self/clear_refs").exists():
        parser.error("the figures come from Linux's /proc: run it on Linux or in a container")
    try:
        crms = crms_of(options.provider)
        with own_postgres() as database:
            for crm in crms:
                results = uvloop.run(run(crm, database, options.records, options.rounds))
                print(f"{report(results)}\n", flush=True)
                if options.write_docs:
                    write_documentation(_DOCS, results)
    except (UnknownChoice, SyncFailed, FloorFailed, Problem, EmbeddedPostgresError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
