"""The API: our application on its sockets, in one process or several, until asked to stop."""

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop
from litestar import Litestar

from astrelo.adapters.inbound.http.app import create_app
from astrelo.adapters.inbound.http.config import HttpConfig
from astrelo.adapters.inbound.http.server.addresses import TrustedProxies
from astrelo.adapters.inbound.http.server.limits import ServerLimits
from astrelo.adapters.inbound.http.server.serving import HttpServer, StartFailed
from astrelo.application.connect.connect_crm import ConnectCrm
from astrelo.application.read.event_streams import EventStreams
from astrelo.bootstrap import startup
from astrelo.bootstrap.container import create_container
from astrelo.bootstrap.database import bring_up_to_date, database_url
from astrelo.bootstrap.development.database import database_gone, embedded_server
from astrelo.bootstrap.development.embedded_postgres import EmbeddedPostgres
from astrelo.bootstrap.development.processes import end_with_parent, port_is_taken
from astrelo.bootstrap.development.session_tokens import signing_secret
from astrelo.bootstrap.logging import configure_logging
from astrelo.bootstrap.problems import Problem
from astrelo.bootstrap.server_processes import ServerProcesses
from astrelo.bootstrap.settings import Settings
from astrelo.domain.ports.reference import ReferenceData
from astrelo.domain.ports.system import Clock

_LOOK_EVERY = 1.0  # seconds
_DRAIN = 20.0  # seconds; longer than the slowest request, a callback that asks a CRM
_OTHER_FILES = 100
"""Open files of a process that are no clients' connections: the database's, the CRMs', logs, code."""


def run_api(settings: Settings) -> None:
    """Migrate, then serve until SIGTERM or SIGINT; requests in flight are finished first.

    Raises Problem when a port is taken, or when the embedded database is gone.
    """
    for variable, port in _ports(settings).items():
        if port_is_taken(settings.host, port):
            raise Problem(
                f"Port {port} on {settings.host} is taken. End what listens there, "
                f"or set {variable} to another one."
            )
    startup.warn_of_unpatched_interpreter(sys.version_info[:3])
    if settings.database_url is not None:
        _serve(settings)
        return
    with embedded_server(settings) as server, _stop_when_ended(server):
        _serve(settings.model_copy(update={"database_url": server.dsn}))


def _ports(settings: Settings) -> dict[str, int]:
    ports = {"ASTRELO_PORT": settings.port, "ASTRELO_API_HEALTH_PORT": settings.api_health_port}
    return {variable: port for variable, port in ports.items() if port is not None}


def _serve(settings: Settings) -> None:
    asyncio.run(bring_up_to_date(database_url(settings)))
    sockets = [_listen(settings.host, port) for port in _ports(settings).values()]
    try:
        if settings.api_processes == 1:
            serve_sockets(settings, *sockets)
        else:
            ServerProcesses(settings.api_processes, serve_as_child, settings, *sockets).run(_DRAIN)
    finally:
        for each in sockets:
            each.close()


def _listen(host: str, port: int) -> socket.socket:
    """Listen on an address; `::` stands for all addresses, those of IPv4 too."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server((host, port), family=family, dualstack_ipv6=both)
    except OSError as error:
        raise Problem(f"Nothing can listen on {host}:{port}: {error.strerror or error}.") from error


def serve_as_child(settings: Settings, *sockets: socket.socket) -> None:
    """Serve in a process that the API's main process has started."""
    end_with_parent()
    configure_logging(settings.log_level, settings.log_format)
    try:
        serve_sockets(settings, *sockets)
    except Problem as error:
        sys.exit(str(error))


def serve_sockets(settings: Settings, api: socket.socket, *health: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT. Raises Problem when the application cannot start."""
    app = application(settings)
    server = HttpServer(app, server_limits(settings), TrustedProxies(settings.api_trusted_proxies))

    async def serve() -> None:
        stop = asyncio.Event()

        def begin_to_stop() -> None:
            if (streams := app.state.get("event_streams")) is not None:
                streams.end_all()  # they have no end of their own that could be waited for
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, begin_to_stop)
        await server.run([api], health, stop, _DRAIN)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(serve())
        except StartFailed:
            raise Problem("The API could not start; the log says why.") from None


def server_limits(settings: Settings) -> ServerLimits:
    """Return the limits of a process: no more connections than it may open files, which is raised as far as it may be."""
    files = startup.raise_open_file_limit()
    return ServerLimits(
        max_connections=max(1, min(settings.api_max_connections, files - _OTHER_FILES)),
        max_connections_per_address=settings.api_max_connections_per_address,
        header_timeout=settings.api_header_timeout,
        body_timeout=settings.api_body_timeout,
    )


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


def application(settings: Settings) -> Litestar:
    container = create_container(settings)
    app = create_app(container, http_config(settings))

    async def warm_up() -> None:
        await container.get(ConnectCrm)  # reads the reference data, which would make a first caller wait
        startup.warn_of_old_rates(await container.get(ReferenceData), await container.get(Clock))
        app.state.event_streams = await container.get(EventStreams)
        startup.spare_the_collector()

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
        console=settings.console == "1",
    )
