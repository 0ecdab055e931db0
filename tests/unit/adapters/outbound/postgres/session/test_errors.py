"""Which of asyncpg's errors mean that the database cannot be had at the moment."""

import asyncpg
import pytest

from astrelo.adapters.outbound.postgres.session.errors import translate_errors
from astrelo.domain.errors import InvalidInput, StoreUnavailable


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.CrashShutdownError("terminating connection because of a crash"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_server_that_went_away_is_an_outage_whatever_asyncpg_calls_it(error: Exception) -> None:
    with pytest.raises(StoreUnavailable), translate_errors():
        raise error


def test_a_value_that_no_column_holds_is_none() -> None:
    with pytest.raises(InvalidInput), translate_errors():
        raise asyncpg.CharacterNotInRepertoireError("invalid byte sequence")
