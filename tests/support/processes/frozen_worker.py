"""A worker in a process of its own that freezes itself once, at a named place.

`python -m tests.support.processes.frozen_worker DSN USER_ID RUN_ID PLACE` reads 2,000 companies in two batches.
PLACE is `inside` (the second batch's transaction, after its first write) or `between` (the batches, with no
transaction open). It prints the place, stops itself with SIGSTOP, and after SIGCONT prints how it ended.
"""

import asyncio
import os
import signal
import sys
from datetime import timedelta
from uuid import UUID

from astrelo.adapters.outbound.postgres.session.pool import SessionLimits, open_pool
from astrelo.application.sync.changes import ChangeHandlers, Source
from astrelo.application.sync.handlers import SyncCompanies
from astrelo.application.sync.record_stream import RecordStream
from astrelo.application.sync.time_slice import TimeSlice
from astrelo.application.tokens.access_tokens import ConnectionSession
from astrelo.bootstrap.system import SystemRandomness
from astrelo.domain.errors import AstreloError
from astrelo.domain.identifiers import ObjectType, Provider, SyncRunId, UserId
from tests.support.builders import VERSIONS
from tests.support.harness.sync import ScriptedCrm, SyncHarness, thousands_of_companies

BATCH = 1_000
LIMITS = SessionLimits(statement=timedelta(seconds=20), idle_in_transaction=timedelta(seconds=1))
"""Short, so that the server ends a frozen transaction soon."""


def freeze(place: str) -> None:
    print(place, flush=True)  # noqa: T201 - the test waits for it
    os.kill(os.getpid(), signal.SIGSTOP)


class FreezingRandomness(SystemRandomness):
    """Ids for new companies are made inside a batch's transaction, after its first write."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = place
        self.made = 0

    def uuid(self) -> UUID:
        self.made += 1
        if self._place == "inside" and self.made == BATCH + 1:
            freeze(self._place)
        return super().uuid()

    def freeze_between(self) -> bool:
        if self._place == "between" and self.made == BATCH:
            freeze(self._place)
        return False


async def main(dsn: str, user_id: str, run_id: str, place: str) -> None:
    randomness = FreezingRandomness(place)
    async with open_pool(dsn, "frozen worker", max_size=4, limits=LIMITS) as pool:
        crm = ScriptedCrm(pages={ObjectType.COMPANIES: thousands_of_companies(2)})
        world = SyncHarness(pool, crm)
        world.user_id = UserId(UUID(user_id))
        async with world.uow(world.user_id) as tx:
            run = (await tx.runs.lock(SyncRunId(UUID(run_id)))).claim(world.clock.now())
            await tx.runs.save(run)
            connection = await tx.connections.get(Provider.HUBSPOT)
        assert connection is not None
        session = ConnectionSession(world.tokens(), connection)
        source = Source(run=run, crm=crm, session=session, owner_ids=None)
        handlers = ChangeHandlers(SyncCompanies(world.clock, randomness, VERSIONS))
        stream_records = RecordStream(world.uow, world.clock, handlers)
        try:
            turn = TimeSlice(world.clock, world.policy, randomness.freeze_between)
            await stream_records(source, run.step(ObjectType.COMPANIES), turn)
        except AstreloError as error:
            print(f"ended by {type(error).__name__}", flush=True)  # noqa: T201 - the test waits for it
        else:
            print("ended well", flush=True)  # noqa: T201 - the test waits for it


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
