"""A connection, its tokens, and a CRM that renews them as a test wants."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from astrelo.application.connection_lifecycle import ConnectionChangedSubscribers
from astrelo.application.tokens.access_tokens import AccessTokens
from astrelo.domain.connection import ConnectionStatus, CrmConnection, TokenSet
from astrelo.domain.errors import CrmError, StoreUnavailable
from astrelo.domain.identifiers import Provider, UserId
from astrelo.domain.ports.crm import CrmProviders
from astrelo.domain.ports.state import StoredTokens, Transaction, UnitOfWork
from tests.support.harness.connect import ConnectHarness, connect_harness
from tests.support.harness.sync import ScriptedCrm

HUBSPOT = Provider.HUBSPOT
LIFE = 1800
MARGIN = 300


@dataclass
class RefreshingCrm(ScriptedCrm):
    """Gives access-1, access-2, …; an error or an action in `next_answers` comes first."""

    life: timedelta | None = timedelta(seconds=LIFE)
    world: ConnectHarness = field(kw_only=True)
    asked_with: list[str] = field(default_factory=list)
    next_answers: list[CrmError | Callable[[], Awaitable[object]]] = field(default_factory=list)
    used_up: set[str] = field(default_factory=set)
    """Refresh tokens that the CRM has ended, though their answer never came."""
    checked: list[str] = field(default_factory=list)
    while_checked: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)

    async def revoke(self, tokens: TokenSet) -> None:
        self.revoked.append(tokens.refresh_token)

    async def can_refresh(self, tokens: TokenSet) -> bool:
        self.checked.append(tokens.refresh_token)
        if self.while_checked:
            await self.while_checked.pop()()
        return tokens.refresh_token not in self.used_up

    async def refresh(self, tokens: TokenSet) -> TokenSet:
        self.asked_with.append(tokens.refresh_token)
        if self.next_answers:
            answer = self.next_answers.pop(0)
            if isinstance(answer, CrmError):
                raise answer
            await answer()
        number = len(self.asked_with)
        return TokenSet(
            access_token=f"access-{number}",
            refresh_token=f"refresh-{number}",
            expires_at=None if self.life is None else self.world.clock.now() + self.life,
        )


class Counting(UnitOfWork):
    """Counts transactions; can do something before the next one, or have none any more."""

    def __init__(self, inner: UnitOfWork) -> None:
        self._inner = inner
        self.opened = 0
        self.before: Callable[[], Awaitable[object]] | None = None
        self.is_out_of_reach = False

    def __call__(self, user_id: UserId) -> AbstractAsyncContextManager[Transaction]:
        return self._transaction(user_id)

    @asynccontextmanager
    async def _transaction(self, user_id: UserId) -> AsyncIterator[Transaction]:
        if self.is_out_of_reach:
            raise StoreUnavailable("ConnectionRefusedError")
        self.opened += 1
        before, self.before = self.before, None
        if before is not None:
            await before()
        async with self._inner(user_id) as tx:
            yield tx


class TokenHarness:
    """A connection whose access token has run out, and a process that wants a valid one."""

    def __init__(self, world: ConnectHarness, connection: CrmConnection, crm: RefreshingCrm) -> None:
        self.world = world
        self.connection = connection
        self.crm = crm
        self.uow = Counting(world.uow)
        self.refresh_uow = Counting(world.refresh_uow)
        self.tokens = self.process()

    def process(self) -> AccessTokens:
        """Another process's: nothing in common but the database."""
        crms = CrmProviders({HUBSPOT: self.crm})
        return AccessTokens(self.uow, self.refresh_uow, crms, self.world.connections, self.world.clock)

    async def load_tokens(self) -> StoredTokens:
        async with self.world.uow(self.world.user_id) as tx:
            return await tx.tokens.get(self.connection.id)

    async def put(self, access_token: str, life: timedelta | None) -> None:
        expires_at = None if life is None else self.world.clock.now() + life
        tokens = TokenSet(access_token=access_token, refresh_token="refresh-0", expires_at=expires_at)
        async with self.world.uow(self.world.user_id) as tx:
            await tx.tokens.put(self.connection.id, tokens)

    async def status(self) -> ConnectionStatus:
        connection = await self.world.load_connection()
        assert connection is not None
        return connection.status


@asynccontextmanager
async def token_harness(
    database: str, connection_changed: ConnectionChangedSubscribers | None = None
) -> AsyncIterator[TokenHarness]:
    """Open a harness whose tokens are 'access-0', which has run out, and 'refresh-0'."""
    async with connect_harness(database, connection_changed) as world:
        made = TokenHarness(world, await world.connect_account(), RefreshingCrm(world=world))
        await made.put("access-0", timedelta(seconds=0))
        yield made
