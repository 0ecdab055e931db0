"""What every test may use: a migrated database of its own, a pool on it, asyncio for async tests."""

import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import structlog
from hypothesis import HealthCheck, settings
from pogo_core.error import BadMigrationError

from astrelo.bootstrap.development.postgres_binaries import EmbeddedPostgresError
from tests.support.fuzz import EXPLORING
from tests.support.postgres import (
    CLUSTER,
    Choice,
    Databases,
    NoServerError,
    Server,
    borrow_cluster,
    create_template,
    run_server,
)
from tests.support.secret_watch import pytest_runtest_makereport, secrets, spawn

__all__ = ["pytest_runtest_makereport", "secrets", "spawn"]  # found by pytest here, for every test

pytest.register_assert_rewrite("tests.support.contracts")

# The same examples on every machine, however slow it is and whatever it found before; `make fuzz` looks for others.
settings.register_profile(
    "repeatable",
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    EXPLORING, settings.get_profile("repeatable"), derandomize=False, max_examples=300, print_blob=True
)
settings.load_profile("repeatable")

_HERE = Path(__file__).parent
_UNIT = _HERE / "unit"
_SERVER = pytest.StashKey[Server]()
_TEMPLATE = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Start one server for the whole run, in the main process: xdist's workers come and go at their own time."""
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        if "postgres" in worker:
            config.stash[_SERVER] = Server(**worker["postgres"])
            config.stash[_TEMPLATE] = worker["template"]
        return
    if config.option.collectonly or _only_unit_tests(config):
        return
    running = contextlib.ExitStack()
    try:
        server = running.enter_context(run_server(Choice.from_environment()))
        template = running.enter_context(create_template(server))
    except (NoServerError, EmbeddedPostgresError, BadMigrationError) as error:
        running.close()
        reason = f"{error}: {error.__cause__}" if error.__cause__ else str(error)
        raise pytest.UsageError(f"No database for the tests. {reason}") from error
    except BaseException:
        running.close()
        raise
    config.add_cleanup(running.close)
    config.stash[_SERVER] = server
    config.stash[_TEMPLATE] = template


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    config: pytest.Config = node.config  # type: ignore[attr-defined] # xdist publishes no types
    if (server := config.stash.get(_SERVER, None)) is not None:
        node.workerinput["postgres"] = {"dsn": server.dsn, "description": server.description}  # type: ignore[attr-defined]
        node.workerinput["template"] = config.stash[_TEMPLATE]  # type: ignore[attr-defined]


def pytest_report_header(config: pytest.Config) -> str:
    server = config.stash.get(_SERVER, None)
    return f"postgres: {server.description}" if server else "postgres: none needed"


def _only_unit_tests(config: pytest.Config) -> bool:
    chosen = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    return all(path.is_relative_to(_UNIT) or not path.is_relative_to(_HERE) for path in chosen)


@pytest.fixture(autouse=True)
def unredacted_logs() -> None:
    """Every log line in full on stdout, where the watch over secrets reads it.

    Tracebacks without local variables, as in bootstrap.logging, but without its redaction: that is the last
    defence, and the code before it must not lean on it.
    """
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, renderer],
        cache_logger_on_first_use=False,
    )


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Databases of a test's own making, on the server of this run."""
    server = request.config.stash.get(_SERVER, None)
    if server is None:
        pytest.fail("Tests under tests/unit run without a database: this one belongs to tests/integration.")
    with Databases(server) as opened:
        yield opened


@pytest.fixture(scope="session")
def template(request: pytest.FixtureRequest) -> str:
    """The DSN of a database with the whole schema and no rows, to be cloned and not to be connected to."""
    return request.config.stash[_TEMPLATE]


@pytest.fixture
def empty_database(databases: Databases) -> Iterator[str]:
    """The DSN of a database without any schema."""
    with databases.create() as dsn:
        yield dsn


@pytest.fixture
def database(databases: Databases, template: str) -> Iterator[str]:
    """The DSN of a database with the whole schema and no rows, of this test alone."""
    cluster = os.environ.get(CLUSTER)  # noqa: TID251 - the tests' own settings
    with borrow_cluster(cluster) if cluster else databases.create(template) as dsn:
        yield dsn


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool]:
    """A small pool on `database`; ask for it in tests marked `anyio`."""
    async with asyncpg.create_pool(database, min_size=1, max_size=8) as opened:
        yield opened
