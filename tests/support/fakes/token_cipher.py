"""A cipher that hides nothing from anyone, but keeps the contract."""

import base64
import hashlib

from astrelo.domain.errors import SecretUnreadable
from astrelo.domain.ports.system import SecretContext, TokenCipher

_SEAL_BYTES = 32


class FakeTokenCipher(TokenCipher):
    """A checksum over context and secret, then the secret in base64."""

    def encrypt(self, plaintext: str, context: SecretContext) -> bytes:
        body = base64.b64encode(plaintext.encode())
        return _seal(body, context) + body

    def decrypt(self, ciphertext: bytes, context: SecretContext) -> str:
        seal, body = ciphertext[:_SEAL_BYTES], ciphertext[_SEAL_BYTES:]
        if seal != _seal(body, context):
            raise SecretUnreadable("fake", "it was changed or moved")
        return base64.b64decode(body).decode()


def _seal(body: bytes, context: SecretContext) -> bytes:
    return hashlib.sha256(repr((context, body)).encode()).digest()
