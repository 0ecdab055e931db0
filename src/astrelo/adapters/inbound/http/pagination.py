"""Pages of a list: where the next one begins, as an opaque cursor."""

import base64
import binascii
from collections.abc import Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from astrelo.application import messages
from astrelo.application.read import views
from astrelo.domain import errors
from astrelo.domain.company import RecordKey
from astrelo.domain.identifiers import Provider, RecordId

_VERSION = b"\x01"
_KEY_VERSION = b"\x02"
_LENGTH = len(_VERSION) + 16


class Identified(Protocol):
    @property
    def id(self) -> UUID: ...


T = TypeVar("T", bound=Identified)


def page_of(found: Sequence[T], limit: int) -> views.Page[T]:
    """Make a page of what a reader found when asked for one more than `limit`."""
    has_more = len(found) > limit
    data = list(found[:limit])
    return views.Page(
        data=data, has_more=has_more, next_cursor=encode_cursor(data[-1].id) if has_more else None
    )


def encode_cursor(last: UUID) -> str:
    return base64.urlsafe_b64encode(_VERSION + last.bytes).rstrip(b"=").decode("ascii")


def encode_key_cursor(last: RecordKey) -> str:
    """Make the cursor of a list of CRM records, which have no id of ours."""
    text = f"{last.source}\0{last.record_id}".encode()
    return base64.urlsafe_b64encode(_KEY_VERSION + text).rstrip(b"=").decode("ascii")


def decode_key_cursor(cursor: str | None) -> RecordKey | None:
    """Return the record after which the page begins. Raises InvalidInput for anything that we did not make."""
    if cursor is None:
        return None
    raw = _decode(cursor)
    try:
        source, _, record_id = raw.removeprefix(_KEY_VERSION).decode().partition("\0")
        if raw.startswith(_KEY_VERSION) and record_id:
            return RecordKey(Provider(source), RecordId(record_id))
    except ValueError:
        pass
    raise _not_ours()


def decode_cursor(cursor: str | None) -> UUID | None:
    """Return the id after which the page begins. Raises InvalidInput for anything that we did not make."""
    if cursor is None:
        return None
    raw = _decode(cursor)
    if len(raw) != _LENGTH or not raw.startswith(_VERSION):
        raise _not_ours()
    return UUID(bytes=raw[len(_VERSION) :])


def _decode(cursor: str) -> bytes:
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


def _not_ours() -> errors.InvalidInput:
    return errors.InvalidInput("cursor", messages.NO_CURSOR)
