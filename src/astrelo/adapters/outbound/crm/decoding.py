"""Decode responses into wire structs, and lose as little as possible to bad data.

msgspec accepts a body whole or not at all: one lone surrogate in one text, and a page of records is refused. Such a
body is parsed again by the standard library and repaired. Only a body that even this parser refuses counts as cut off.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import UnionType
from typing import Any, Generic, TypeVar, cast, get_args, get_origin

import msgspec

from astrelo.adapters.outbound.crm import transport
from astrelo.domain import errors
from astrelo.domain.identifiers import MAX_RECORD_ID_LENGTH, Provider

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not JSON of the expected shape."""

_MAX_NUMBER_LENGTH = 1_000
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*+"|["\[\]{},]', re.DOTALL)
_CLOSING = {"[": "]", "{": "}"}
_CODE = re.compile(r"[\w.:-]{1,100}", re.ASCII)


class Decoder(Generic[T]):
    """Decodes a body whole, or raises."""

    def __init__(self, shape: type[T], provider: Provider) -> None:
        self._shape = shape
        self._provider = provider
        self._typed = msgspec.json.Decoder(shape)

    def __call__(self, body: bytes) -> T:
        try:
            return self._typed.decode(body)
        except UNREADABLE:
            return convert(repair_json(body), self._shape, self._provider)


class TolerantDecoder(Decoder[T]):
    """Decodes a body and leaves out the parts of it that cannot be read.

    Use it where a missing part only means that something is unknown. Never use it for associations or pages: a missing
    part would be taken for a deletion, or for the end of the data.
    """

    def __call__(self, body: bytes) -> T:
        with suppress(*UNREADABLE):
            return self._typed.decode(body)
        try:
            return convert_leniently(repair_json(body), self._shape)
        except msgspec.ValidationError as error:
            raise errors.CrmRejected(
                self._provider, None, f"a response in an unexpected format: {error}"
            ) from None


def convert_leniently(value: object, shape: type[T]) -> T:
    """Convert a document without its unreadable parts: items of lists are left out, fields get their defaults.

    Numbers and booleans are accepted in place of text, and the other way round. Raise msgspec.ValidationError where a
    required part cannot be read.
    """
    return cast("T", _convert_leniently(value, shape))


def _convert_leniently(value: object, annotation: Any) -> object:  # noqa: ANN401 - also a union, which is no type
    try:
        return msgspec.convert(value, annotation, strict=False)
    except msgspec.ValidationError as error:
        for kind in get_args(annotation) if isinstance(annotation, UnionType) else (annotation,):
            with suppress(msgspec.ValidationError):
                return _convert_parts(kind, value, error)
        raise


def _convert_parts(kind: Any, value: object, error: msgspec.ValidationError) -> object:  # noqa: ANN401 - an annotation
    if isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _convert_struct(value, kind)
    if isinstance(value, list) and (origin := get_origin(kind)) in {list, tuple, Sequence}:
        items: list[object] = []
        for item in value:
            with suppress(msgspec.ValidationError):
                items.append(_convert_leniently(item, get_args(kind)[0]))
        return tuple(items) if origin is tuple else items
    if kind is str and isinstance(value, bool | int | float):
        return stringify_scalar(value)
    raise error


def _convert_struct(value: Mapping[str, object], shape: type[S]) -> S:
    fields: dict[str, object] = {}
    for field in msgspec.structs.fields(shape):
        try:
            fields[field.name] = _convert_leniently(value[field.encode_name], field.type)
        except (KeyError, msgspec.ValidationError):
            if field.required:
                raise msgspec.ValidationError(f"`{field.encode_name}` is missing or unreadable") from None
    return shape(**fields)


def decode_error(body: bytes, shape: type[S]) -> S:
    """Decode the body of an error response; return the shape's defaults for a body that cannot be read."""
    try:
        return msgspec.json.decode(body, type=shape)
    except UNREADABLE:
        return shape()


def sanitize_code(raw: str | None) -> str | None:
    """Return an error code that may appear in a message, None for any other text.

    Other text may quote a record, or hold characters that no column can store.
    """
    return raw if raw and _CODE.fullmatch(raw) else None


def repair_json(body: bytes, parse_float: Callable[[str], object] = float) -> object:
    """Parse with the standard library, and repair what no column can hold.

    Raise IncompleteResponse where the JSON does not come to its end. Its cause is a RecursionError where the JSON may
    be whole, but is nested too deep to be parsed.
    """
    text = body.decode("utf-8-sig", "replace")
    try:
        return _make_storable(json.loads(text, parse_float=parse_float, parse_int=_parse_integer))
    except (ValueError, RecursionError) as error:
        raise transport.IncompleteResponse("its JSON is cut off") from error


def split_json_array(text: str) -> Sequence[str] | None:
    """Split a JSON array into the texts of its items, at any depth of nesting; return None for anything else.

    Only the brackets are checked: whether an item is JSON shows when it is decoded.
    """
    closing: list[str] = []
    items: list[str] = []
    start = 0
    for token in _STRUCTURE.finditer(text):
        mark = token[0]
        if mark in _CLOSING:
            closing.append(_CLOSING[mark])
            start = token.end() if len(closing) == 1 else start
        elif mark == "," and len(closing) == 1:
            items.append(text[start : token.start()])
            start = token.end()
        elif mark == '"' or (mark in "]}" and (not closing or closing.pop() != mark)):
            return None
        elif mark in "]}" and not closing:
            items.append(text[start : token.start()])
            is_array = mark == "]" and text[: text.find("[")].strip() == "" == text[token.end() :].strip()
            return items if is_array else None
    return None


def _parse_integer(digits: str) -> int | str:
    """Keep an absurdly long number as text: Python would refuse the whole page for it."""
    return int(digits) if len(digits) <= _MAX_NUMBER_LENGTH else digits


def _make_storable(value: object) -> object:
    match value:
        case str():
            return _clean_text(value)
        case list():
            return [_make_storable(item) for item in value]
        case dict():
            return {_clean_text(key): _make_storable(item) for key, item in value.items()}
        case _:
            return value


def _clean_text(text: str) -> str:
    """Replace lone surrogates by U+FFFD and drop NUL: PostgreSQL can store neither."""
    if text.isascii():
        return text.replace("\0", "")
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "")


def convert(document: object, shape: type[T], provider: Provider) -> T:
    """Convert a document, or raise CrmRejected for one of another shape."""
    try:
        return msgspec.convert(document, shape)
    except msgspec.ValidationError as error:
        raise errors.CrmRejected(provider, None, f"a response in an unexpected format: {error}") from None


def stringify_scalar(value: object) -> object:
    """Return a number or a boolean as text, as JSON writes it, and any other value as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def raw_record_id(value: object) -> str | None:
    """Return the id as the CRM sent it, for the report on rejected records."""
    return str(value)[:MAX_RECORD_ID_LENGTH] if isinstance(value, str | int) and str(value) else None
