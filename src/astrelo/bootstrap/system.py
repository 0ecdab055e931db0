"""The machine's clock and randomness: the only place that asks for the time or for random bytes."""

import asyncio
import os
import random
import secrets
import time
from datetime import UTC, datetime
from uuid import UUID

from asyncpg.pgproto import pgproto

from astrelo.domain.ports import Clock, Randomness

_COUNTER_BITS = 12
_COUNTER = (1 << _COUNTER_BITS) - 1
_VERSION_7 = 0x7000
_VARIANT = 0b10 << 62
_RANDOM = (1 << 62) - 1
_REFILL = 4096


class SystemClock(Clock):
    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - this is the Clock

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SystemRandomness(Randomness):
    """Version 7 ids (RFC 9562): milliseconds, a counter within one, and 62 random bits.

    A sync needs an id for every record, so this is quick (under 1 µs): the system's random bytes are read
    in larger pieces, and the UUIDs are asyncpg's, a subclass of the standard one that is made in an eighth
    of its time. Not for use by several threads.
    """

    def __init__(self) -> None:
        self._last = 0
        self._pool = b""
        self._used = 0

    def token(self) -> str:
        return secrets.token_urlsafe(32)

    def uuid(self) -> UUID:
        # Time and counter are one number, so a full counter runs on into the next millisecond.
        now = (time.time_ns() // 1_000_000) << _COUNTER_BITS
        self._last = last = max(self._last + 1, now)
        head = last >> _COUNTER_BITS << 16 | _VERSION_7 | last & _COUNTER
        made: UUID = pgproto.UUID((head << 64 | _VARIANT | self._bits()).to_bytes(16))
        return made

    def jitter(self) -> float:
        return random.random()  # noqa: S311 - spreads retries, keeps no secret

    def _bits(self) -> int:
        if self._used >= len(self._pool):
            self._pool, self._used = os.urandom(_REFILL), 0
        start = self._used
        self._used = start + 8
        return int.from_bytes(self._pool[start : self._used]) & _RANDOM
