"""A consumer of the change feed that keeps a copy of everything, and what the copy is to be compared with."""

import asyncio
from typing import NamedTuple
from uuid import UUID

import msgspec

from astrelo.application.read.feed import AnyChange, ChangeFeed, ChangeKind, FeedCursor, RecordType
from astrelo.domain.identifiers import UserId

TYPES = tuple(RecordType)


class Key(NamedTuple):
    record_type: RecordType
    id: UUID


class FeedConsumer:
    """Follows all changes of a user in pages of a size, and holds each record as JSON."""

    def __init__(self, feed: ChangeFeed, user_id: UserId, page_size: int = 100) -> None:
        self.copy: dict[Key, bytes] = {}
        self.repeats: list[Key] = []
        """What came again without having changed."""
        self.cursor: FeedCursor | None = None
        self._turn = asyncio.Lock()
        self._feed = feed
        self._user_id = user_id
        self._page_size = page_size

    async def follow(self) -> int:
        """Read to the present end; return how many changes came."""
        changes = 0
        async with self._turn:
            while True:
                more, has_more = await self.read_page()
                changes += more
                if not has_more:
                    return changes

    async def read_page(self) -> tuple[int, bool]:
        """Read a page; return how many changes came, and whether there are more."""
        cursor = self.cursor or await self._feed.begin(self._user_id, TYPES)
        page = await self._feed.read(self._user_id, cursor, TYPES, self._page_size)
        for change in page.changes:
            self._apply(change)
        self.cursor = page.cursor
        return len(page.changes), page.has_more

    def _apply(self, change: AnyChange) -> None:
        key = Key(RecordType(type(change).__struct_config__.tag), change.id)
        if change.change is ChangeKind.DELETED:
            self.copy.pop(key, None)
            return
        latest = msgspec.json.encode(change.data)
        if self.copy.get(key) == latest:
            self.repeats.append(key)
        self.copy[key] = latest

    async def differences(self) -> list[str]:
        """Compare the copy with what is stored, byte for byte."""
        stored = await export_all(self._feed, self._user_id)
        return [
            f"{key.record_type} {key.id}: the consumer has {self.copy.get(key)!r}, stored is {stored.get(key)!r}"
            for key in sorted(stored.keys() | self.copy.keys())
            if stored.get(key) != self.copy.get(key)
        ]


async def export_all(feed: ChangeFeed, user_id: UserId) -> dict[Key, bytes]:
    """Read everything that a user has, as JSON."""
    return {
        Key(record_type, view.id): msgspec.json.encode(view)
        for record_type in TYPES
        async for piece in feed.export(user_id, record_type)
        if not isinstance(piece, FeedCursor)
        for view in piece
    }
