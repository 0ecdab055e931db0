"""Positions in Salesforce's record streams, as cursors that only this adapter can read.

A cursor contains its window, so a window is passed only where a stream begins. No cursor holds one of
Salesforce's own query locators, which expire after two days, or with the session that they belong to.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from astrelo.adapters.outbound.crm.pagination import CursorCodec
from astrelo.domain.identifiers import Provider
from astrelo.domain.sync import Window

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class IdRange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A window in whole epoch milliseconds, both inclusive: the precision of Salesforce's times."""

    start: int
    end: int

    @classmethod
    def of(cls, window: Window) -> "IdRange":
        """Widen a window to whole milliseconds."""
        return cls((window.start - _EPOCH) // _MILLISECOND, -((_EPOCH - window.end) // _MILLISECOND))

    @property
    def first(self) -> datetime:
        return _EPOCH + self.start * _MILLISECOND

    @property
    def last(self) -> datetime:
        return _EPOCH + self.end * _MILLISECOND


class QueryPosition(msgspec.Struct, frozen=True, tag="query"):
    """After the record of this id, in the order of ids. It never expires."""

    id_range: IdRange | None
    after: str | None = None


class JobPosition(msgspec.Struct, frozen=True, tag="job"):
    """So many rows after a locator in a bulk job's results, which are kept for seven days and do not move."""

    id_range: IdRange | None
    job: str
    made_at: int
    """Epoch seconds, by our clock."""
    locator: str | None = None
    """None for the start of the results."""
    handed_out: int = 0
    passed: int = 0
    """Rows before the locator: the received ones are compared with those that the job has."""
    replaces: bool = False
    """Whether the job was created in place of a lost one: it is not replaced again when it is lost too."""


Position = QueryPosition | JobPosition

_codec: CursorCodec[Position] = CursorCodec(Position, Provider.SALESFORCE)
encode_cursor = _codec.encode
decode_cursor = _codec.decode
