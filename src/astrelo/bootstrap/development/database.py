"""The database that a command works on: the configured one, or the embedded server while the command runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from astrelo.bootstrap.development.embedded_postgres import EmbeddedPostgres
from astrelo.bootstrap.development.state_dir import state_dir_of, unusable_state_dir
from astrelo.bootstrap.problems import Problem
from astrelo.bootstrap.settings import Settings


@contextmanager
def provide_database(settings: Settings) -> Iterator[Settings]:
    """Give settings that name a database: the configured one, else the embedded server while this lasts.

    Enter it in the main thread (see EmbeddedPostgres).
    """
    if settings.database_url is not None:
        yield settings
        return
    with embedded_server(settings) as server:
        yield settings.model_copy(update={"state_dir": state_dir_of(settings), "database_url": server.dsn})


@contextmanager
def embedded_server(settings: Settings) -> Iterator[EmbeddedPostgres]:
    """Run the server of the state folder, or attach to it, while this lasts. Enter it in the main thread."""
    state_dir = state_dir_of(settings)
    try:
        server = EmbeddedPostgres.start(state_dir, binaries=settings.postgres_binaries)
    except OSError as error:
        raise unusable_state_dir(state_dir, error) from error
    with server:
        yield server


def database_gone(who: str) -> Problem:
    """Say why `who` cannot go on: an embedded server that comes back does so at another address."""
    return Problem(
        "The embedded PostgreSQL is gone: it ended with the process that owned it, or was killed. "
        f"Start the {who} again."
    )
