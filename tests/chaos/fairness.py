"""`python -m tests.chaos.fairness`: how long small customers wait while large ones fill every worker."""

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import asyncpg
import click

from astrelo.bootstrap.development.processes import Children
from astrelo.bootstrap.logging import configure_logging
from astrelo.bootstrap.settings import LogFormat
from astrelo.domain.identifiers import Provider
from crm_sandbox import Dataset, serve_in_thread
from crm_sandbox.hubspot import Sandbox, create_sandbox
from tests.chaos.crms.hubspot import HUBSPOT
from tests.chaos.customer import Customer, process_environ, settings_for
from tests.chaos.database import Database, own_database

WORKERS = 4
LARGE, SMALL = 20, 180
"""More large ones than the four runs that each worker has at a time."""
LARGE_COMPANIES = 1_000
SLICE_SECONDS = 2
LATENCY_MS = 100
_WITHIN = 300.0
_WAITS = """
select distinct on (user_id) user_id, extract(epoch from started_at - requested_at)::float8 as waited,
       extract(epoch from finished_at - requested_at)::float8 as took
from sync_runs where finished_at is not null order by user_id, requested_at"""


def datasets() -> list[Dataset]:
    large = Dataset.generate(LARGE_COMPANIES).records
    copies = [
        Dataset(name=f"Large {number}", account_id=number, records=large) for number in range(1, LARGE + 1)
    ]
    return copies + [Dataset.generate(2 + number % 20, seed=number) for number in range(SMALL)]


async def connect(first: Customer, sandbox: Sandbox) -> list[Customer]:
    """Give each account a user, the large ones first; with the connection each first sync is asked for."""
    customers = []
    for number, portal_id in enumerate(sandbox.accounts):
        customer = first if number == 0 else first.another()
        await customer.connect(Provider.HUBSPOT, portal_id=str(portal_id))
        customers.append(customer)
    return customers


async def waits(dsn: str, count: int, children: Children) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    deadline = time.monotonic() + _WITHIN
    try:
        while len(rows := await connection.fetch(_WAITS)) < count:
            children.check()
            if time.monotonic() > deadline:
                sys.exit(f"{len(rows)} of {count} first syncs were done after {_WITHIN:g} s")
            await asyncio.sleep(0.5)
        return list(rows)
    finally:
        await connection.close()


async def measure(database: Database, sandbox: Sandbox, url: str, logs: Path) -> None:
    settings = settings_for(await database.fresh(), 8000, SLICE_SECONDS, HUBSPOT.environ(url))
    # Nothing is due by the clock meanwhile: only the first syncs are measured.
    settings |= {"ASTRELO_SYNC_EVERY": "86400", "ASTRELO_WORKER_HEARTBEAT": "30"}
    async with Customer.of(settings) as first:
        customers = await connect(first, sandbox)
        environ = process_environ(settings)
        with Children() as children:
            for number in range(WORKERS):
                children.start(f"worker {number}", ["worker"], environ, logs / f"worker-{number}.log")
            rows = await waits(settings["ASTRELO_DATABASE_URL"], len(customers), children)
    large = {customer.user_id for customer in customers[:LARGE]}
    large_took = [row["took"] for row in rows if row["user_id"] in large]
    small = [row["waited"] for row in rows if row["user_id"] not in large]
    click.echo(
        f"{len(rows)} connections, {WORKERS} workers, slices of {SLICE_SECONDS} s: the large ones took "
        f"{min(large_took):.1f} to {max(large_took):.1f} s; a small one waited {median(small):.1f} s in the "
        f"middle and {max(small):.1f} s at the longest, starts of the workers included"
    )
    if max(small) >= max(large_took):
        sys.exit("A small connection waited as long as the largest sync took.")


def main() -> None:
    configure_logging("error", LogFormat.CONSOLE)
    sandbox = create_sandbox(*datasets(), latency_ms=LATENCY_MS)
    with (
        tempfile.TemporaryDirectory(prefix="astrelo-fairness-") as logs,
        own_database() as database,
        serve_in_thread(sandbox) as url,
    ):
        asyncio.run(measure(database, sandbox, url, Path(logs)))


if __name__ == "__main__":
    main()
