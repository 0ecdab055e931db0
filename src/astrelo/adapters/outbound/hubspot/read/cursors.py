"""Where a walk goes on: text that only this adapter reads."""

import msgspec

from astrelo.adapters.outbound.crm.cursors import CursorCodec
from astrelo.adapters.outbound.hubspot.api.client import SEARCH_CAP
from astrelo.domain.errors import CrmRejected
from astrelo.domain.identifiers import Provider

_MAX_ID = 2**63 - 1


class SearchRange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A stretch of modification times in epoch milliseconds, and of record ids; all bounds inclusive."""

    start: int
    end: int
    lowest: int = 0
    highest: int = _MAX_ID

    def halves(self) -> "tuple[SearchRange, SearchRange]":
        """Divide by time; a single millisecond, which one bulk import can fill, by ids.

        Raises CrmRejected for what cannot be divided: one id at one millisecond.
        """
        if self.start < self.end:
            middle = (self.start + self.end) // 2
            return (
                SearchRange(self.start, middle, self.lowest, self.highest),
                SearchRange(middle + 1, self.end, self.lowest, self.highest),
            )
        if self.lowest < self.highest:
            middle = (self.lowest + self.highest) // 2
            return (
                SearchRange(self.start, self.end, self.lowest, middle),
                SearchRange(self.start, self.end, middle + 1, self.highest),
            )
        raise CrmRejected(
            Provider.HUBSPOT, None, f"one record at one millisecond is found over {SEARCH_CAP} times"
        )

    def filters(self, modified: str) -> list[dict[str, str]]:
        """Say it in search's words; only milliseconds are understood for every property."""
        filters = [_bound(modified, "GTE", self.start), _bound(modified, "LTE", self.end)]
        if self.lowest > 0:
            filters.append(_bound("hs_object_id", "GTE", self.lowest))
        if self.highest < _MAX_ID:
            filters.append(_bound("hs_object_id", "LTE", self.highest))
        return filters


class ListPosition(msgspec.Struct, frozen=True, tag="list"):
    after: str


class SearchPosition(msgspec.Struct, frozen=True, tag="search"):
    ranges: list[SearchRange]
    """Those not known to be complete, in the order they are to be read."""


Position = ListPosition | SearchPosition

_codec: CursorCodec[Position] = CursorCodec(Position, Provider.HUBSPOT)
cursor_of = _codec.cursor_of
position_of = _codec.position_of


def _bound(name: str, operator: str, value: int) -> dict[str, str]:
    return {"propertyName": name, "operator": operator, "value": str(value)}
