"""A session that keeps its tokens in memory and refreshes them as AccessTokens would."""

from astrelo.domain.connection import ApiAccess, CrmAccount, Grant
from astrelo.domain.ports.crm import CrmProvider, CrmSession


class FakeCrmSession(CrmSession):
    def __init__(self, provider: CrmProvider, grant: Grant) -> None:
        self._provider = provider
        self._account = grant.account
        self.tokens = grant.tokens
        self.refreshes = 0

    @property
    def account(self) -> CrmAccount:
        return self._account

    async def access(self, rejected: str | None = None) -> ApiAccess:
        if rejected == self.tokens.access_token:
            self.tokens = await self._provider.refresh(self.tokens)
            self.refreshes += 1
        return self.tokens.access


class LastingSession(CrmSession):
    """A session whose token never needs a refresh."""

    def __init__(self, account: CrmAccount, token: str = "access-token") -> None:
        self._account = account
        self._token = token

    @property
    def account(self) -> CrmAccount:
        return self._account

    async def access(self, rejected: str | None = None) -> ApiAccess:
        return ApiAccess(self._token)
