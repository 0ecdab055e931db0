"""Spread the tables of tenants over a Citus cluster."""

from collections.abc import Sequence
from importlib.resources import files

import asyncpg


class NoCitusError(Exception):
    """The database is not the coordinator of a Citus cluster."""


async def distribute(dsn: str) -> Sequence[str]:
    """Distribute the tables of tenants that are not, with their rows, and name them.

    By user_id and next to one another, so that each statement of a user runs on one node. Idempotent; to be repeated
    after migrations that make tables. Raises NoCitusError; and what asyncpg raises. Locks each table while its rows move.
    """
    connection = await asyncpg.connect(dsn)
    try:
        before = await _list_distributed(connection)
        script = files(__package__).joinpath("distribute.sql").read_text(encoding="utf-8")
        await connection.execute(script)
        return sorted(await _list_distributed(connection) - before)
    except (asyncpg.UndefinedTableError, asyncpg.FeatureNotSupportedError) as error:
        raise NoCitusError from error
    finally:
        await connection.close()


async def _list_distributed(connection: asyncpg.Connection) -> set[str]:
    rows = await connection.fetch("select logicalrelid::text as name from pg_dist_partition")
    return {row["name"] for row in rows}
