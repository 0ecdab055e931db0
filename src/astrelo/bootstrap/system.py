"""The machine's clock and randomness: the only place that asks for the time or for random bytes."""

import asyncio
import os
import random
import secrets
import struct
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

from asyncpg.pgproto import pgproto

from astrelo.domain.ports.system import Clock, Randomness

_COUNTER_BITS = 12
_COUNTER = (1 << _COUNTER_BITS) - 1
_VERSION_7 = 0x7000
_VARIANT = 0b10 << 62
_RANDOM = (1 << 62) - 1
_HALVES = struct.Struct(">QQ")
_TAILS = struct.Struct(">512Q")


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
        self._tails: Iterator[int] = iter(())

    def token(self) -> str:
        return secrets.token_urlsafe(32)

    def uuid(self) -> UUID:
        # Time and counter are one number, so a full counter runs on into the next millisecond.
        now = (time.time_ns() // 1_000_000) << _COUNTER_BITS
        self._last = last = max(self._last + 1, now)
        head = last >> _COUNTER_BITS << 16 | _VERSION_7 | last & _COUNTER
        tail = next(self._tails, None)
        if tail is None:
            drawn = _TAILS.unpack(os.urandom(_TAILS.size))
            self._tails = iter([_VARIANT | number & _RANDOM for number in drawn])
            tail = next(self._tails)
        made: UUID = pgproto.UUID(_HALVES.pack(head, tail))
        return made

    def jitter(self) -> float:
        return random.random()  # noqa: S311 - spreads retries, keeps no secret
