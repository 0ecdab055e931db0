"""The port to what was answered to a request with an idempotency key."""

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from astrelo.domain.identifiers import UserId

KEPT = timedelta(hours=24)
"""How long a key and its response are kept."""
ABANDONED_AFTER = timedelta(minutes=2)
"""Longer than any request: one that is still not answered was lost with its process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResponse:
    status: int
    media_type: str | None
    location: str | None
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotentRequest:
    """A request with a key, and what was answered to the first one with it; None while that runs."""

    user_id: UserId
    key: str
    fingerprint: bytes
    """A hash of all that the request asks for."""
    started_at: datetime
    response: StoredResponse | None = None


class IdempotencyKeys(Protocol):
    @abstractmethod
    async def begin(self, user_id: UserId, key: str, fingerprint: bytes) -> tuple[IdempotentRequest, bool]:
        """Return the user's request with this key, and whether it is this one: the first, to be carried out.

        A key that is older than KEPT, or whose request was abandoned, begins anew. Of several requests at once, one
        is the first.
        """

    @abstractmethod
    async def complete(self, request: IdempotentRequest, response: StoredResponse) -> None:
        """Keep the response, unless the key has begun anew since."""

    @abstractmethod
    async def release(self, request: IdempotentRequest) -> None:
        """Forget the request, so that it can be sent again."""
