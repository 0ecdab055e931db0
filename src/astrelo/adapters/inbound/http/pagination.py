"""Pages of a list: where the next one begins, as an opaque cursor."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar
from uuid import UUID

import msgspec

from astrelo.adapters.inbound.http import problem_kinds, problems
from astrelo.application import messages
from astrelo.application.read import views
from astrelo.domain.company import RecordKey
from astrelo.domain.identifiers import Provider, RecordId, UserId

_VERSION = b"\x03"
_TAG_LENGTH = 8


class Identified(Protocol):
    @property
    def id(self) -> UUID: ...


T = TypeVar("T", bound=Identified)


@dataclass(frozen=True, slots=True)
class Cursors:
    """The cursors of one list, as one user reads it by certain filters; any other list's are refused.

    Read elsewhere, a cursor would begin in the middle of another list, and nobody would miss the entries before it.
    A cursor is no secret and grants nothing: every list is read for the user who asks.
    """

    tag: bytes

    @classmethod
    def of(cls, name: str, user_id: UserId, *narrowed_by: object) -> Self:
        """`narrowed_by` is all that chooses the list's entries: filters, or whose entries they are."""
        described = msgspec.json.encode([name, user_id, *narrowed_by])
        return cls(hashlib.sha256(described).digest()[:_TAG_LENGTH])

    def page_of(self, found: Sequence[T], limit: int) -> views.Page[T]:
        """Make a page of what a reader found when asked for one more than `limit`."""
        has_more = len(found) > limit
        data = list(found[:limit])
        return views.Page(
            data=data, has_more=has_more, next_cursor=self.encode(data[-1].id) if has_more else None
        )

    def encode(self, last: UUID) -> str:
        return self._seal(last.bytes)

    def decode(self, cursor: str | None) -> UUID | None:
        """Return the id after which the page begins. Raises HttpError for a cursor that is not of this list."""
        if cursor is None:
            return None
        try:
            return UUID(bytes=self._open(cursor))
        except ValueError:
            raise _invalid_cursor() from None

    def encode_key(self, last: RecordKey) -> str:
        """Make the cursor of a list of CRM records, which have no id of ours."""
        return self._seal(f"{last.source}\0{last.record_id}".encode())

    def decode_key(self, cursor: str | None) -> RecordKey | None:
        """Return the record after which the page begins. Raises HttpError for a cursor that is not of this list."""
        if cursor is None:
            return None
        try:
            source, _, record_id = self._open(cursor).decode().partition("\0")
            return RecordKey(Provider(source), RecordId(record_id))
        except ValueError:
            raise _invalid_cursor() from None

    def _seal(self, position: bytes) -> str:
        return base64.urlsafe_b64encode(_VERSION + self.tag + position).rstrip(b"=").decode("ascii")

    def _open(self, cursor: str) -> bytes:
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if not raw.startswith(_VERSION + self.tag):
            raise _invalid_cursor()
        return raw.removeprefix(_VERSION + self.tag)


def _invalid_cursor() -> problems.HttpError:
    kind = problem_kinds.INVALID_CURSOR
    field = problems.FieldError(field="cursor", reason=messages.NO_CURSOR)
    return problems.HttpError(kind, kind.message.happened, fields=[field])
