"""A consumer of the change feed that keeps a copy of everything, and what the copy is to be compared with."""

import asyncio
from typing import NamedTuple
from uuid import UUID

import msgspec

from astrelo.adapters.inbound.http.feed import cursors
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
        self.changes = 0
        """Each record as JSON, as it last came."""
        self.repeats: list[Key] = []
        """What came again without having changed."""
        self.cursor: str | None = None
        self._turn = asyncio.Lock()
        self._feed = feed
        self._user_id = user_id
        self._page_size = page_size

    async def follow(self) -> None:
        """Read to the present end."""
        async with self._turn:
            while await self.read_page():
                pass

    async def read_page(self) -> bool:
        """Read a page; return whether there are more."""
        if self.cursor is None:
            cursor = await self._feed.begin(self._user_id, TYPES)
        else:
            cursor = cursors.decode(self.cursor, self._user_id)
        page = await self._feed.read(self._user_id, cursor, TYPES, self._page_size)
        for change in page.changes:
            self._apply(change)
        self.cursor = cursors.encode(page.cursor, self._user_id)
        self.changes += len(page.changes)
        return page.has_more

    def _apply(self, change: AnyChange) -> None:
        key = Key(RecordType(str(type(change).__struct_config__.tag)), change.id)
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
            f"{key.record_type} {key.id}: {_describe(self.copy.get(key), stored.get(key))}"
            for key in sorted(stored.keys() | self.copy.keys())
            if stored.get(key) != self.copy.get(key)
        ]


def _describe(copy: bytes | None, stored: bytes | None) -> str:
    if copy is None or stored is None:
        return "the consumer lacks it" if copy is None else "the consumer has it, and it is gone"
    has, wanted = msgspec.json.decode(copy), msgspec.json.decode(stored)
    differing = {name: (has[name], wanted[name]) for name in wanted if has[name] != wanted[name]}
    return f"the consumer has, and stored is, {differing}"


async def export_all(feed: ChangeFeed, user_id: UserId) -> dict[Key, bytes]:
    """Read everything that a user has, as JSON."""
    return {
        Key(record_type, view.id): msgspec.json.encode(view)
        for record_type in TYPES
        async for piece in feed.export(user_id, record_type)
        if not isinstance(piece, FeedCursor)
        for view in piece
    }
