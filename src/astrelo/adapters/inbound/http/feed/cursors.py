"""The cursor of the change feed, as text that only the user it was given to can use."""

import base64
import binascii
import hashlib
from uuid import UUID

import msgspec

from astrelo.application import messages
from astrelo.application.read import feed
from astrelo.domain import errors
from astrelo.domain.identifiers import UserId

_VERSION = 1
_OWNER_BYTES = 8

_Snapshot = tuple[tuple[feed.RecordType, ...], UUID] | None
_decoder = msgspec.msgpack.Decoder(tuple[int, bytes, tuple[int, int, int, int], _Snapshot])


def encode(cursor: feed.FeedCursor, user_id: UserId) -> str:
    raw = msgspec.msgpack.encode((_VERSION, _owner(user_id), tuple(cursor.place), cursor.snapshot))
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode(text: str, user_id: UserId) -> feed.FeedCursor:
    """Raise InvalidCursor for anything that we did not make for this user."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        version, owner, place, snapshot = _decoder.decode(raw)
    except (binascii.Error, ValueError):  # msgspec's errors are ValueErrors
        raise errors.InvalidCursor("after", messages.NO_FEED_CURSOR) from None
    if version != _VERSION or owner != _owner(user_id) or not all(0 <= part < 1 << 63 for part in place):
        raise errors.InvalidCursor("after", messages.NO_FEED_CURSOR)
    return feed.FeedCursor(feed.FeedPlace(*place), snapshot and feed.SnapshotPlace(*snapshot))


def _owner(user_id: UserId) -> bytes:
    return hashlib.blake2b(user_id.bytes, digest_size=_OWNER_BYTES, person=b"feed").digest()
