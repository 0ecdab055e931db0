"""The API process: granian serving our application until told to stop."""

import asyncio
import os
from datetime import timedelta
from uuid import UUID

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server
from litestar import Litestar

from astrelo.adapters.inbound.http.app import create_app
from astrelo.adapters.inbound.http.config import HttpConfig
from astrelo.adapters.inbound.http.security import issue_token
from astrelo.bootstrap.container import create_container
from astrelo.bootstrap.database import bring_up_to_date, database_url
from astrelo.bootstrap.development import completed, with_database
from astrelo.bootstrap.logging import configure_logging
from astrelo.bootstrap.problems import Problem
from astrelo.bootstrap.processes import end_with_parent, port_is_taken
from astrelo.bootstrap.settings import PREFIX, Settings, parse_settings
from astrelo.bootstrap.system import SystemClock
from astrelo.domain.identifiers import UserId

_TOKEN_LIFE = timedelta(hours=12)
_DRAIN_SECONDS = 20
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
    """Migrate, then serve until SIGTERM or SIGINT; requests in flight are finished first."""
    if port_is_taken(settings.host, settings.port):
        raise Problem(
            f"Port {settings.port} on {settings.host} is taken. End what listens there, "
            "or set ASTRELO_PORT to another one."
        )
    with with_database(settings) as complete:
        asyncio.run(bring_up_to_date(database_url(complete)))
        # granian builds the application in a process of its own, which reads the environment again.
        os.environ[f"{PREFIX}DATABASE_URL"] = database_url(complete)  # noqa: TID251 - see above
        Server(
            "astrelo.bootstrap.api:application",
            address=settings.host,
            port=settings.port,
            interface=Interfaces.ASGI,
            factory=True,
            websockets=False,
            log_level=LogLevels(settings.log_level),
            log_dictconfig=_GRANIAN_LOGGING,
            workers_kill_timeout=_DRAIN_SECONDS,
        ).serve()


def application() -> Litestar:
    """Build the application out of the environment: granian's worker process calls this."""
    end_with_parent()
    settings = completed(parse_settings(os.environ))  # noqa: TID251 - a process of its own, with its own parsing
    configure_logging(settings.log_level, settings.log_format)
    container = create_container(settings)
    app = create_app(container, http_config(settings))

    async def close() -> None:
        await container.close()

    app.on_shutdown.append(close)
    return app


def http_config(settings: Settings) -> HttpConfig:
    return HttpConfig(
        frontend_url=settings.frontend_url,
        jwt_secret=_jwt_secret(settings),
        cors_origins=settings.cors_origins,
        secure_cookies=settings.public_url.startswith("https:"),
        development=not settings.is_production,
    )


def development_token(settings: Settings, user: UUID) -> str:
    """Make a token for trying the API out; refused in production, where the product's login makes them."""
    if settings.is_production:
        raise Problem("Development tokens are not made in production.")
    return issue_token(UserId(user), _jwt_secret(settings), _TOKEN_LIFE, SystemClock().now())


def _jwt_secret(settings: Settings) -> str:
    if settings.jwt_secret is None:
        raise Problem(f"There is no secret to sign tokens with: set {PREFIX}JWT_SECRET.")
    return settings.jwt_secret
