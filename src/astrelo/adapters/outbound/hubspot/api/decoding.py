"""HubSpot's pages: a record that cannot be read is told apart, and does not cost its page."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from astrelo.adapters.outbound.crm.decoding import (
    UNREADABLE,
    code_word,
    convert,
    repair_json,
    scalar_as_text,
    told_id,
)
from astrelo.adapters.outbound.crm.transport import Incomplete
from astrelo.adapters.outbound.hubspot.api.wire import BatchError, ObjectPage, Paging
from astrelo.domain.identifiers import Provider
from astrelo.domain.records import RejectedRecord, RejectionReason

T = TypeVar("T")

_NOTHING_THERE = frozenset({"OBJECT_NOT_FOUND", "crm.associations.NO_ASSOCIATIONS_FOUND"})


class DecodedPage(NamedTuple, Generic[T]):
    objects: Sequence[T]
    rejected: Sequence[RejectedRecord]
    after: str | None
    """What the next page is asked for with; None at the end of data."""
    total: int | None
    errors: Sequence[BatchError]
    """Of a batch: what was not there."""


class PageDecoder(Generic[T]):
    """Decodes pages of one type of record."""

    def __init__(self, record: type[T], convert: Callable[[object, type[T]], T] = msgspec.convert) -> None:
        """Make a decoder. `convert` reads what the fast decoder cannot, and raises msgspec.ValidationError."""
        self._record = record
        self._convert = convert
        self._typed: msgspec.json.Decoder[ObjectPage[T]] = msgspec.json.Decoder(ObjectPage[record])  # type: ignore[valid-type] # a type made at run time

    def __call__(self, body: bytes) -> DecodedPage[T]:
        """Raise Incomplete for JSON that is cut off or a batch that failed in part, CrmRejected for no page."""
        try:
            page = self._typed.decode(body)
            rejected: Sequence[RejectedRecord] = ()
        except UNREADABLE:
            untyped = convert(repair_json(body), ObjectPage[object], Provider.HUBSPOT)
            objects, rejected = self._one_by_one(untyped.results)
            page = ObjectPage(objects, untyped.paging, untyped.total, untyped.errors)
        require_only_misses(page.errors)
        return DecodedPage(page.results, rejected, next_cursor(page.paging), page.total, page.errors)

    def _one_by_one(self, results: Sequence[object]) -> tuple[list[T], list[RejectedRecord]]:
        objects: list[T] = []
        rejected: list[RejectedRecord] = []
        for result in results:
            try:
                objects.append(self._convert(_as_text(result), self._record))
            except msgspec.ValidationError:
                rejected.append(RejectedRecord(_told_id(result), RejectionReason.MALFORMED))
        return objects, rejected


def next_cursor(paging: Paging | None) -> str | None:
    return paging.next.after if paging is not None and paging.next is not None else None


def require_only_misses(errors: Sequence[BatchError]) -> None:
    """Raise Incomplete if part of a batch failed: only "not there" may be read as an empty answer."""
    for error in errors:
        if error.sub_category not in _NOTHING_THERE and error.category not in _NOTHING_THERE:
            raise Incomplete(f"a part of the batch failed ({code_word(error.category) or 'no category'})")


def _as_text(result: object) -> object:
    """Turn a numeric id and scalar properties into the text they are promised to be."""
    if not isinstance(result, Mapping):
        return result
    told: dict[str, Any] = dict(result)
    told["id"] = scalar_as_text(told.get("id"))
    if isinstance(properties := told.get("properties"), Mapping):
        told["properties"] = {name: scalar_as_text(value) for name, value in properties.items()}
    return told


def _told_id(result: object) -> str | None:
    return told_id(result.get("id")) if isinstance(result, Mapping) else None
