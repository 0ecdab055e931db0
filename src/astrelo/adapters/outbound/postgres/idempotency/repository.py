"""Idempotency keys in PostgreSQL."""

import asyncpg

from astrelo.adapters.outbound.postgres.session.errors import translate_errors
from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.domain.identifiers import UserId
from astrelo.domain.ports import idempotency
from astrelo.domain.ports.system import Clock


class PgIdempotencyKeys(idempotency.IdempotencyKeys):
    """Works in transactions of its own: another request must see the key before the first one's work is done."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock) -> None:
        self._queries = Queries(pool)
        self._clock = clock

    async def begin(
        self, user_id: UserId, key: str, fingerprint: bytes
    ) -> tuple[idempotency.IdempotentRequest, bool]:
        """Also forgets expired keys: no sweep of its own is needed."""
        now = self._clock.now()
        expired = now - idempotency.KEPT
        request = idempotency.IdempotentRequest(
            user_id=user_id, key=key, fingerprint=fingerprint, started_at=now
        )
        with translate_errors():
            await self._queries.execute("delete_expired_idempotency_keys", expired_before=expired)
            taken = await self._queries.execute(
                "begin_idempotent_request",
                user_id=user_id,
                key=key,
                fingerprint=fingerprint,
                started_at=now,
                expired_before=expired,
                abandoned_before=now - idempotency.ABANDONED_AFTER,
            )
            row = None
            if not taken:
                row = await self._queries.row("find_idempotent_request", user_id=user_id, key=key)
        # Released in between, it looks as if it still ran: whoever comes again gets it.
        return (request, bool(taken)) if row is None else (_request_of(user_id, key, row), False)

    async def complete(
        self, request: idempotency.IdempotentRequest, response: idempotency.StoredResponse
    ) -> None:
        with translate_errors():
            await self._queries.execute(
                "complete_idempotent_request",
                user_id=request.user_id,
                key=request.key,
                started_at=request.started_at,
                status=response.status,
                media_type=response.media_type,
                location=response.location,
                body=response.body,
            )

    async def release(self, request: idempotency.IdempotentRequest) -> None:
        with translate_errors():
            await self._queries.execute(
                "release_idempotency_key",
                user_id=request.user_id,
                key=request.key,
                started_at=request.started_at,
            )


def _request_of(user_id: UserId, key: str, row: asyncpg.Record) -> idempotency.IdempotentRequest:
    response = None
    if row["status"] is not None:
        response = idempotency.StoredResponse(
            status=row["status"], media_type=row["media_type"], location=row["location"], body=row["body"]
        )
    return idempotency.IdempotentRequest(
        user_id=user_id,
        key=key,
        fingerprint=row["fingerprint"],
        started_at=row["started_at"],
        response=response,
    )
