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
from urllib.parse import urlsplit

import asyncpg
import docker  # type: ignore[import-untyped] # comes with testcontainers, without types
from testcontainers.community.postgres import PostgresContainer

from astrelo.adapters.outbound.postgres.session.migrate import migrate
from astrelo.bootstrap.development.embedded_postgres import EmbeddedPostgres

_DEFAULT_IMAGE = "postgres:18-alpine"
_VOLATILE = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"


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
    home = Path(tempfile.mkdtemp(prefix="astrelo-tests-"))
    home.chmod(0o711)
    try:
        with EmbeddedPostgres.start(home / "state", durable=False) as server:
            yield Server(dsn=server.dsn, description=f"embedded, {server.version}")
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _container(image: str) -> Iterator[Server]:
    password = secrets.token_urlsafe(16)
    container = PostgresContainer(image, username="astrelo", password=password, dbname="astrelo", driver=None)
    try:
        container.with_command(f"postgres {_VOLATILE}").start()
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


@contextmanager
def create_template(server: Server) -> Iterator[str]:
    """Make a database with the whole schema, to be cloned; give its DSN."""
    with fresh_database(server.dsn) as dsn:
        asyncio.run(migrate(dsn))
        yield dsn


@contextmanager
def fresh_database(admin_dsn: str, template_dsn: str | None = None) -> Iterator[str]:
    """Make an empty database, or a clone of another; give its DSN; drop it afterwards."""
    name = f"astrelo_test_{secrets.token_hex(6)}"
    template = _database_of(template_dsn) if template_dsn else "template0"
    asyncio.run(_execute(admin_dsn, f'create database "{name}" template "{template}"'))
    try:
        yield _with_database(admin_dsn, name)
    finally:
        asyncio.run(_execute(admin_dsn, f'drop database "{name}" with (force)'))


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _database_of(dsn: str) -> str:
    return urlsplit(dsn).path.removeprefix("/")


def _with_database(dsn: str, name: str) -> str:
    return urlsplit(dsn)._replace(path=f"/{name}").geturl()
