"""Runs the product's own sync: a connected account, a requested run, a worker process that takes it up."""

import asyncio
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Self
from uuid import UUID

from astrelo.adapters.outbound.postgres.session.migrate import migrate
from astrelo.application.sync.schedule_syncs import SyncNow
from astrelo.bootstrap.container import create_container
from astrelo.bootstrap.development.processes import Children, free_port
from astrelo.bootstrap.development.secrets import complete_settings
from astrelo.bootstrap.settings import parse_settings
from astrelo.domain.connection import CrmConnection
from astrelo.domain.identifiers import ConnectionId, Provider, UserId
from astrelo.domain.ports.state import UnitOfWork
from astrelo.domain.ports.system import Clock
from astrelo.domain.sync import RunStatus, SyncMode, SyncRun, SyncStep
from benchmarks.machinery import PageServer
from benchmarks.measurement import Cost, Meter

USER = UserId(UUID("7a1c0f52-6d1f-4c5e-9b8e-0d3b6a4f2e10"))
_CONNECTION = ConnectionId(UUID("0b7e6d1c-93a5-4f0e-8a44-5c2f1e9d7b36"))
_POLL_SECONDS = 0.01
_READY_WITHIN_SECONDS = 30.0


class SyncFailed(Exception):
    pass


class ConnectedAccount:
    """An account that is connected as if its user had just come back from the CRM."""

    def __init__(
        self, provider: Provider, uow: UnitOfWork, sync_now: SyncNow, environ: Mapping[str, str], logs: Path
    ) -> None:
        self._provider = provider
        self._uow = uow
        self._sync_now = sync_now
        self._environ = environ
        self._logs = logs

    @classmethod
    @asynccontextmanager
    async def at(cls, server: PageServer, dsn: str, state_dir: Path) -> AsyncIterator[Self]:
        """Migrate the database and connect the account that the page server holds."""
        environ = {
            "ASTRELO_DATABASE_URL": dsn,
            "ASTRELO_STATE_DIR": str(state_dir),
            "ASTRELO_WORKER_HEALTH_PORT": str(free_port()),
            **server.crm.settings(server.url, server.records),
        }
        await migrate(dsn)
        container = create_container(complete_settings(parse_settings(environ)))
        try:
            uow = await container.get(UnitOfWork)
            await _connect(uow, server, (await container.get(Clock)).now())
            sync_now = await container.get(SyncNow)
            yield cls(server.crm.provider, uow, sync_now, environ, state_dir / "logs")
        finally:
            await container.close()

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[int]:
        """Run `astrelo worker` and give its process id once it listens to the queue."""
        with Children() as children:
            child = children.start("worker", ["worker"], self._environ, self._logs / "worker.log")
            deadline = time.monotonic() + _READY_WITHIN_SECONDS
            while not self._is_ready():
                children.check()
                if time.monotonic() > deadline:
                    raise SyncFailed(f"The worker is not ready. The end of its log:\n{child.tail()}")
                await asyncio.sleep(_POLL_SECONDS)
            yield child.pid

    async def sync(self, worker_pid: int, mode: SyncMode = SyncMode.FULL) -> Cost:
        """Request a run and wait until it is finished. Raises SyncFailed when it is not complete."""
        meter = Meter(worker_pid)
        started = time.perf_counter()
        run = await self._sync_now(USER, self._provider, mode)
        while run.status.is_open:
            await asyncio.sleep(_POLL_SECONDS)
            run = await self._current(run)
        seconds = time.perf_counter() - started
        if run.status is not RunStatus.COMPLETED or not all(map(_is_whole, run.steps)):
            raise SyncFailed(_explain(run))
        return meter.cost(sum(step.counts.received for step in run.steps), seconds)

    async def _current(self, run: SyncRun) -> SyncRun:
        async with self._uow(USER) as tx:
            return await tx.runs.get(run.id)

    def _is_ready(self) -> bool:
        url = f"http://127.0.0.1:{self._environ['ASTRELO_WORKER_HEALTH_PORT']}/health/ready"
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


def _is_whole(step: SyncStep) -> bool:
    """A sync that is fast because it lost something is not worth a figure."""
    return step.is_reconciled and step.counts.received == (step.expected_total or 0)


def _explain(run: SyncRun) -> str:
    steps = "\n".join(f"  {step.object_type}: {step.status}, {step.counts}" for step in run.steps)
    return f"The run ended as {run.status} ({run.reason or 'no reason'}):\n{steps}"


async def _connect(uow: UnitOfWork, server: PageServer, now: datetime) -> None:
    grant = server.crm.grant(server.url, now)
    connection = CrmConnection.establish(_CONNECTION, USER, server.crm.provider, grant, now)
    async with uow(USER) as tx:
        await tx.connections.save(connection)
        await tx.tokens.put(connection.id, grant.tokens)
