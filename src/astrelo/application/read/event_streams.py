"""Open event streams: what has changed of a user is read once, and sent to each of the user's streams."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from weakref import WeakSet

import structlog

from astrelo.application.read import events
from astrelo.domain import errors
from astrelo.domain.identifiers import UserId
from astrelo.domain.ports.system import Clock

MAX_STREAMS = 2_000
MAX_STREAMS_PER_USER = 20
"""More tabs than people keep open. Both are counted by process."""
MAX_UNSENT_EVENTS = 100
"""A stream whose client leaves more unread is ended: it resumes when it reads again."""
MIN_INTERVAL = 0.5
"""Seconds between two looks at one user."""
HEARTBEAT = 15.0
"""Seconds without an event after which a comment is sent: proxies end connections without traffic, often after 60."""

log = structlog.get_logger()


class EventStream:
    """One client's events, from `EventStreams.open` until it is ended, by either side."""

    def __init__(self) -> None:
        self.is_ended = False
        self._unsent: list[events.Event] = []
        self._arrived = asyncio.Event()

    async def wait(self, seconds: float) -> Sequence[events.Event]:
        """Return the events that are there, or the next ones; none when none come in time, or the stream is ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        self._arrived.clear()
        unsent, self._unsent = self._unsent, []
        return unsent

    def send(self, sent: Sequence[events.Event]) -> None:
        if self.is_ended or len(self._unsent) + len(sent) > MAX_UNSENT_EVENTS:
            self.end()
        elif sent:
            self._unsent += sent
            self._arrived.set()

    def end(self) -> None:
        self.is_ended = True
        self._unsent = []
        self._arrived.set()


class _Channel:
    """One user's streams, and what they were sent."""

    def __init__(self, user_id: UserId, reader: events.PresentStateReader, clock: Clock) -> None:
        # A stream that is dropped without being closed is gone as well.
        self.streams: WeakSet[EventStream] = WeakSet()
        self.changed = asyncio.Event()
        self._user_id = user_id
        self._reader = reader
        self._clock = clock
        self._state: events.PresentState | None = None
        self._reading = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None

    async def open_state(self) -> events.PresentState:
        """Return what is true, as far as the streams know it, and see to it that they hear of changes."""
        async with self._reading:
            if self._state is None:
                self._state = await self._reader.read(self._user_id)
                self._following = asyncio.create_task(self.follow(self._state))
            return self._state

    async def follow(self, state: events.PresentState) -> None:
        while True:
            await self._clock.sleep(MIN_INTERVAL)
            await self.changed.wait()
            self.changed.clear()
            try:
                former, state = state, await self._reader.read(self._user_id)
            except errors.StoreUnavailable as error:
                log.warning("events.not_read", reason=error.reason)
                self.changed.set()
            except Exception:
                log.exception("events.not_read")
            else:
                self._state = state
                changed = state.events_since(former)
                for stream in list(self.streams):
                    stream.send(changed)

    def close(self) -> None:
        if self._following is not None:
            self._following.cancel()


class EventStreams:
    """The open streams of one process.

    `notify` and `notify_all` say that something may have changed; what has is found by reading, at most every
    MIN_INTERVAL for a user.
    """

    def __init__(
        self,
        reader: events.PresentStateReader,
        clock: Clock,
        max_streams: int = MAX_STREAMS,
        max_streams_per_user: int = MAX_STREAMS_PER_USER,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self.heartbeat = heartbeat
        self._reader = reader
        self._clock = clock
        self._max_streams = max_streams
        self._max_streams_per_user = max_streams_per_user
        self._channels: dict[UserId, _Channel] = {}
        self._is_stopped = False

    async def open(self, user_id: UserId, last_event_id: str | None = None) -> EventStream:
        """Open a stream that begins with what may have changed since an event; everything without one.

        Close it. Raises TooManyStreams, StreamsExhausted and StoreUnavailable.
        """
        if self._is_stopped or len(self) >= self._max_streams:
            raise errors.StreamsExhausted
        channel = self._channels.get(user_id)
        if channel is None:
            channel = self._channels[user_id] = _Channel(user_id, self._reader, self._clock)
        if len(channel.streams) >= self._max_streams_per_user:
            raise errors.TooManyStreams(self._max_streams_per_user)
        stream = EventStream()
        channel.streams.add(stream)
        try:
            state = await channel.open_state()
        except BaseException:
            self.close(user_id, stream)
            raise
        stream.send(state.events_after(last_event_id))
        return stream

    def close(self, user_id: UserId, stream: EventStream) -> None:
        """Forget a stream. Idempotent."""
        if (channel := self._channels.get(user_id)) is not None:
            channel.streams.discard(stream)
            if not channel.streams:
                self._channels.pop(user_id).close()

    def __len__(self) -> int:
        return sum(len(channel.streams) for channel in self._channels.values())

    def notify(self, user_id: UserId) -> None:
        if (channel := self._channels.get(user_id)) is not None:
            channel.changed.set()

    def notify_all(self) -> None:
        for channel in self._channels.values():
            channel.changed.set()

    def end_all(self) -> None:
        """End every stream, and open no other: the process is about to stop."""
        self._is_stopped = True
        for channel in self._channels.values():
            channel.close()
            for stream in list(channel.streams):
                stream.end()
