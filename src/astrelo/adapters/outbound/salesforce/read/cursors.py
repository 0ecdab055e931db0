"""Where a walk goes on: text that only this adapter reads.

A cursor says what is walked too, so that the window counts only when a walk begins. None of them holds one of
Salesforce's own query locators, which die after two days, or with the session that they belong to.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from astrelo.adapters.outbound.crm.cursors import CursorCodec
from astrelo.domain.identifiers import Provider
from astrelo.domain.sync import Window

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class IdRange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A window in whole epoch milliseconds, both inclusive: what Salesforce's times are told in."""

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
    """Behind the record of this id, in the order of ids. It never expires."""

    id_range: IdRange | None
    after: str | None = None


class JobPosition(msgspec.Struct, frozen=True, tag="job"):
    """So many rows behind a place in a bulk job's results, which are kept for seven days and do not move."""

    id_range: IdRange | None
    job: str
    made_at: int
    """Epoch seconds, by our clock."""
    locator: str | None = None
    """None for the results' beginning."""
    handed_out: int = 0
    passed: int = 0
    """Rows in front of the locator: those that came are counted against those that the job has."""
    replaces: bool = False
    """Whether it was made in place of another that was lost: it is not replaced in turn, by whoever finds it lost."""


Position = QueryPosition | JobPosition

_codec: CursorCodec[Position] = CursorCodec(Position, Provider.SALESFORCE)
cursor_of = _codec.cursor_of
position_of = _codec.position_of
