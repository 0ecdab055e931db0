"""The worker process: takes sync runs from the queue until told to stop.

Imports neither the web framework nor the HTTP server: a worker's memory is for records.
"""

import asyncio
import signal
from contextlib import AsyncExitStack
from datetime import timedelta

import asyncpg
import structlog
import uvloop

from astrelo.adapters.inbound.worker.entrypoint import SyncEntrypoint
from astrelo.adapters.inbound.worker.health import served_health
from astrelo.adapters.inbound.worker.supervisor import QueueOptions, Supervisor
from astrelo.adapters.outbound.postgres.jobs import SYNC_ENTRYPOINT
from astrelo.adapters.outbound.postgres.lost_runs import LostRuns
from astrelo.bootstrap.container import create_container
from astrelo.bootstrap.database import bring_up_to_date, database_url
from astrelo.bootstrap.development import with_database
from astrelo.bootstrap.settings import Settings, WorkerSettings
from astrelo.domain.ports import Clock

_DRAIN = timedelta(seconds=20)
_log = structlog.get_logger(__name__)


def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; running syncs then stop after their batch and go back to the queue."""
    with with_database(settings) as complete, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work(complete))


async def work(settings: Settings) -> None:
    dsn = database_url(settings)
    await bring_up_to_date(dsn)
    async with AsyncExitStack() as stack:
        container = create_container(settings)
        stack.push_async_callback(container.close)

        async def connect() -> asyncpg.Connection:
            return await asyncpg.connect(
                dsn, timeout=10, server_settings={"application_name": "astrelo queue"}
            )

        supervisor = Supervisor(
            connect,
            (await container.get(LostRuns)).requeue,
            queue_options(settings.worker),
            await container.get(Clock),
        )
        supervisor.register(SYNC_ENTRYPOINT, SyncEntrypoint(container, supervisor.should_stop))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, supervisor.stop)
        if settings.worker.health_port is not None:
            await stack.enter_async_context(
                served_health(supervisor.health, settings.host, settings.worker.health_port)
            )
        await supervisor.run()
        _log.info("worker.stopped")


def queue_options(worker: WorkerSettings) -> QueueOptions:
    return QueueOptions(
        concurrency=worker.concurrency,
        heartbeat=timedelta(seconds=worker.heartbeat_seconds),
        poll=timedelta(seconds=worker.poll_seconds),
        drain=_DRAIN,
    )
