"""The bare floor: what the same pages cost to fetch, decode and upsert when nothing is made of them.

The sync's own HTTP transport, its decoders and its driver; three object types side by side, fetching ahead of
writing, batches of the same size. No mapping, no linking, no hashes, no progress, no fence.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import asyncpg
import msgspec
import uvloop

from astrelo.adapters.outbound.crm.http import open_transport
from astrelo.bootstrap.development.processes import end_with_parent
from astrelo.domain.identifiers import Provider
from benchmarks.crm import Crm, Rows, Table
from benchmarks.crms import CRMS
from benchmarks.measurement import Cost, Meter

ROWS_A_BATCH = 1_000
MAX_PREFETCHED_PAGES = 4


def _create(table: Table) -> str:
    columns = ", ".join(f"{column} text" for column in table.columns)
    return f"create table {table.name} ({columns}, primary key (id))"


def _upsert(table: Table) -> str:
    arrays = ", ".join(f"${position}::text[]" for position in range(1, len(table.columns) + 1))
    changes = ", ".join(f"{column} = excluded.{column}" for column in table.columns)
    row = ", ".join(f"{{}}.{column}" for column in table.columns)
    return (
        f"insert into {table.name} as stored select * from unnest({arrays}) "  # noqa: S608 - field names of our own structs
        f"on conflict (id) do update set {changes} "
        f"where ({row.format(*['stored'] * len(table.columns))}) "
        f"is distinct from ({row.format(*['excluded'] * len(table.columns))})"
    )


async def create_tables(crm: Crm, dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for table in crm.tables:
            await connection.execute(_create(table))
    finally:
        await connection.close()


async def copy_everything(crm: Crm, url: str, dsn: str) -> int:
    """Copy the account into the tables; return how many records there were."""
    tables = crm.tables
    async with (
        open_transport() as transport,
        asyncpg.create_pool(dsn, min_size=len(tables), max_size=len(tables)) as pool,
        asyncio.TaskGroup() as group,
    ):
        copies = [group.create_task(_copy(table, crm.rows(table, url, transport), pool)) for table in tables]
    return sum(copy.result() for copy in copies)


async def _copy(table: Table, fetching: AsyncGenerator[Rows, None], pool: asyncpg.Pool) -> int:
    pages: asyncio.Queue[Rows | None] = asyncio.Queue(MAX_PREFETCHED_PAGES)
    copied, upsert = 0, _upsert(table)
    async with asyncio.TaskGroup() as group:
        group.create_task(_fetch(fetching, pages))
        while batch := await _batch(pages):
            await pool.execute(upsert, *zip(*batch, strict=True))
            copied += len(batch)
    return copied


async def _fetch(fetching: AsyncGenerator[Rows, None], pages: asyncio.Queue[Rows | None]) -> None:
    async with aclosing(fetching) as fetched:
        async for rows in fetched:
            await pages.put(rows)
    await pages.put(None)


async def _batch(pages: asyncio.Queue[Rows | None]) -> list[tuple[str | None, ...]]:
    batch: list[tuple[str | None, ...]] = []
    while len(batch) < ROWS_A_BATCH:
        rows = await pages.get()
        if rows is None:
            pages.put_nowait(None)  # for the next look: nothing follows it, so there is room
            break
        batch += rows
    return batch


async def _measure(crm: Crm, url: str, dsn: str) -> Cost:
    meter = Meter.of_this_process()
    started = time.perf_counter()
    records = await copy_everything(crm, url, dsn)
    return meter.cost(records, time.perf_counter() - started)


def main() -> None:
    """Copy once, from the URL to the DSN that stand on stdin, and print the cost as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floor")
    parser.add_argument("--provider", type=Provider, choices=CRMS, required=True)
    crm = CRMS[parser.parse_args().provider]
    end_with_parent()
    url, dsn = sys.stdin.read().split()
    print(msgspec.json.encode(uvloop.run(_measure(crm, url, dsn))).decode())


if __name__ == "__main__":
    main()
