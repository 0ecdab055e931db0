"""The port to the tickets of sign-in links that have not been used."""

from abc import abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from astrelo.domain.identifiers import UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInTicket:
    """Signs one browser in as the user, once. Known by the SHA-256 of its secret alone."""

    ticket_hash: bytes = field(repr=False)
    user_id: UserId
    expires_at: datetime


class SignInTickets(Protocol):
    @abstractmethod
    async def add(self, ticket: SignInTicket, now: datetime) -> None:
        """Keep a ticket; forget those that have expired by now."""

    @abstractmethod
    async def consume(self, ticket_hash: bytes) -> SignInTicket | None:
        """Return the ticket and forget it, expired or not: of several callers at once, one gets it."""
