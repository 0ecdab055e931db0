"""A PostgreSQL server of chaos' own: restarted and crashed at will, always back at the same address."""

import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from astrelo.adapters.outbound.postgres.session.migrate import migrate
from astrelo.bootstrap.development.embedded_postgres import EmbeddedPostgres
from astrelo.bootstrap.development.postgres_cluster import RunningServer

_PORT_FREED_WITHIN = 20


class Database:
    """Durable, for a crash is to lose nothing that was committed."""

    def __init__(self, home: Path) -> None:
        self._server = EmbeddedPostgres.start(home)
        self.dsn = self._server.dsn
        self._template: str | None = None
        self._used: list[str] = []

    def restart(self, *, crash: bool) -> None:
        """Stop at once, with or without a last checkpoint, and start again. Blocks; main thread only."""
        running, cluster = self._server._server, self._server._cluster
        assert running is not None
        running.process.send_signal(signal.SIGQUIT if crash else signal.SIGINT)
        running.process.wait(30)
        for _ in range(_PORT_FREED_WITHIN):
            process = cluster._launch(running.port, durable=True)
            if cluster._becomes_ready(process):
                self._server._server = RunningServer(process=process, port=running.port, watcher=None)
                return
        raise AssertionError(f"PostgreSQL does not come back: see {cluster.log}")

    async def fresh(self) -> str:
        """Make a migrated database and give its DSN."""
        if self._template is None:
            self._template = await self._create()
            await migrate(self._name(self._template))
        name = await self._create(self._template)
        self._used.append(name)
        return self._name(name)

    async def forget(self) -> None:
        """Drop the databases that were made so far: fifty rounds would fill a disk."""
        while self._used:
            await self._execute(f"drop database {self._used.pop()} with (force)")

    async def _create(self, template: str = "template0") -> str:
        name = f"chaos_{secrets.token_hex(4)}"
        await self._execute(f"create database {name} template {template}")
        return name

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _name(self, name: str) -> str:
        return urlsplit(self.dsn)._replace(path=f"/{name}").geturl()

    def close(self) -> None:
        """Stop without a last checkpoint, which takes many seconds: nobody will read what it would write."""
        running = self._server._server
        assert running is not None
        running.process.send_signal(signal.SIGQUIT)
        self._server.close()


@contextmanager
def own_database() -> Iterator[Database]:
    """Start the server in a folder of its own, which is removed with it."""
    home = Path(tempfile.mkdtemp(prefix="astrelo-chaos-"))
    home.chmod(0o711)  # as root, the server runs as another user, who must pass through
    try:
        database = Database(home / "state")
        try:
            yield database
        finally:
            database.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)
