"""The driven ports to time, randomness and encryption."""

from abc import abstractmethod
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from astrelo.domain.identifiers import UserId


class Clock(Protocol):
    @abstractmethod
    def now(self) -> datetime:
        """Return the wall clock's time, aware, in UTC."""

    @abstractmethod
    def monotonic(self) -> float:
        """Return seconds from an arbitrary start, never going back."""

    @abstractmethod
    async def sleep(self, seconds: float) -> None: ...


class Randomness(Protocol):
    @abstractmethod
    def token(self) -> str:
        """Return 32 random bytes, base64url without padding (43 characters): unguessable."""

    @abstractmethod
    def uuid(self) -> UUID:
        """Return a new id; later ones sort after earlier ones within a process."""

    @abstractmethod
    def jitter(self) -> float:
        """Return a number in [0, 1)."""


class SecretContext(NamedTuple):
    """The context that a ciphertext is bound to: decrypting it in another context fails."""

    user_id: UserId
    owner: str
    """The id of the entity that the secret belongs to."""
    field: str


class TokenCipher(Protocol):
    @abstractmethod
    def encrypt(self, plaintext: str, context: SecretContext) -> bytes: ...

    @abstractmethod
    def decrypt(self, ciphertext: bytes, context: SecretContext) -> str:
        """Raise SecretUnreadable for an unknown key, another context, or a changed ciphertext."""
