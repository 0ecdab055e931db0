"""Open many event streams at one API process, and print what they take: `python -m benchmarks.event_streams`."""

import argparse
import asyncio
import base64
import os
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg

from astrelo.adapters.inbound.http.session_tokens import issue_token
from astrelo.bootstrap.development.processes import Child, free_port
from astrelo.bootstrap.system import SystemClock
from astrelo.domain.identifiers import UserId
from benchmarks.machinery import own_postgres
from benchmarks.measurement import cpu_seconds

_SECRET = "a secret of this benchmark, longer than thirty-two characters"  # noqa: S105 - protects nothing
_STREAMS_PER_ADDRESS = 50
"""A server limits connections by address; here each client has one of the loopback's."""
_TIMEOUT = 60.0  # seconds

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def open_stream(number: int, port: int, user_id: UserId) -> Stream:
    """Connect, and read what the stream begins with."""
    token = issue_token(user_id, _SECRET, timedelta(hours=1), SystemClock().now())
    address = f"127.0.1.{1 + number // _STREAMS_PER_ADDRESS}"
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    writer.write(
        f"GET /api/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    )
    await reader.readuntil(b"changes.available")
    return reader, writer


async def reach(streams: Sequence[Stream], dsn: str, user_ids: Sequence[UserId]) -> float:
    """Connect every user to a CRM in one transaction; return the seconds until all streams have the event."""
    connection = await asyncpg.connect(dsn)
    try:
        began = time.perf_counter()
        async with connection.transaction():
            await connection.execute(
                """
                insert into crm_connections
                    (user_id, id, provider, account_id, account_name, scopes, status, connected_at)
                select user_id, gen_random_uuid(), 'hubspot', '1', 'Acme', '{}', 'active', now()
                from unnest($1::uuid[]) as one (user_id)
                """,
                user_ids,
            )
            await connection.execute(
                "select pg_notify('astrelo_events', user_id::text) from unnest($1::uuid[]) as one (user_id)",
                user_ids,
            )
        async with asyncio.timeout(_TIMEOUT):
            await asyncio.gather(*(reader.readuntil(b'"status":"active"') for reader, _ in streams))
        return time.perf_counter() - began
    finally:
        await connection.close()


def processes_of(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in processes_of(int(child)))]


def resident_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmRSS:")).split()[1]) * 1024


async def until_up(port: int, api: Child) -> None:
    async with asyncio.timeout(_TIMEOUT):
        while True:
            api.check()
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return


async def measure(api: Child, port: int, dsn: str, count: int, tabs: int) -> None:
    await until_up(port, api)
    user_ids = [UserId(uuid4()) for _ in range(count // tabs)]
    _, first = await open_stream(0, port, UserId(uuid4()))
    first.close()
    server = max(processes_of(api.pid), key=resident_bytes)
    before = resident_bytes(server)
    streams = [await open_stream(number, port, user_ids[number // tabs]) for number in range(count)]
    opened, spent = resident_bytes(server), cpu_seconds(server)
    await asyncio.sleep(_TIMEOUT / 2)
    quiet = (cpu_seconds(server) - spent) / (_TIMEOUT / 2)
    seconds = await reach(streams, dsn, user_ids)
    print(f"{count} streams of {len(user_ids)} users at one process")
    print(f"  resident: {before / 1e6:.0f} MB without, {opened / 1e6:.0f} MB with them", end="")
    print(
        f" ({(opened - before) / count / 1e3:.0f} KB each), {resident_bytes(server) / 1e6:.0f} MB at the end"
    )
    print(f"  while nothing happens: {quiet:.1%} of a processor")
    print(f"  an event of every user at once: {seconds:.2f} s until the last stream has it")
    for _, writer in streams:
        writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.event_streams", description=__doc__)
    parser.add_argument("--streams", type=int, default=1_000)
    parser.add_argument("--tabs", type=int, default=1, help="streams of each user")
    options = parser.parse_args()
    with own_postgres() as database:
        port = free_port()
        environ = {name: value for name, value in os.environ.items() if not name.startswith("ASTRELO_")}  # noqa: TID251 - a child process needs one
        settings = {
            "ASTRELO_DATABASE_URL": database.dsn,
            "ASTRELO_ENCRYPTION_KEYS": f"benchmark:{base64.b64encode(bytes(32)).decode()}",
            "ASTRELO_JWT_SECRET": _SECRET,
            "ASTRELO_PORT": str(port),
        }
        api = Child("API", ["serve"], environ | settings, database.state_dir.parent / "api.log")
        try:
            asyncio.run(measure(api, port, database.dsn, options.streams, options.tabs))
        finally:
            api.stop()


if __name__ == "__main__":
    main()
