"""From bytes to wire structs, giving up on as little as possible.

The fast decoder takes a page whole or not at all: one lone surrogate in one text, one null among the
records, and a hundred records are refused. Such a page is read once more by the standard library,
mended, and converted record by record. Only what even that cannot read counts as cut off.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from astrelo.adapters.outbound.crm_transport import Incomplete
from astrelo.adapters.outbound.hubspot.wire import BatchError, ObjectPage, Paging
from astrelo.domain.errors import CrmRejected
from astrelo.domain.identifiers import MAX_RECORD_ID_LENGTH, Provider
from astrelo.domain.records import RejectedRecord, RejectionReason

T = TypeVar("T")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not the JSON it wants."""

_LONGEST_NUMBER = 1_000
_CODE_WORD = re.compile(r"[\w.:-]{1,100}", re.ASCII)
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

    def __init__(self, record: type[T]) -> None:
        self._record = record
        self._typed: msgspec.json.Decoder[ObjectPage[T]] = msgspec.json.Decoder(ObjectPage[record])  # type: ignore[valid-type] # a type made at run time

    def __call__(self, body: bytes) -> DecodedPage[T]:
        """Raise Incomplete for JSON that is cut off or a batch that failed in part, CrmRejected for no page."""
        try:
            page = self._typed.decode(body)
            rejected: Sequence[RejectedRecord] = ()
        except UNREADABLE:
            untyped = _converted(_mended(body), ObjectPage[object])
            objects, rejected = self._one_by_one(untyped.results)
            page = ObjectPage(objects, untyped.paging, untyped.total, untyped.errors)
        require_only_misses(page.errors)
        return DecodedPage(page.results, rejected, following(page.paging), page.total, page.errors)

    def _one_by_one(self, results: Sequence[object]) -> tuple[list[T], list[RejectedRecord]]:
        objects: list[T] = []
        rejected: list[RejectedRecord] = []
        for result in results:
            try:
                objects.append(msgspec.convert(_as_text(result), self._record))
            except msgspec.ValidationError:
                rejected.append(RejectedRecord(_told_id(result), RejectionReason.MALFORMED))
        return objects, rejected


class Decoder(Generic[T]):
    """Decodes an answer that is taken whole."""

    def __init__(self, shape: type[T]) -> None:
        self._shape = shape
        self._typed = msgspec.json.Decoder(shape)

    def __call__(self, body: bytes) -> T:
        try:
            return self._typed.decode(body)
        except UNREADABLE:
            return _converted(_mended(body), self._shape)


def following(paging: Paging | None) -> str | None:
    return paging.next.after if paging is not None and paging.next is not None else None


def require_only_misses(errors: Sequence[BatchError]) -> None:
    """Raise Incomplete if part of a batch failed: only "not there" may be read as an empty answer."""
    for error in errors:
        if error.sub_category not in _NOTHING_THERE and error.category not in _NOTHING_THERE:
            raise Incomplete(f"a part of the batch failed ({code_word(error.category) or 'no category'})")


def code_word(told: str | None) -> str | None:
    """Let only a code word into a message: other text may quote a record, or be what no column can hold."""
    return told if told and _CODE_WORD.fullmatch(told) else None


def _mended(body: bytes) -> object:
    try:
        return _without_surrogates(json.loads(body.decode("utf-8", "replace"), parse_int=_whole_number))
    except (ValueError, RecursionError) as error:
        raise Incomplete("it is no whole JSON") from error


def _whole_number(digits: str) -> int | str:
    """Leave as text what is longer than any number of ours: Python would refuse the whole page."""
    return int(digits) if len(digits) <= _LONGEST_NUMBER else digits


def _without_surrogates(value: object) -> object:
    match value:
        case str():
            return _storable(value)
        case list():
            return [_without_surrogates(item) for item in value]
        case dict():
            return {_storable(key): _without_surrogates(item) for key, item in value.items()}
        case _:
            return value


def _storable(text: str) -> str:
    """Replace lone surrogates by U+FFFD and drop NUL: PostgreSQL can store neither."""
    if text.isascii():
        return text.replace("\0", "")
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "")


def _converted(document: object, shape: type[T]) -> T:
    try:
        return msgspec.convert(document, shape)
    except msgspec.ValidationError as error:
        raise CrmRejected(Provider.HUBSPOT, None, f"an answer of another shape: {error}") from None


def _as_text(result: object) -> object:
    """Turn a numeric id and scalar properties into the text they are promised to be."""
    if not isinstance(result, Mapping):
        return result
    told: dict[str, Any] = dict(result)
    told["id"] = _scalar_as_text(told.get("id"))
    if isinstance(properties := told.get("properties"), Mapping):
        told["properties"] = {name: _scalar_as_text(value) for name, value in properties.items()}
    return told


def _scalar_as_text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _told_id(result: object) -> str | None:
    told = result.get("id") if isinstance(result, Mapping) else None
    return str(told)[:MAX_RECORD_ID_LENGTH] if isinstance(told, str | int) and str(told) else None
