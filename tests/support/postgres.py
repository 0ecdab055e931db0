"""The PostgreSQL server the tests run against, and databases on it that are made and dropped in milliseconds."""

import asyncio
import contextlib
import gc
import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import asyncpg
import docker  # type: ignore[import-untyped] # comes with testcontainers, without types
from testcontainers.community.postgres import PostgresContainer

from astrelo.adapters.outbound.postgres.cluster.distribute import distribute
from astrelo.adapters.outbound.postgres.session.migrate import migrate
from astrelo.bootstrap.development.embedded_postgres import EmbeddedPostgres

_DEFAULT_IMAGE = "postgres:18-alpine"
_VOLATILE = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"

_SHARED_MEMORY = Path("/dev/shm")
_MEMORY_NEEDED = 8 * 2**30  # bytes; the million rows of the query plans are two of them


class NoServerError(Exception):
    """No server as asked for can be had; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the environment asks for: `kind` forces a server of ours, else `url` names one, else what can be had."""

    url: str | None
    kind: str | None
    image: str

    @classmethod
    def from_environment(cls) -> "Choice":
        read = os.environ.get  # noqa: TID251 - the tests' own settings, read in this place only
        kind = read("ASTRELO_TEST_POSTGRES") or None
        if kind not in {None, "embedded", "container"}:
            raise NoServerError(
                f"ASTRELO_TEST_POSTGRES is {kind!r}: set 'embedded' or 'container', or nothing."
            )
        image = read("ASTRELO_TEST_POSTGRES_IMAGE") or _DEFAULT_IMAGE
        return cls(url=read("ASTRELO_TEST_DATABASE_URL") or None, kind=kind, image=image)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """`dsn` may create databases; `description` is for the header of the report."""

    dsn: str
    description: str

    def __repr__(self) -> str:
        return f"<Server {self.description}>"


@contextmanager
def run_server(choice: Choice) -> Iterator[Server]:
    """Run the server that `choice` asks for until the block ends."""
    if choice.url is not None and choice.kind is None:
        yield Server(dsn=choice.url, description="the server of ASTRELO_TEST_DATABASE_URL")
    elif choice.kind == "container" or (choice.kind is None and _engine_has(choice.image)):
        with _container(choice.image) as server:
            yield server
    else:
        with _run_embedded() as server:
            yield server


@contextmanager
def _run_embedded() -> Iterator[Server]:
    # Not a folder of pytest: as root the server runs as nobody, who cannot enter those.
    home = Path(tempfile.mkdtemp(prefix="astrelo-tests-", dir=_memory_folder()))
    home.chmod(0o711)
    try:
        with EmbeddedPostgres.start(home / "state", durable=False) as server:
            yield Server(dsn=server.dsn, description=f"embedded, {server.version}")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _memory_folder() -> Path | None:
    """Return where files live in memory, if they fit: each of a database's 300 files is made five times faster there."""
    if not os.access(_SHARED_MEMORY, os.W_OK | os.X_OK):
        return None
    return _SHARED_MEMORY if shutil.disk_usage(_SHARED_MEMORY).free >= _MEMORY_NEEDED else None


@contextmanager
def _container(image: str) -> Iterator[Server]:
    password = secrets.token_urlsafe(16)
    container = PostgresContainer(image, username="astrelo", password=password, dbname="astrelo", driver=None)
    try:
        container.with_command(f"postgres {_VOLATILE}")
        container.with_tmpfs_mount("/var/lib/postgresql").start()
    except Exception as error:
        raise NoServerError(
            f"A container of {image} does not start: {error}. Set ASTRELO_TEST_POSTGRES=embedded to do without."
        ) from error
    try:
        # It speaks no TLS. Asking for it, asyncpg complains of each attempt to connect that a test breaks off.
        yield Server(
            dsn=f"{container.get_connection_url()}?sslmode=disable", description=f"container of {image}"
        )
    finally:
        container.stop()


def _engine_has(image: str) -> bool:
    """Return whether a Docker engine answers and holds the image or can pull it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            with contextlib.closing(docker.from_env(timeout=60)) as client:
                return _has_or_pulls(client, image)
        except docker.errors.DockerException:
            return False
        finally:
            gc.collect()  # the client drops its socket unclosed when nobody answers: warn here or never


def _has_or_pulls(client: docker.DockerClient, image: str) -> bool:
    try:
        client.images.get(image)
    except docker.errors.ImageNotFound:
        client.images.pull(image)
    return True


class Databases:
    """Makes and drops databases on a server, over one connection of its own.

    Not inside a running event loop: the connection's own loop runs only for the moment of a statement.
    """

    def __init__(self, server: Server) -> None:
        self._dsn = server.dsn
        self._runner = asyncio.Runner()
        self._connection: asyncpg.Connection | None = None

    @contextmanager
    def create(self, template_dsn: str | None = None) -> Iterator[str]:
        """Make an empty database, or a clone of another; give its DSN; drop it afterwards."""
        name = f"astrelo_test_{secrets.token_hex(6)}"
        template = urlsplit(template_dsn).path.removeprefix("/") if template_dsn else "template0"
        # Copying files writes a twentieth of what the default, the write-ahead log, does.
        self._execute(f'create database "{name}" template "{template}" strategy file_copy')
        try:
            yield urlsplit(self._dsn)._replace(path=f"/{name}").geturl()
        finally:
            self._execute(f'drop database "{name}" with (force)')

    def _execute(self, statement: str) -> None:
        self._runner.run(self._execute_on_own_loop(statement))

    async def _execute_on_own_loop(self, statement: str) -> None:
        if self._connection is None:
            self._connection = await asyncpg.connect(self._dsn)
        await self._connection.execute(statement)

    def close(self) -> None:
        if self._connection is not None:
            self._runner.run(self._connection.close())
        self._runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def create_template(server: Server) -> Iterator[str]:
    """Make a database with the whole schema, to be cloned; give its DSN."""
    with Databases(server) as databases, databases.create() as dsn:
        asyncio.run(migrate(dsn))
        yield dsn


CLUSTER = "ASTRELO_TEST_CITUS_URL"
"""Names the coordinator of a Citus cluster whose database the tests may empty."""


@contextmanager
def borrow_cluster(dsn: str) -> Iterator[str]:
    """Give the database of a cluster with the whole schema, distributed, and without rows; one test at a time."""
    asyncio.run(_empty_cluster(dsn))
    yield dsn


async def _empty_cluster(dsn: str) -> None:
    if await migrate(dsn):
        await distribute(dsn)
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(
            """select quote_ident(relname) from pg_class
               where relnamespace = 'public'::regnamespace and relkind = 'r' and relname not like '\\_pogo%'"""
        )
        await connection.execute(f"truncate {', '.join(name for (name,) in tables)} cascade")
    finally:
        await connection.close()
