"""A CRM that gives tokens, and then does what a test wants."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from astrelo.domain.connection import CrmAccount, Grant, TokenSet
from astrelo.domain.identifiers import CrmAccountId
from astrelo.domain.ports.crm import TokensIssued
from tests.support.harness.sync import ScriptedCrm


@dataclass
class GrantingCrm(ScriptedCrm):
    """Gives the same tokens to everyone, for the account that `oauth_world` connects."""

    refresh_token: str = "given"
    then: Callable[[], object] = lambda: None
    revoked: list[str] = field(default_factory=list)
    never_revokes: bool = False

    async def exchange(
        self,
        code: str,
        code_verifier: str,
        login_host: str | None = None,
        *,
        issued: TokensIssued | None = None,
    ) -> Grant:
        tokens = TokenSet(access_token="a", refresh_token=self.refresh_token, expires_at=None)
        assert issued is not None
        issued(tokens)
        self.then()
        return Grant(tokens=tokens, account=CrmAccount(account_id=CrmAccountId("101"), name="Acme"))

    async def revoke(self, tokens: TokenSet) -> None:
        if self.never_revokes:
            await asyncio.Event().wait()
        self.revoked.append(tokens.refresh_token)
