"""The bare floor: what the same pages cost to fetch, decode and upsert when nothing is made of them.

The sync's own HTTP transport, its wire types and its driver; three object types side by side, fetching
ahead of writing, batches of the same size. No mapping, no linking, no hashes, no progress, no fence.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import asyncpg
import httpx
import msgspec
import uvloop

from astrelo.adapters.outbound.crm.transport import open_transport
from astrelo.adapters.outbound.hubspot import wire
from astrelo.adapters.outbound.hubspot.config import HUBSPOT_API_DATE
from astrelo.bootstrap.processes import end_with_parent
from benchmarks.measurement import Cost, Meter

PAGES_A_BATCH = 10
PAGES_AHEAD = 4
_HEADERS = httpx.Headers({"Authorization": "Bearer bench-access", "Accept": "application/json"})

Page = (
    wire.ObjectPage[wire.CompanyObject]
    | wire.ObjectPage[wire.ContactObject]
    | wire.ObjectPage[wire.DealObject]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """An object type as the floor sees it: a page's decoder, and a table of text columns."""

    name: str
    decode: Callable[[bytes], Page]
    columns: Sequence[str]

    @property
    def create(self) -> str:
        columns = ", ".join(f"{column} text" for column in self.columns)
        return f"create table {self.name} ({columns}, primary key (id))"

    @property
    def upsert(self) -> str:
        arrays = ", ".join(f"${position}::text[]" for position in range(1, len(self.columns) + 1))
        changes = ", ".join(f"{column} = excluded.{column}" for column in self.columns)
        row = ", ".join(f"{{}}.{column}" for column in self.columns)
        return (
            f"insert into {self.name} as stored select * from unnest({arrays}) "  # noqa: S608 - field names of our own structs
            f"on conflict (id) do update set {changes} "
            f"where ({row.format(*['stored'] * len(self.columns))}) "
            f"is distinct from ({row.format(*['excluded'] * len(self.columns))})"
        )


def _table(name: str, decode: Callable[[bytes], Page], properties: type[msgspec.Struct]) -> Table:
    return Table(name=name, decode=decode, columns=("id", "updated_at", *properties.__struct_fields__))


TABLES = (
    _table(
        "companies", msgspec.json.Decoder(wire.ObjectPage[wire.CompanyObject]).decode, wire.CompanyProperties
    ),
    _table(
        "contacts", msgspec.json.Decoder(wire.ObjectPage[wire.ContactObject]).decode, wire.ContactProperties
    ),
    _table("deals", msgspec.json.Decoder(wire.ObjectPage[wire.DealObject]).decode, wire.DealProperties),
)


async def create_tables(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for table in TABLES:
            await connection.execute(table.create)
    finally:
        await connection.close()


async def copy_everything(url: str, dsn: str) -> int:
    """Copy the account into the tables; return how many records there were."""
    async with (
        open_transport() as transport,
        asyncpg.create_pool(dsn, min_size=len(TABLES), max_size=len(TABLES)) as pool,
        asyncio.TaskGroup() as group,
    ):
        walks = [group.create_task(_walk(table, url, transport, pool)) for table in TABLES]
    return sum(walk.result() for walk in walks)


async def _walk(table: Table, url: str, transport: httpx.AsyncHTTPTransport, pool: asyncpg.Pool) -> int:
    pages: asyncio.Queue[Page | None] = asyncio.Queue(PAGES_AHEAD)
    copied = 0
    async with asyncio.TaskGroup() as group:
        group.create_task(_fetch(table, url, transport, pages))
        while batch := await _batch(pages):
            copied += await _write(table, batch, pool)
    return copied


async def _fetch(
    table: Table, url: str, transport: httpx.AsyncHTTPTransport, pages: asyncio.Queue[Page | None]
) -> None:
    first = following = f"{url}/crm/objects/{HUBSPOT_API_DATE}/{table.name}?limit=100"
    while True:
        request = httpx.Request("GET", following, headers=_HEADERS)
        response = await transport.handle_async_request(request)
        page = table.decode(await response.aread())
        await pages.put(page)
        if page.paging is None or page.paging.next is None:
            return await pages.put(None)
        following = f"{first}&after={page.paging.next.after}"


async def _batch(pages: asyncio.Queue[Page | None]) -> list[Page]:
    batch: list[Page] = []
    while len(batch) < PAGES_A_BATCH:
        page = await pages.get()
        if page is None:
            pages.put_nowait(None)  # for the next look: nothing follows it, so there is room
            break
        batch.append(page)
    return batch


async def _write(table: Table, batch: Sequence[Page], pool: asyncpg.Pool) -> int:
    rows = [
        (record.id, record.updated_at, *msgspec.structs.astuple(record.properties))
        for page in batch
        for record in page.results
    ]
    await pool.execute(table.upsert, *zip(*rows, strict=True))
    return len(rows)


async def _measured(url: str, dsn: str) -> Cost:
    meter = Meter.of_this_process()
    started = time.perf_counter()
    records = await copy_everything(url, dsn)
    return meter.cost(records, time.perf_counter() - started)


def main() -> None:
    """Copy once, from the URL to the DSN that stand on stdin, and print the cost as one JSON object."""
    end_with_parent()
    url, dsn = sys.stdin.read().split()
    print(msgspec.json.encode(uvloop.run(_measured(url, dsn))).decode())


if __name__ == "__main__":
    main()
