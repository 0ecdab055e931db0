"""Started authorizations in PostgreSQL: a routing table, found without knowing the user."""

from datetime import timedelta

import asyncpg

from astrelo.adapters.outbound.postgres.session.errors import UNAVAILABLE
from astrelo.adapters.outbound.postgres.session.statements import statement
from astrelo.domain.connection import STATE_LIFETIME, PendingAuthorization
from astrelo.domain.errors import StoreUnavailable
from astrelo.domain.identifiers import Provider, UserId
from astrelo.domain.ports.state import OAuthStates
from astrelo.domain.ports.system import SecretContext, TokenCipher

KEPT_EXPIRED = timedelta(days=1)
"""How long an expired authorization is kept, so that its late callback can be told so."""


class PgOAuthStates(OAuthStates):
    """Works in transactions of its own: a state stays consumed whatever becomes of its callback."""

    def __init__(self, pool: asyncpg.Pool, cipher: TokenCipher) -> None:
        self._pool = pool
        self._cipher = cipher

    async def add(self, pending: PendingAuthorization) -> None:
        """Also forgets abandoned authorizations: no sweep of its own is needed."""
        started = pending.expires_at - STATE_LIFETIME
        try:
            await self._pool.execute(statement("oauth_state_prune"), started - KEPT_EXPIRED)
            await self._pool.execute(
                statement("oauth_state_add"),
                pending.state_hash,
                pending.browser_hash,
                pending.user_id,
                pending.provider,
                self._cipher.encrypt(
                    pending.code_verifier, _verifier_context(pending.user_id, pending.state_hash)
                ),
                pending.replace,
                pending.return_path,
                pending.expires_at,
                pending.login_host,
            )
        except UNAVAILABLE as error:
            raise StoreUnavailable(type(error).__name__) from error

    async def consume(self, state_hash: bytes) -> PendingAuthorization | None:
        try:
            row = await self._pool.fetchrow(statement("oauth_state_consume"), state_hash)
        except UNAVAILABLE as error:
            raise StoreUnavailable(type(error).__name__) from error
        return None if row is None else self._pending(row)

    def _pending(self, row: asyncpg.Record) -> PendingAuthorization:
        user_id = UserId(row["user_id"])
        context = _verifier_context(user_id, row["state_hash"])
        return PendingAuthorization(
            state_hash=row["state_hash"],
            browser_hash=row["browser_hash"],
            user_id=user_id,
            provider=Provider(row["provider"]),
            code_verifier=self._cipher.decrypt(row["code_verifier"], context),
            replace=row["replace"],
            return_path=row["return_path"],
            expires_at=row["expires_at"],
            login_host=row["login_host"],
        )


def _verifier_context(user_id: UserId, state_hash: bytes) -> SecretContext:
    return SecretContext(user_id=user_id, owner=state_hash.hex(), field="code_verifier")
