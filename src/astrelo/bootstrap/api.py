"""The API process: granian serving our application until asked to stop."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server
from litestar import Litestar

from astrelo.adapters.inbound.http.app import create_app
from astrelo.adapters.inbound.http.config import HttpConfig
from astrelo.application.connect.connect_crm import ConnectCrm
from astrelo.application.read.event_streams import EventStreams
from astrelo.bootstrap.container import create_container
from astrelo.bootstrap.database import bring_up_to_date, database_url
from astrelo.bootstrap.development.database import database_gone, embedded_server
from astrelo.bootstrap.development.embedded_postgres import EmbeddedPostgres
from astrelo.bootstrap.development.processes import end_with_parent, port_is_taken
from astrelo.bootstrap.development.session_tokens import signing_secret
from astrelo.bootstrap.problems import Problem
from astrelo.bootstrap.settings import PREFIX, Settings
from astrelo.bootstrap.startup import load_settings, warn_of_old_rates
from astrelo.domain.ports.reference import ReferenceData
from astrelo.domain.ports.system import Clock

_LOOK_EVERY = 1.0  # seconds
# Longer than the slowest request, a callback that asks a CRM. granian loses a signal that comes in the instant
# in which its worker begins to listen, and would wait for that worker for ever.
_DRAIN = 20  # seconds
# granian would log to stdout in a form of its own; propagating, its lines take ours.
_GRANIAN_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {},
    "handlers": {},
    "loggers": {
        "_granian": {"handlers": [], "propagate": True},
        "granian.access": {"handlers": [], "propagate": True},
    },
}


def run_api(settings: Settings) -> None:
    """Migrate, then serve until SIGTERM or SIGINT; requests in flight are finished first.

    Raises Problem when the port is taken, or when the embedded database is gone.
    """
    if port_is_taken(settings.host, settings.port):
        raise Problem(
            f"Port {settings.port} on {settings.host} is taken. End what listens there, "
            "or set ASTRELO_PORT to another one."
        )
    if settings.database_url is not None:
        _serve(settings)
        return
    with embedded_server(settings) as server, _stop_when_ended(server):
        _serve(settings.model_copy(update={"database_url": server.dsn}))


def _serve(settings: Settings) -> None:
    asyncio.run(bring_up_to_date(database_url(settings)))
    # granian builds the application in a process of its own, which reads the environment again.
    os.environ[f"{PREFIX}DATABASE_URL"] = database_url(settings)  # noqa: TID251 - see above
    Server(
        "astrelo.bootstrap.api:application",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        factory=True,
        websockets=False,
        log_level=LogLevels(settings.log_level),
        log_dictconfig=_GRANIAN_LOGGING,
        workers_kill_timeout=_DRAIN,
    ).serve()


@contextmanager
def _stop_when_ended(server: EmbeddedPostgres) -> Iterator[None]:
    """Ask ourselves to stop when the database is gone: its successor would have another address."""
    stopping, gone = threading.Event(), threading.Event()

    def watch() -> None:
        while not stopping.wait(_LOOK_EVERY):
            if server.has_ended():
                gone.set()
                os.kill(os.getpid(), signal.SIGTERM)
                return

    watcher = threading.Thread(target=watch, name="embedded PostgreSQL", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stopping.set()
        watcher.join()
    if gone.is_set():
        raise database_gone("API")


def application() -> Litestar:
    """Build the application out of the environment: granian's worker process calls this."""
    end_with_parent()
    settings = load_settings(os.environ)  # noqa: TID251 - a process of its own, with its own parsing
    container = create_container(settings)
    app = create_app(container, http_config(settings))

    async def warm_up() -> None:
        await container.get(ConnectCrm)  # reads the reference data, which would make a first caller wait
        warn_of_old_rates(await container.get(ReferenceData), await container.get(Clock))
        app.state.event_streams = await container.get(EventStreams)

    async def close() -> None:
        await container.close()

    app.on_startup.append(warm_up)
    app.on_shutdown.append(close)
    return app


def http_config(settings: Settings) -> HttpConfig:
    return HttpConfig(
        frontend_url=settings.frontend_url,
        jwt_secret=signing_secret(settings),
        public_url=settings.public_url,
        cors_origins=settings.cors_origins,
        secure_cookies=settings.public_url.startswith("https:"),
        development=not settings.is_production,
    )
