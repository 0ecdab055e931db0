"""Decode HubSpot's pages: an unreadable record is rejected by itself and does not cost its page."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from astrelo.adapters.outbound.crm import decoding, transport
from astrelo.adapters.outbound.hubspot.api import wire
from astrelo.domain.identifiers import Provider
from astrelo.domain.records import RejectedRecord, RejectionReason

T = TypeVar("T")

_NOT_FOUND = frozenset({"OBJECT_NOT_FOUND", "crm.associations.NO_ASSOCIATIONS_FOUND"})


class DecodedPage(NamedTuple, Generic[T]):
    objects: Sequence[T]
    rejected: Sequence[RejectedRecord]
    after: str | None
    """The cursor to the next page; None at the end of data."""
    total: int | None
    errors: Sequence[wire.BatchError]
    """Of a batch: the records that do not exist."""


class PageDecoder(Generic[T]):
    """Decodes pages of one type of record."""

    def __init__(self, record: type[T], convert: Callable[[object, type[T]], T] = msgspec.convert) -> None:
        """`convert` reads what the fast decoder refuses, and raises msgspec.ValidationError."""
        self._record = record
        self._convert = convert
        self._typed: msgspec.json.Decoder[wire.ObjectPage[T]] = msgspec.json.Decoder(wire.ObjectPage[record])  # type: ignore[valid-type] # a type made at run time

    def __call__(self, body: bytes) -> DecodedPage[T]:
        """Raise IncompleteResponse for JSON cut off or a batch that failed in part, CrmRejected for another shape."""
        try:
            page = self._typed.decode(body)
            rejected: Sequence[RejectedRecord] = ()
        except decoding.UNREADABLE:
            untyped = decoding.convert(decoding.repair_json(body), wire.ObjectPage[object], Provider.HUBSPOT)
            objects, rejected = self._convert_each(untyped.results)
            page = wire.ObjectPage(objects, untyped.paging, untyped.total, untyped.errors)
        require_only_not_found(page.errors)
        return DecodedPage(page.results, rejected, next_cursor(page.paging), page.total, page.errors)

    def _convert_each(self, results: Sequence[object]) -> tuple[list[T], list[RejectedRecord]]:
        objects: list[T] = []
        rejected: list[RejectedRecord] = []
        for result in results:
            try:
                objects.append(self._convert(_stringify_scalars(result), self._record))
            except msgspec.ValidationError:
                raw_id = decoding.raw_record_id(result.get("id")) if isinstance(result, Mapping) else None
                rejected.append(RejectedRecord(raw_id, RejectionReason.MALFORMED))
        return objects, rejected


def next_cursor(paging: wire.Paging | None) -> str | None:
    return paging.next.after if paging is not None and paging.next is not None else None


def require_only_not_found(errors: Sequence[wire.BatchError]) -> None:
    """Raise IncompleteResponse if part of a batch failed: only "not found" may be read as an empty result."""
    for error in errors:
        if error.sub_category not in _NOT_FOUND and error.category not in _NOT_FOUND:
            raise transport.IncompleteResponse(
                f"a part of the batch failed ({decoding.sanitize_code(error.category) or 'no category'})"
            )


def _stringify_scalars(result: object) -> object:
    """Turn a numeric id and scalar properties into the text that the API promises."""
    if not isinstance(result, Mapping):
        return result
    document: dict[str, Any] = dict(result)
    document["id"] = decoding.stringify_scalar(document.get("id"))
    if isinstance(properties := document.get("properties"), Mapping):
        document["properties"] = {
            name: decoding.stringify_scalar(value) for name, value in properties.items()
        }
    return document
