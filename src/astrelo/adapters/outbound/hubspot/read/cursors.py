"""Positions in HubSpot's record streams, as cursors that only this adapter can read."""

import msgspec

from astrelo.adapters.outbound.crm.pagination import CursorCodec
from astrelo.adapters.outbound.hubspot.api import wire
from astrelo.domain import errors
from astrelo.domain.identifiers import Provider

_MAX_ID = 2**63 - 1


class SearchRange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A range of modification times in epoch milliseconds, and of record ids; all bounds inclusive."""

    start: int
    end: int
    lowest: int = 0
    highest: int = _MAX_ID

    def halves(self) -> "tuple[SearchRange, SearchRange]":
        """Divide by time; a single millisecond, which one bulk import can fill, by ids.

        Raise CrmRejected for what cannot be divided: one id at one millisecond.
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
        raise errors.CrmRejected(
            Provider.HUBSPOT,
            None,
            f"one record at one millisecond is found over {wire.MAX_SEARCH_RESULTS} times",
        )

    def filters(self, modified: str) -> list[dict[str, str]]:
        """Return the filters of a search request; only milliseconds are understood for every property."""
        filters = [_filter(modified, "GTE", self.start), _filter(modified, "LTE", self.end)]
        if self.lowest > 0:
            filters.append(_filter("hs_object_id", "GTE", self.lowest))
        if self.highest < _MAX_ID:
            filters.append(_filter("hs_object_id", "LTE", self.highest))
        return filters


class ListPosition(msgspec.Struct, frozen=True, tag="list"):
    after: str


class SearchPosition(msgspec.Struct, frozen=True, tag="search"):
    ranges: list[SearchRange]
    """Those that are not known to be complete, in reading order."""


Position = ListPosition | SearchPosition

_codec: CursorCodec[Position] = CursorCodec(Position, Provider.HUBSPOT)
encode_cursor = _codec.encode
decode_cursor = _codec.decode


def _filter(name: str, operator: str, value: int) -> dict[str, str]:
    return {"propertyName": name, "operator": operator, "value": str(value)}
