"""The worker process: takes sync runs and webhook deliveries from the queue until asked to stop.

Imports neither the web framework nor the HTTP server: a worker's memory is for records.
"""

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

import asyncpg
import structlog
import uvloop
from dishka import AsyncContainer

from astrelo.adapters.inbound.worker.entrypoint import SyncEntrypoint, WebhookEntrypoint
from astrelo.adapters.inbound.worker.health import serve_health
from astrelo.adapters.inbound.worker.supervisor import Duty, QueueOptions, Supervisor
from astrelo.adapters.outbound.postgres.feed.pruning import FeedPruning
from astrelo.adapters.outbound.postgres.sync_runs.history import RunHistory
from astrelo.adapters.outbound.postgres.sync_runs.jobs import SYNC_ENTRYPOINT, LostRuns
from astrelo.adapters.outbound.postgres.webhook_endpoints.deliveries import WEBHOOK_ENTRYPOINT, LostDeliveries
from astrelo.application.sync.run_sync import RunSync
from astrelo.application.sync.schedule_syncs import ScheduleDueSyncs
from astrelo.application.webhook_endpoints.deliver import DeliverWebhook
from astrelo.bootstrap import startup
from astrelo.bootstrap.container import create_container
from astrelo.bootstrap.database import bring_up_to_date, database_url
from astrelo.bootstrap.development.database import database_gone, provide_database
from astrelo.bootstrap.development.state_dir import require_no_demo
from astrelo.bootstrap.settings import Settings
from astrelo.domain.ports.reference import ReferenceData
from astrelo.domain.ports.system import Clock

_DRAIN = timedelta(seconds=20)
_CONNECT_SECONDS = 10.0
_PRUNE_EVERY = timedelta(minutes=5)
_MAX_SCHEDULE_INTERVAL = timedelta(seconds=5)
_MISSING_INTERVAL = timedelta(hours=1)
_PRUNE_INTERVAL = timedelta(minutes=10)
_log = structlog.get_logger(__name__)


def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; running syncs then stop after their batch and go back to the queue.

    Raises Problem when the embedded database is gone, or in use by a demo.
    """
    embedded = settings.database_url is None
    if embedded:
        require_no_demo(settings)
    with provide_database(settings) as complete, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work(complete, embedded=embedded))


async def work(settings: Settings, *, embedded: bool = False) -> None:
    dsn = database_url(settings)
    await bring_up_to_date(dsn)
    async with AsyncExitStack() as stack:
        container = create_container(settings)
        stack.push_async_callback(container.close)
        queue = QueueConnector(dsn)
        clock = await container.get(Clock)
        syncs = Supervisor(
            queue.connect,
            await duties(container, settings),
            queue_options(settings, settings.worker_concurrency),
            clock,
        )
        # A queue connection of its own: receivers that respond slowly take no place of a sync.
        deliveries = Supervisor(
            queue.connect,
            await delivery_duties(container, settings),
            queue_options(settings, settings.webhook_concurrency),
            clock,
        )

        def stop() -> None:
            syncs.stop()
            deliveries.stop()

        if embedded:
            queue.when_refused = stop
        await container.get(RunSync)  # reads the reference data, which would make a first run wait
        startup.warn_of_old_rates(await container.get(ReferenceData), clock)
        syncs.register(SYNC_ENTRYPOINT, SyncEntrypoint(container, syncs.should_stop))
        deliver = WebhookEntrypoint(await container.get(DeliverWebhook), settings.webhook_concurrency)
        deliveries.register(WEBHOOK_ENTRYPOINT, deliver)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        if settings.worker_health_port is not None:
            await stack.enter_async_context(
                serve_health(syncs.health, settings.host, settings.worker_health_port)
            )
        startup.spare_the_collector()
        await asyncio.gather(syncs.run(), deliveries.run())
    if queue.refused and embedded:
        raise database_gone("worker")
    _log.info("worker.stopped")


class QueueConnector:
    """Opens the queue's connection; notes when the address refuses connections."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.refused = False
        self.when_refused: Callable[[], None] | None = None

    async def connect(self) -> asyncpg.Connection:
        name = {"application_name": "astrelo queue"}
        try:
            return await asyncpg.connect(self._dsn, timeout=_CONNECT_SECONDS, server_settings=name)
        except ConnectionRefusedError:
            # A server of its own keeps its address and comes back; an embedded one comes back elsewhere.
            self.refused = True
            if self.when_refused is not None:
                self.when_refused()
            raise


async def duties(container: AsyncContainer, settings: Settings) -> Sequence[Duty]:
    """Look for lost jobs, for due syncs and for what is kept too long, the more often the sooner it matters."""
    lost_runs = await container.get(LostRuns)
    schedule = await container.get(ScheduleDueSyncs)
    feed_pruning = await container.get(FeedPruning)
    history = await container.get(RunHistory)
    heartbeat = timedelta(seconds=settings.worker_heartbeat)
    return (
        Duty(name="ask again for lost runs", every=heartbeat / 2, perform=lost_runs.requeue),
        Duty(
            name="ask for due syncs",
            every=min(_MAX_SCHEDULE_INTERVAL, settings.sync.incremental_every / 10),
            perform=schedule.__call__,
        ),
        Duty(name="schedule missing connections", every=_MISSING_INTERVAL, perform=schedule.add_missing),
        Duty(name="prune the change feed", every=_PRUNE_INTERVAL, perform=feed_pruning.prune),
        Duty(name="prune the history of runs", every=_PRUNE_INTERVAL, perform=history.prune),
    )


async def delivery_duties(container: AsyncContainer, settings: Settings) -> Sequence[Duty]:
    lost = await container.get(LostDeliveries)
    heartbeat = timedelta(seconds=settings.worker_heartbeat)
    return (
        Duty(name="ask again for lost webhook deliveries", every=heartbeat / 2, perform=lost.requeue),
        Duty(name="prune webhook deliveries", every=_PRUNE_EVERY, perform=lost.prune),
    )


def queue_options(settings: Settings, concurrency: int) -> QueueOptions:
    return QueueOptions(
        concurrency=concurrency,
        heartbeat=timedelta(seconds=settings.worker_heartbeat),
        poll=timedelta(seconds=settings.worker_poll),
        drain=_DRAIN,
    )
