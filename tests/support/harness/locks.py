"""Lock contention in the database, as a test can observe it."""

import asyncio

import asyncpg

_BLOCKED_SESSIONS = """
select count(distinct pid) from pg_locks where not granted and pid in (
    select pid from pg_stat_activity where datname = current_database())
"""


async def wait_for_blocked_sessions(pool: asyncpg.Pool, sessions: int) -> None:
    """Wait until that many sessions wait for a lock."""
    async with asyncio.timeout(30), pool.acquire() as watching:
        while await watching.fetchval(_BLOCKED_SESSIONS) < sessions:
            pass
