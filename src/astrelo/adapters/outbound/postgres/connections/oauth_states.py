"""Started authorizations in PostgreSQL: a routing table, found without knowing the user."""

from datetime import timedelta

import asyncpg

from astrelo.adapters.outbound.postgres.session.errors import translate_outages
from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.domain.connection import STATE_LIFETIME, PendingAuthorization
from astrelo.domain.identifiers import Provider, UserId
from astrelo.domain.ports.state import OAuthStates
from astrelo.domain.ports.system import SecretContext, TokenCipher

KEPT_EXPIRED = timedelta(days=1)
"""How long an expired authorization is kept, so that its late callback learns that it is."""


class PgOAuthStates(OAuthStates):
    """Works in transactions of its own: a state stays consumed whatever becomes of its callback."""

    def __init__(self, pool: asyncpg.Pool, cipher: TokenCipher) -> None:
        self._queries = Queries(pool)
        self._cipher = cipher

    async def add(self, pending: PendingAuthorization) -> None:
        """Also forgets abandoned authorizations: no sweep of its own is needed."""
        started = pending.expires_at - STATE_LIFETIME
        verifier = self._cipher.encrypt(
            pending.code_verifier, _verifier_context(pending.user_id, pending.state_hash)
        )
        with translate_outages():
            await self._queries.execute("delete_expired_oauth_states", expired_before=started - KEPT_EXPIRED)
            await self._queries.execute(
                "add_oauth_state",
                state_hash=pending.state_hash,
                browser_hash=pending.browser_hash,
                user_id=pending.user_id,
                provider=pending.provider,
                code_verifier=verifier,
                replace=pending.replace,
                return_path=pending.return_path,
                expires_at=pending.expires_at,
                login_host=pending.login_host,
            )

    async def consume(self, state_hash: bytes) -> PendingAuthorization | None:
        with translate_outages():
            row = await self._queries.row("consume_oauth_state", state_hash=state_hash)
        if row is None:
            return None
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
