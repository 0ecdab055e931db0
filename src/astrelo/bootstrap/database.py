"""Getting a database ready to be used, or saying in a sentence why it cannot be."""

import asyncio
from collections.abc import Sequence
from urllib.parse import urlsplit

import asyncpg

from astrelo.adapters.outbound.postgres.cluster.distribute import NoCitusError, distribute
from astrelo.adapters.outbound.postgres.session.errors import UNAVAILABLE
from astrelo.adapters.outbound.postgres.session.migrate import migrate
from astrelo.bootstrap.development.database import provide_database
from astrelo.bootstrap.problems import Problem
from astrelo.bootstrap.settings import Settings


class DatabaseUnusable(Problem):
    """The database named in the settings cannot be used; the message says what to do and holds no password."""


def run_migrations(settings: Settings) -> tuple[str, ...]:
    """Bring the configured database, or the embedded one, up to date; name what was applied."""
    with provide_database(settings) as complete:
        return asyncio.run(bring_up_to_date(database_url(complete)))


def run_distribution(settings: Settings) -> Sequence[str]:
    """Spread the configured database's tables over its Citus cluster; name them. Raises DatabaseUnusable."""
    try:
        return asyncio.run(distribute(database_url(settings)))
    except NoCitusError as error:
        raise DatabaseUnusable(
            "The tables cannot be distributed: the database is not the coordinator of a Citus cluster. "
            "Create the extension citus in it and add its nodes (docs/scaling.md)."
        ) from error


def database_url(settings: Settings) -> str:
    if settings.database_url is None:
        raise DatabaseUnusable("There is no database: set ASTRELO_DATABASE_URL.")
    return settings.database_url


async def bring_up_to_date(dsn: str) -> tuple[str, ...]:
    """Apply the migrations that are missing. Raises DatabaseUnusable."""
    parts = urlsplit(dsn)
    where = f"{parts.netloc.rpartition('@')[2] or 'localhost'}{parts.path}"
    try:
        return await migrate(dsn)
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError) as error:
        raise DatabaseUnusable(
            f"PostgreSQL at {where} refuses the user or the password in ASTRELO_DATABASE_URL."
        ) from error
    except asyncpg.ClientConfigurationError:
        raise DatabaseUnusable(
            "ASTRELO_DATABASE_URL cannot be used: one of the parameters after the ? makes no sense."
        ) from None
    except asyncpg.InvalidCatalogNameError as error:
        raise DatabaseUnusable(f"PostgreSQL at {where} has no such database: create it first.") from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise DatabaseUnusable(
            f"The user in ASTRELO_DATABASE_URL may not change {where}: {error}."
        ) from error
    except UNAVAILABLE as error:
        raise DatabaseUnusable(
            f"No PostgreSQL answers at {where} ({type(error).__name__}). "
            "Start it, correct ASTRELO_DATABASE_URL, or unset it to use the embedded one."
        ) from error
