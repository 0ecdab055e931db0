"""Tickets of sign-in links in PostgreSQL: a routing table, found without knowing the user."""

from datetime import datetime

import asyncpg

from astrelo.adapters.outbound.postgres.session.errors import translate_outages
from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.domain.identifiers import UserId
from astrelo.domain.ports.sign_in import SignInTicket, SignInTickets


class PgSignInTickets(SignInTickets):
    """Works in transactions of its own: a ticket stays consumed whatever becomes of the request."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._queries = Queries(pool)

    async def add(self, ticket: SignInTicket, now: datetime) -> None:
        with translate_outages():
            await self._queries.execute("delete_expired_sign_in_tickets", expired_before=now)
            await self._queries.execute(
                "add_sign_in_ticket",
                ticket_hash=ticket.ticket_hash,
                user_id=ticket.user_id,
                expires_at=ticket.expires_at,
            )

    async def consume(self, ticket_hash: bytes) -> SignInTicket | None:
        with translate_outages():
            row = await self._queries.row("consume_sign_in_ticket", ticket_hash=ticket_hash)
        if row is None:
            return None
        return SignInTicket(
            ticket_hash=ticket_hash, user_id=UserId(row["user_id"]), expires_at=row["expires_at"]
        )
