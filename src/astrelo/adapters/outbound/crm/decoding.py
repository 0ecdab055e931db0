"""From bytes to wire structs, giving up on as little as possible.

The fast decoder takes an answer whole or not at all: one lone surrogate in one text, and a page of records is
refused. Such an answer is read once more by the standard library and mended. Only what even that cannot read
counts as cut off.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import UnionType
from typing import Any, Generic, TypeVar, cast, get_args, get_origin

import msgspec

from astrelo.adapters.outbound.crm.transport import Incomplete
from astrelo.domain.errors import CrmRejected
from astrelo.domain.identifiers import MAX_RECORD_ID_LENGTH, Provider

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not the JSON it wants."""

_MAX_NUMBER_LENGTH = 1_000
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*+"|["\[\]{},]', re.DOTALL)
_CLOSING = {"[": "]", "{": "}"}
_CODE_WORD = re.compile(r"[\w.:-]{1,100}", re.ASCII)


class Decoder(Generic[T]):
    """Decodes an answer that is taken whole, or not at all."""

    def __init__(self, shape: type[T], provider: Provider) -> None:
        self._shape = shape
        self._provider = provider
        self._typed = msgspec.json.Decoder(shape)

    def __call__(self, body: bytes) -> T:
        try:
            return self._typed.decode(body)
        except UNREADABLE:
            return self._convert(repair_json(body))

    def _convert(self, document: object) -> T:
        return convert(document, self._shape, self._provider)


class TolerantDecoder(Decoder[T]):
    """Decodes an answer of which a part that cannot be read costs itself alone.

    For answers in which what is not there is merely not known. It is not for associations or pages: what is not there
    would be taken for deleted, or for the end of data.
    """

    def _convert(self, document: object) -> T:
        try:
            return readable(document, self._shape)
        except msgspec.ValidationError as error:
            raise CrmRejected(self._provider, None, f"an answer of another shape: {error}") from None


def readable(value: object, shape: type[T]) -> T:
    """Convert a document without what cannot be read of it: items of lists are left out, fields get their defaults.

    Numbers and booleans are read where text is promised, and the other way round. Raises msgspec.ValidationError
    where what is required cannot be read.
    """
    return cast("T", _readable(value, shape))


def _readable(value: object, annotation: Any) -> object:  # noqa: ANN401 - also a union, which is no type
    try:
        return msgspec.convert(value, annotation, strict=False)
    except msgspec.ValidationError as error:
        for kind in get_args(annotation) if isinstance(annotation, UnionType) else (annotation,):
            with suppress(msgspec.ValidationError):
                return _readable_as(kind, value, error)
        raise


def _readable_as(kind: Any, value: object, error: msgspec.ValidationError) -> object:  # noqa: ANN401 - an annotation
    if isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct(value, kind)
    if isinstance(value, list) and (origin := get_origin(kind)) in {list, tuple, Sequence}:
        items = list(_readable_items(value, get_args(kind)[0]))
        return tuple(items) if origin is tuple else items
    if kind is str and isinstance(value, bool | int | float):
        return scalar_as_text(value)
    raise error


def _readable_items(values: Sequence[object], annotation: Any) -> Iterator[object]:  # noqa: ANN401 - an annotation
    for value in values:
        with suppress(msgspec.ValidationError):
            yield _readable(value, annotation)


def _struct(value: Mapping[str, object], shape: type[S]) -> S:
    told: dict[str, object] = {}
    for field in msgspec.structs.fields(shape):
        try:
            told[field.name] = _readable(value[field.encode_name], field.type)
        except (KeyError, msgspec.ValidationError):
            if field.required:
                raise msgspec.ValidationError(f"`{field.encode_name}` is missing or unreadable") from None
    return shape(**told)


def code_word(told: str | None) -> str | None:
    """Let only a code word into a message: other text may quote a record, or be what no column can hold."""
    return told if told and _CODE_WORD.fullmatch(told) else None


def repair_json(body: bytes, parse_float: Callable[[str], object] = float) -> object:
    """Decode with the standard library, and mend what no column can hold. Raise Incomplete for no whole JSON.

    Its cause is a RecursionError where the JSON may be whole, but is nested too deep to be read.
    """
    told = body.decode("utf-8-sig", "replace")
    try:
        return _without_surrogates(json.loads(told, parse_float=parse_float, parse_int=_whole_number))
    except (ValueError, RecursionError) as error:
        raise Incomplete("it is no whole JSON") from error


def items_of_array(text: str) -> Sequence[str] | None:
    """Take a JSON array apart into the texts of its items, however deep they are nested; None for what is none.

    Only the brackets are looked at: whether an item is JSON shows when it is decoded.
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


def _whole_number(digits: str) -> int | str:
    """Leave as text what is longer than any number of ours: Python would refuse the whole page."""
    return int(digits) if len(digits) <= _MAX_NUMBER_LENGTH else digits


def _without_surrogates(value: object) -> object:
    match value:
        case str():
            return storable(value)
        case list():
            return [_without_surrogates(item) for item in value]
        case dict():
            return {storable(key): _without_surrogates(item) for key, item in value.items()}
        case _:
            return value


def storable(text: str) -> str:
    """Replace lone surrogates by U+FFFD and drop NUL: PostgreSQL can store neither."""
    if text.isascii():
        return text.replace("\0", "")
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "")


def convert(document: object, shape: type[T], provider: Provider) -> T:
    """Raise CrmRejected for a document of another shape."""
    try:
        return msgspec.convert(document, shape)
    except msgspec.ValidationError as error:
        raise CrmRejected(provider, None, f"an answer of another shape: {error}") from None


def scalar_as_text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def told_id(told: object) -> str | None:
    """Return a record's id as it was told, for the report of what was rejected."""
    return str(told)[:MAX_RECORD_ID_LENGTH] if isinstance(told, str | int) and str(told) else None
