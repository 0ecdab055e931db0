"""Started authorizations in memory."""

from datetime import timedelta

from astrelo.domain.connection import STATE_LIFETIME, PendingAuthorization
from astrelo.domain.ports.state import OAuthStates

_KEPT_EXPIRED = timedelta(days=1)


class FakeOAuthStates(OAuthStates):
    def __init__(self) -> None:
        self._pending: dict[bytes, PendingAuthorization] = {}

    async def add(self, pending: PendingAuthorization) -> None:
        oldest = pending.expires_at - STATE_LIFETIME - _KEPT_EXPIRED
        self._pending = {key: kept for key, kept in self._pending.items() if kept.expires_at >= oldest}
        self._pending[pending.state_hash] = pending

    async def consume(self, state_hash: bytes) -> PendingAuthorization | None:
        return self._pending.pop(state_hash, None)
