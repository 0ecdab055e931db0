"""Sign-in links: each signs one browser in to the page as a user, once, within its lifetime."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from astrelo.domain import errors
from astrelo.domain.identifiers import UserId
from astrelo.domain.ports.sign_in import SignInTicket, SignInTickets
from astrelo.domain.ports.system import Clock, Randomness

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedTicket:
    secret: str = field(repr=False)
    """What the link carries; stored as its hash."""
    expires_at: datetime


class SignInLinks:
    """Issues and redeems tickets. Logs both with the same `link`, the beginning of the ticket's hash."""

    def __init__(self, tickets: SignInTickets, clock: Clock, randomness: Randomness) -> None:
        self._tickets = tickets
        self._clock = clock
        self._randomness = randomness

    async def issue(self, user_id: UserId, lifetime: timedelta) -> IssuedTicket:
        secret, now = self._randomness.token(), self._clock.now()
        ticket = SignInTicket(ticket_hash=_hash(secret), user_id=user_id, expires_at=now + lifetime)
        await self._tickets.add(ticket, now)
        log.info(
            "sign_in_link.issued",
            user_id=str(user_id),
            link=_log_id(ticket.ticket_hash),
            expires_at=ticket.expires_at.isoformat(),
        )
        return IssuedTicket(secret=secret, expires_at=ticket.expires_at)

    async def redeem(self, secret: str) -> UserId:
        """Return the user whom the ticket signs in; it is used up then. Raises SignInLinkInvalid."""
        ticket_hash = _hash(secret)
        link = _log_id(ticket_hash)
        ticket = await self._tickets.consume(ticket_hash)
        if ticket is None or ticket.expires_at <= self._clock.now():
            log.warning("sign_in_link.refused", link=link, reason="unknown" if ticket is None else "expired")
            raise errors.SignInLinkInvalid
        log.info("sign_in_link.used", user_id=str(ticket.user_id), link=link)
        return ticket.user_id


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def _log_id(ticket_hash: bytes) -> str:
    return ticket_hash.hex()[:16]
