"""Secrets at rest: AES-256-GCM (NIST SP 800-38D) in envelopes that name their key.

An envelope is

    version (1 byte, 1) | length of the key id (1 byte) | key id | nonce (12 bytes) | ciphertext and tag

Header and context are its associated data: an envelope that was moved to another row, column or user, or
whose header was changed, does not open.
"""

import os
from collections.abc import Sequence
from typing import NamedTuple, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from astrelo.domain import errors
from astrelo.domain.ports.system import SecretContext, TokenCipher

KEY_BYTES = 32
_VERSION = 1
_NONCE_BYTES = 12
_TAG_BYTES = 16
_MAX_KEY_ID_LENGTH = 255


class AesGcmTokenCipher(TokenCipher):
    """`keys` are (key id, 32 bytes): the first encrypts, all decrypt.

    To rotate, put a new key in front; the old one may go once no envelope names it. Nonces are random, which
    is safe for 2³² encryptions under one key.
    """

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        """Raise ValueError for no keys, a key of another length, or ids that are empty, long or not unique."""
        if not keys:
            raise ValueError("There is no encryption key: at least one is needed.")
        self._ciphers: dict[str, AESGCM] = {}
        for key_id, key in keys:
            if not 0 < len(key_id.encode()) <= _MAX_KEY_ID_LENGTH:
                raise ValueError(f"The id of an encryption key must have 1 to {_MAX_KEY_ID_LENGTH} bytes.")
            if len(key) != KEY_BYTES:
                raise ValueError(
                    f"Encryption key {key_id!r} has {len(key)} bytes: AES-256 needs {KEY_BYTES}."
                )
            self._ciphers[key_id] = AESGCM(key)
        if len(self._ciphers) < len(keys):
            raise ValueError("Two encryption keys have the same id: each needs its own.")
        self._current = keys[0][0]

    def __repr__(self) -> str:
        return f"AesGcmTokenCipher(key ids: {', '.join(self._ciphers)})"

    def encrypt(self, plaintext: str, context: SecretContext) -> bytes:
        key_id = self._current.encode()
        header = bytes((_VERSION, len(key_id))) + key_id
        # Not through the Randomness port: a nonce that a test could fix is a nonce that could repeat.
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(
            nonce, plaintext.encode(), _associated_data(header, context)
        )
        return header + nonce + sealed

    def decrypt(self, ciphertext: bytes, context: SecretContext) -> str:
        envelope = _Envelope.parse(ciphertext)
        cipher = self._ciphers.get(envelope.key_id)
        if cipher is None:
            raise errors.SecretUnreadable(envelope.key_id, "no key of this id is configured")
        try:
            plaintext = cipher.decrypt(
                envelope.nonce, envelope.sealed, _associated_data(envelope.header, context)
            )
        except InvalidTag as error:
            reason = "it was changed, moved from its place, or made with another key of the same id"
            raise errors.SecretUnreadable(envelope.key_id, reason) from error
        return plaintext.decode()


class _Envelope(NamedTuple):
    header: bytes
    key_id: str
    nonce: bytes
    sealed: bytes

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Raise SecretUnreadable for bytes that do not have the form of an envelope."""
        start = 2 + text[1] if len(text) > 1 else 0
        if len(text) < start + _NONCE_BYTES + _TAG_BYTES or text[0] != _VERSION:
            raise errors.SecretUnreadable("unknown", "it is not an envelope of this version")
        key_id = text[2:start].decode(errors="replace")
        nonce_end = start + _NONCE_BYTES
        return cls(text[:start], key_id, text[start:nonce_end], text[nonce_end:])


def _associated_data(header: bytes, context: SecretContext) -> bytes:
    """Join with lengths, so that no two contexts give the same bytes."""
    parts = [header, context.user_id.bytes, context.owner.encode(), context.field.encode()]
    return b"".join(len(part).to_bytes(4) + part for part in parts)
