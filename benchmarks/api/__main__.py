"""Measure lists of the API beside a bare handler that returns the same rows, and print the figures."""

import argparse
import asyncio
import math
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import httpx
import uvloop

from astrelo.bootstrap.development.postgres_binaries import EmbeddedPostgresError
from astrelo.bootstrap.development.processes import Children, free_port
from astrelo.bootstrap.development.secrets import complete_settings
from astrelo.bootstrap.development.session_tokens import development_token
from astrelo.bootstrap.problems import Problem
from astrelo.bootstrap.settings import parse_settings
from astrelo.domain.identifiers import Provider
from benchmarks.api.load import UnexpectedResponse, send_load
from benchmarks.api.report import Comparison, Figure, Results, report, write_section
from benchmarks.crms import CRMS
from benchmarks.machinery import Database, fresh_database, own_postgres, page_server
from benchmarks.measurement import cpu_seconds
from benchmarks.sync import USER, ConnectedAccount, SyncFailed

_ROOT = Path(__file__).parents[2]
_TARGETS = (
    "/api/contacts?limit=25",
    "/api/contacts?limit=100",
    "/api/companies?limit=25",
    "/api/companies?limit=100",
)
_CONNECTIONS = 8
_SLICE_SECONDS = 0.25


class Server(NamedTuple):
    name: str
    port: int
    pid: int


class DifferentRows(Exception):
    pass


@asynccontextmanager
async def filled_database(database: Database, records: int) -> AsyncIterator[str]:
    """Give a database into which the product itself has synced an account."""
    with page_server(CRMS[Provider.HUBSPOT], records) as pages:
        async with fresh_database(database, "api") as dsn:
            async with (
                ConnectedAccount.at(pages, dsn, database.state_dir) as account,
                account.worker() as worker,
            ):
                await account.sync(worker)
            # As autovacuum does within a minute: the floor's plans hang on the statistics, the product's do not.
            connection = await asyncpg.connect(dsn)
            await connection.execute("analyze")
            await connection.close()
            yield dsn


@contextmanager
def floor(dsn: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "benchmarks.api.floor"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT
    ) as process:
        try:
            if process.stdin and process.stdout:
                process.stdin.write(f"{dsn} {USER}\n")
                process.stdin.flush()
                yield Server("floor", int(process.stdout.readline()), process.pid)
        finally:
            process.kill()


async def compare(dsn: str, state_dir: Path, seconds: float) -> list[Comparison]:
    environ = {
        "ASTRELO_DATABASE_URL": dsn,
        "ASTRELO_STATE_DIR": str(state_dir),
        "ASTRELO_PORT": str(free_port()),
        "ASTRELO_LOG_LEVEL": "warning",
        "ASTRELO_DATABASE_POOL_SIZE": str(3 * _CONNECTIONS),  # one user asks, and shares a pool with others
    }
    settings = complete_settings(parse_settings(environ))
    token = development_token(settings, USER)
    with Children() as children, floor(dsn) as bare:
        child = children.start("API", ["serve"], environ, state_dir / "logs" / "api.log")
        api = Server("API", settings.port, child.pid)
        bodies = [await wait_for_bodies(server, token, children) for server in (api, bare)]
        if bodies[0] != bodies[1]:
            raise DifferentRows("The API and the floor do not return the same JSON.")
        return [Comparison(target, *await measure(seconds, target, token, api, bare)) for target in _TARGETS]


async def wait_for_bodies(server: Server, token: str, children: Children) -> list[object]:
    """Return what a server answers, once it does."""
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as client:
        while True:
            children.check()
            try:
                responses = [
                    await client.get(f"http://127.0.0.1:{server.port}{target}") for target in _TARGETS
                ]
            except httpx.ConnectError:
                await asyncio.sleep(0.05)
            else:
                return [make_comparable(response.raise_for_status().json()) for response in responses]


def make_comparable(page: dict[str, Any]) -> dict[str, Any]:
    """Read the times of a company's sources, and whether there is a cursor: the floor spells both its own way."""
    page["next_cursor"] = page["next_cursor"] is not None
    for source in [source for record in page["data"] for source in record.get("sources", ())]:
        source["source_updated_at"] = datetime.fromisoformat(source["source_updated_at"])
    return page


async def measure(seconds: float, target: str, token: str, *servers: Server) -> Iterator[Figure]:
    """Take turns in slices so short that what else the machine does befalls all alike."""
    say(target)
    totals = {server: [0, 0.0, 0.0] for server in servers}
    for turn in range(1 + math.ceil(seconds / _SLICE_SECONDS)):
        for server in servers:
            spent = cpu_seconds(server.pid)
            load = await send_load(
                server.port, target, token, connections=_CONNECTIONS, seconds=_SLICE_SECONDS
            )
            if turn:  # the first one warms up
                measured = load.requests, load.seconds, cpu_seconds(server.pid) - spent
                totals[server] = [sum(pair) for pair in zip(totals[server], measured, strict=True)]
    return (Figure(requests / elapsed, cpu / requests) for requests, elapsed, cpu in totals.values())


async def run(database: Database, options: argparse.Namespace) -> Results:
    load = os.getloadavg()[0]
    say("syncing an account")
    async with filled_database(database, options.records) as dsn:
        comparisons = await compare(dsn, database.state_dir, options.seconds)
    return Results(
        postgres_version=database.version,
        records=options.records,
        seconds=options.seconds,
        connections=_CONNECTIONS,
        load=load,
        comparisons=comparisons,
    )


def say(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.api", description=__doc__)
    parser.add_argument("--records", type=int, default=5_000, help="of each object type (5000)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of load for each figure (10)")
    parser.add_argument("--write-docs", action="store_true", help="write its part of docs/benchmark.md")
    options = parser.parse_args()
    try:
        with own_postgres() as database:
            results = uvloop.run(run(database, options))
        print(report(results), flush=True)
        if options.write_docs:
            write_section(_ROOT / "docs" / "benchmark.md", results)
    except (DifferentRows, UnexpectedResponse, SyncFailed, Problem, EmbeddedPostgresError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
