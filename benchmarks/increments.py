"""Measure incremental runs over a large account: with nothing changed, and with one record in a hundred."""

import argparse
import sys
import time
import urllib.request
from typing import NamedTuple

import asyncpg
import msgspec
import uvloop

from astrelo.bootstrap.development.postgres_binaries import EmbeddedPostgresError
from astrelo.bootstrap.problems import Problem
from astrelo.domain.sync import SyncMode
from benchmarks.crm import Crm
from benchmarks.crms import UnknownChoice, crms_of
from benchmarks.machinery import Database, PageServer, fresh_database, own_postgres, page_server
from benchmarks.measurement import server_spending, settle
from benchmarks.sync import ConnectedAccount, SyncFailed


class Increment(NamedTuple):
    name: str
    records: int
    requests: int
    seconds: float
    wal_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.records:,} records received, {self.requests} requests, "
            f"{self.seconds:.2f} s, {self.wal_bytes / 1e6:.2f} MB of WAL"
        )


async def measure(crm: Crm, database: Database, records: int) -> None:
    say(f"rendering the account in {crm.title}")
    with page_server(crm, records) as server:
        async with (
            fresh_database(database, "increments") as dsn,
            ConnectedAccount.at(server, dsn, database.state_dir) as account,
            account.worker() as worker,
        ):
            say("first sync")
            await account.sync(worker)
            say("increments")
            print(await increment("nothing changed", dsn, server, account, worker), flush=True)
            change(server, every=100)
            print(await increment("1 % changed", dsn, server, account, worker), flush=True)


async def increment(
    name: str, dsn: str, server: PageServer, account: ConnectedAccount, worker: int
) -> Increment:
    connection = await asyncpg.connect(dsn)
    try:
        await settle(connection)
        asked, spent = requests(server), await server_spending(connection)
        cost = await account.sync(worker, SyncMode.INCREMENTAL)
        wal = await server_spending(connection) - spent
    finally:
        await connection.close()
    return Increment(
        f"{server.crm.title}, {name}", cost.records, requests(server) - asked, cost.seconds, wal.wal_bytes
    )


def requests(server: PageServer) -> int:
    with urllib.request.urlopen(f"{server.url}/benchmark/requests") as answer:  # noqa: S310 - our own server
        return int(answer.read())


def change(server: PageServer, every: int) -> None:
    body = msgspec.json.encode({"every": every, "now_ms": time.time_ns() // 1_000_000})
    with urllib.request.urlopen(f"{server.url}/benchmark/change", data=body) as answer:  # noqa: S310 - our own server
        answer.read()


def say(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.increments", description=__doc__)
    parser.add_argument("--provider", default="hubspot", help="the CRM to measure, or both in turn (hubspot)")
    parser.add_argument("--records", type=int, default=100_000, help="of each object type (100000)")
    options = parser.parse_args()
    try:
        crms = crms_of(options.provider)
        with own_postgres() as database:
            for crm in crms:
                uvloop.run(measure(crm, database, options.records))
    except (UnknownChoice, SyncFailed, Problem, EmbeddedPostgresError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
