"""What asyncpg raises, in our terms."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from astrelo.domain import errors

UNAVAILABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.OperatorInterventionError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.ForeignKeyViolationError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InsufficientResourcesError,
    asyncpg.SerializationError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
)
"""What asyncpg raises when the server, a connection or a lock is not to be had: worth another try.

That includes a full disk, memory or list of connections, and a server that a failover has left behind, which only
reads. A connection whose server has just said goodbye refuses its next use by an InternalClientError. A foreign key
fails only where another transaction deleted, between our look and our write, what we point at.
"""

MAY_RECUR = (
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.ForeignKeyViolationError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.SerializationError,
    TimeoutError,
)
"""Of these, what a transaction may bring about itself, each time anew."""

UNACCEPTABLE = (asyncpg.DataError, ValueError, OverflowError)
"""What asyncpg raises for a value that no column holds: NUL in text, a number out of range.

Its own codec's error is an InterfaceError as well as a ValueError, so look for these first.
"""


@contextmanager
def translate_outages() -> Iterator[None]:
    """Turn what is worth another try into StoreUnavailable."""
    try:
        yield
    except UNAVAILABLE as error:
        if isinstance(error, ValueError):
            raise  # asyncpg's codecs refuse a value by an InterfaceError: a mistake of ours, not an outage
        is_outage = not isinstance(error, MAY_RECUR)
        raise errors.StoreUnavailable(type(error).__name__, is_outage=is_outage) from error


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn these into StoreUnavailable and InvalidInput: the last defence behind checks at the edge."""
    try:
        with translate_outages():
            yield
    except UNACCEPTABLE as error:
        raise errors.InvalidInput("parameters", "one of the values cannot be used in a search") from error
