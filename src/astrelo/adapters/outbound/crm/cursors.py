"""Cursors as text: positions in an adapter's record streams, which only that adapter can read."""

from typing import Any, Generic, TypeVar

import msgspec

from astrelo.domain import errors
from astrelo.domain.identifiers import Cursor, Provider

T = TypeVar("T")

_encoder = msgspec.json.Encoder()


class CursorCodec(Generic[T]):
    """Encodes and decodes positions of one shape: a struct, or a union of tagged ones."""

    def __init__(self, shape: Any, provider: Provider) -> None:  # noqa: ANN401 - a union is no type to the checker
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(shape)
        self._provider = provider

    def encode(self, position: T) -> Cursor:
        return Cursor(_encoder.encode(position).decode())

    def decode(self, cursor: Cursor) -> T:
        """Raise CrmRejected for a cursor that this adapter did not make."""
        try:
            return self._decoder.decode(cursor)
        except msgspec.DecodeError as error:
            raise errors.CrmRejected(
                self._provider, None, f"a stored cursor cannot be read: {error}"
            ) from None
