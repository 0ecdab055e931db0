"""From bytes to wire structs, giving up on as little as possible.

The fast decoder takes an answer whole or not at all: one lone surrogate in one text, and a page of records is
refused. Such an answer is read once more by the standard library and mended. Only what even that cannot read
counts as cut off.
"""

import json
import re
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from astrelo.adapters.outbound.crm.transport import Incomplete
from astrelo.domain.errors import CrmRejected
from astrelo.domain.identifiers import MAX_RECORD_ID_LENGTH, Provider

T = TypeVar("T")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not the JSON it wants."""

_LONGEST_NUMBER = 1_000
_CODE_WORD = re.compile(r"[\w.:-]{1,100}", re.ASCII)


class Decoder(Generic[T]):
    """Decodes an answer that is taken whole."""

    def __init__(self, shape: type[T], provider: Provider) -> None:
        self._shape = shape
        self._provider = provider
        self._typed = msgspec.json.Decoder(shape)

    def __call__(self, body: bytes) -> T:
        try:
            return self._typed.decode(body)
        except UNREADABLE:
            return converted(mended(body), self._shape, self._provider)


def code_word(told: str | None) -> str | None:
    """Let only a code word into a message: other text may quote a record, or be what no column can hold."""
    return told if told and _CODE_WORD.fullmatch(told) else None


def mended(body: bytes, parse_float: Callable[[str], object] = float) -> object:
    """Decode with the standard library, and mend what no column can hold. Raise Incomplete for no whole JSON."""
    told = body.decode("utf-8", "replace")
    try:
        return _without_surrogates(json.loads(told, parse_float=parse_float, parse_int=_whole_number))
    except (ValueError, RecursionError) as error:
        raise Incomplete("it is no whole JSON") from error


def _whole_number(digits: str) -> int | str:
    """Leave as text what is longer than any number of ours: Python would refuse the whole page."""
    return int(digits) if len(digits) <= _LONGEST_NUMBER else digits


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


def converted(document: object, shape: type[T], provider: Provider) -> T:
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
