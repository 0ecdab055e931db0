"""Listening for notifications, on a connection of its own, for as long as the process lives."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

import asyncpg
import structlog

from astrelo.adapters.outbound.postgres.notifications.throttle import CHANNEL
from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.domain.identifiers import UserId
from astrelo.domain.ports.system import Clock

FIRST_PAUSE = 0.2
MAX_PAUSE = 10.0
CHECK_INTERVAL = 1.0
"""Seconds between looks whether the connection is alive; asyncpg does not always tell that it has ended."""
CHECK_TIMEOUT = 5.0

log = structlog.get_logger()


class NotificationListener:
    """Calls `on_change` with every user of whom something has changed.

    Calls `on_connect` whenever it has begun to listen: what changed before, also while the connection was lost, was not
    reported.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Clock,
        on_change: Callable[[UserId], None],
        on_connect: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._on_change = on_change
        self._on_connect = on_connect

    async def run(self) -> None:
        """Listen until cancelled; connect again with growing pauses when the connection is lost."""
        pause = FIRST_PAUSE
        while True:
            started = self._clock.monotonic()
            try:
                await self.listen()
            except Exception as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    # Closing a lost connection failed, and that took the place of the cancellation.
                    raise asyncio.CancelledError from error
                if self._clock.monotonic() - started > MAX_PAUSE:
                    pause = FIRST_PAUSE
                log.warning("notifications.connection_lost", error=repr(error), next_try_in=pause)
            await self._clock.sleep(pause)
            pause = min(pause * 2, MAX_PAUSE)

    async def listen(self) -> None:
        """Listen until the connection is lost."""
        async with self._pool.acquire() as connection:
            try:
                await connection.add_listener(CHANNEL, self._receive)
                self._on_connect()
                while True:
                    async with asyncio.timeout(CHECK_TIMEOUT):
                        await Queries(connection).value("check_listener")
                    await self._clock.sleep(CHECK_INTERVAL)
            finally:
                connection.terminate()  # a dead one would not answer to UNLISTEN

    def _receive(self, _connection: object, _process: int, _channel: str, payload: object) -> None:
        with suppress(ValueError):
            self._on_change(UserId(UUID(str(payload))))
