"""Measure how long a look at the schedule takes when there are very many connections, of which few are due."""

import argparse
import asyncio
import time
from datetime import datetime, timedelta
from statistics import median

import asyncpg

from astrelo.adapters.outbound.postgres.cross_tenant import PgSyncSchedule
from astrelo.adapters.outbound.postgres.session.migrate import migrate
from astrelo.application.sync.schedule_syncs import CLAIM_DURATION, PAGE_SIZE
from benchmarks.machinery import Database, fresh_database, own_postgres

_LOOKS = 200
_DUE = (0, 10, PAGE_SIZE)


async def fill(pool: asyncpg.Pool, connections: int, now: datetime) -> None:
    """Schedule connections, all of them later."""
    await pool.execute(
        """insert into sync_schedule (connection_id, user_id, provider, due_at)
           select gen_random_uuid(), gen_random_uuid(), 'hubspot', $1::timestamptz + random() * interval '1 hour'
           from generate_series(1, $2::int)""",
        now + timedelta(hours=1),
        connections,
    )
    await pool.execute("vacuum analyze sync_schedule")


async def look(pool: asyncpg.Pool, now: datetime, due: int) -> float:
    """Make some connections due, take them and put them off; return how many milliseconds the latter two took."""
    await pool.execute(
        """update sync_schedule set due_at = $1
           where connection_id in (select connection_id from sync_schedule order by due_at limit $2)""",
        now,
        due,
    )
    schedule, until = PgSyncSchedule(pool), now + CLAIM_DURATION
    began = time.perf_counter()
    page = await schedule.claim(now, until, PAGE_SIZE)
    await schedule.reschedule({each.connection_id: now + timedelta(hours=2) for each in page}, until)
    return (time.perf_counter() - began) * 1000


async def run(database: Database, connections: int) -> None:
    async with fresh_database(database, "schedule") as dsn:
        await migrate(dsn)
        async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
            now = await pool.fetchval("select now()")
            await fill(pool, connections, now)
            for due in _DUE:
                took = sorted([await look(pool, now, due) for _ in range(_LOOKS)])
                print(
                    f"{due:4} due: {median(took):6.2f} ms, 99% within {took[_LOOKS * 99 // 100]:6.2f} ms",
                    flush=True,
                )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.schedule", description=__doc__)
    parser.add_argument("--connections", type=int, default=1_000_000, help="that are scheduled (1000000)")
    options = parser.parse_args()
    print(f"{options.connections:,} connections, {_LOOKS} looks each", flush=True)
    with own_postgres() as database:
        asyncio.run(run(database, options.connections))


if __name__ == "__main__":
    main()
