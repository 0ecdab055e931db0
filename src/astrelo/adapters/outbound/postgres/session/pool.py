"""Pools of PostgreSQL sessions, and what a session may take before the server ends it."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import asyncpg

_CONNECT_SECONDS = 10.0
_IDLE_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """Enforced by the server, so that a frozen or vanished process cannot hold up the others.

    The client gives up a little later by itself: a server that has vanished enforces nothing.
    """

    statement: timedelta
    idle_in_transaction: timedelta
    """How long a transaction may stand still, locks in hand, before its session is ended."""
    lock: timedelta | None = None
    """How long to wait for a lock; None waits as long as the statement may take."""


WORK_LIMITS = SessionLimits(statement=timedelta(minutes=2), idle_in_transaction=timedelta(seconds=30))
"""For everything but token refreshes. Decides the links of millions of rows in one statement."""

REFRESH_LIMITS = SessionLimits(
    statement=timedelta(seconds=25),
    idle_in_transaction=timedelta(seconds=18),
    lock=timedelta(seconds=20),
)
"""For the pool of the token refresh, whose transactions stand still for the token call (at most 15 s).

Longer than that call, so that no refresh is cut off before its answer is stored; shorter than the wait for
the lock, so that a refresh that waits behind a frozen process still gets the lock.
"""

READ_LIMITS = SessionLimits(statement=timedelta(seconds=5), idle_in_transaction=timedelta(seconds=10))
"""For what the API reads. Each transaction sets its own time limit as well (reads.py), which also a pooler keeps."""

EXPORT_LIMITS = SessionLimits(statement=timedelta(seconds=30), idle_in_transaction=timedelta(seconds=60))
"""For exports, whose transactions stand still while a client takes its time."""


EVENT_LIMITS = SessionLimits(statement=timedelta(seconds=5), idle_in_transaction=timedelta(seconds=5))
"""For the pool of the event streams, which read a few rows by key."""


def open_pool(
    dsn: str, application_name: str, *, max_size: int, limits: SessionLimits = WORK_LIMITS, reset: bool = True
) -> asyncpg.Pool:
    """Return a pool to be entered (`async with`); sessions are made as they are needed, times are in UTC.

    `application_name` is what the sessions are called in pg_stat_activity. `reset` makes a session forget its settings
    each time it is given back, which is one more round trip: needless where every setting is `set local`.
    """
    settings = {
        "application_name": application_name,
        "timezone": "UTC",
        "statement_timeout": _milliseconds(limits.statement),
        "idle_in_transaction_session_timeout": _milliseconds(limits.idle_in_transaction),
    }
    if limits.lock is not None:
        settings["lock_timeout"] = _milliseconds(limits.lock)
    return asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=max_size,
        connect=_connect,
        timeout=_CONNECT_SECONDS,
        command_timeout=limits.statement.total_seconds() + _CONNECT_SECONDS,
        max_inactive_connection_lifetime=_IDLE_SECONDS,
        server_settings=settings,
        reset=None if reset else _keep,
    )


async def _keep(_session: asyncpg.Connection) -> None:
    """Leave a session as it is; asyncpg has ended its transaction."""


async def _connect(*arguments: object, **settings: object) -> asyncpg.Connection:
    """Connect to the end, even when who asked has gone.

    An attempt that is cancelled while TLS is agreed on leaves an error that nobody takes up; the event loop
    reports it as a traceback (seen with asyncpg 0.32).
    """
    attempt = asyncio.ensure_future(asyncpg.connect(*arguments, **settings))
    try:
        return await asyncio.shield(attempt)
    except asyncio.CancelledError:
        attempt.add_done_callback(_end)
        raise


def _end(attempt: asyncio.Future[asyncpg.Connection]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().terminate()


def _milliseconds(duration: timedelta) -> str:
    return str(round(duration / timedelta(milliseconds=1)))
