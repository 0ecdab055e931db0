"""What runs beside the measured process: the page server, a PostgreSQL of its own, databases in it."""

import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import asyncpg
import msgspec

from astrelo.bootstrap.development.embedded_postgres import EmbeddedPostgres
from benchmarks.crm import Crm
from benchmarks.measurement import Cost, cpu_seconds

_ROOT = Path(__file__).parent.parent


class PageServer(NamedTuple):
    """A process that plays a CRM whose account holds `records` of each type."""

    crm: Crm
    records: int
    url: str
    pid: int

    @property
    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid)


class Database(NamedTuple):
    """A running PostgreSQL whose commits wait for the disk; `dsn` names a superuser and its password."""

    dsn: str
    version: str
    state_dir: Path

    def __repr__(self) -> str:
        return f"Database({self.version} in {self.state_dir})"


class FloorFailed(Exception):
    pass


@contextmanager
def page_server(crm: Crm, records: int) -> Iterator[PageServer]:
    """Serve an account of `records` companies, contacts and deals from a process of its own."""
    command = [sys.executable, "-m", "benchmarks.server"]
    command += ["--provider", crm.provider, "--records", str(records)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as process:
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            yield PageServer(crm, records, f"http://127.0.0.1:{int(port)}", process.pid)
        finally:
            process.kill()


@contextmanager
def own_postgres() -> Iterator[Database]:
    """Start a PostgreSQL in a folder that goes with it: on a disk, since /tmp may be memory."""
    with tempfile.TemporaryDirectory(prefix="astrelo-bench-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)  # root's server runs as another user, who must pass through
        state_dir = Path(folder) / "state"
        with EmbeddedPostgres.start(state_dir) as server:
            yield Database(server.dsn, server.version, state_dir)


@asynccontextmanager
async def fresh_database(database: Database, name: str) -> AsyncIterator[str]:
    """Give the DSN of an empty database and drop it at the end: vacuuming it later would spoil other figures."""
    await _execute(database.dsn, f'create database "{name}"')
    try:
        yield urlsplit(database.dsn)._replace(path=f"/{name}").geturl()
    finally:
        await _execute(database.dsn, f'drop database "{name}" with (force)')


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def run_floor(server: PageServer, dsn: str) -> Cost:
    """Copy the account once by the bare floor, in a process of its own. Raises FloorFailed."""
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.floor", "--provider", server.crm.provider],
        input=f"{server.url} {dsn}",  # not as an argument: the DSN holds a password
        capture_output=True,
        text=True,
        check=False,
        cwd=_ROOT,
    )
    if process.returncode:
        raise FloorFailed(process.stderr)
    return msgspec.json.decode(process.stdout, type=Cost)
