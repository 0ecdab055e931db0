"""Pages of a list: where the next one begins, as an opaque cursor."""

import base64
import binascii
from collections.abc import Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from astrelo.application.read_models import Page
from astrelo.domain.errors import InvalidInput

_VERSION = b"\x01"
_LENGTH = len(_VERSION) + 16


class Identified(Protocol):
    @property
    def id(self) -> UUID: ...


T = TypeVar("T", bound=Identified)


def page_of(found: Sequence[T], limit: int) -> Page[T]:
    """Make a page of what a reader found when asked for one more than `limit`."""
    has_more = len(found) > limit
    data = list(found[:limit])
    return Page(data=data, has_more=has_more, next_cursor=encode_cursor(data[-1].id) if has_more else None)


def encode_cursor(last: UUID) -> str:
    return base64.urlsafe_b64encode(_VERSION + last.bytes).rstrip(b"=").decode("ascii")


def decode_cursor(cursor: str | None) -> UUID | None:
    """Return the id after which the page begins. Raises InvalidInput for anything that we did not make."""
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _LENGTH or not raw.startswith(_VERSION):
        raise InvalidInput("cursor", "is not a next_cursor of this list; leave it out to begin at the start")
    return UUID(bytes=raw[len(_VERSION) :])
