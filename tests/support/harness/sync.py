"""A user with a connected CRM whose pages a test scripts, and the real use cases over a real database."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

import asyncpg

from astrelo.adapters.outbound.postgres.cross_tenant import PgAppUninstalls
from astrelo.adapters.outbound.postgres.feed.reader import PgChangeFeed
from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.adapters.outbound.postgres.session.unit_of_work import PgUnitOfWork
from astrelo.adapters.outbound.token_cipher import AesGcmTokenCipher
from astrelo.application.connect.disconnect_crm import DisconnectCrm
from astrelo.application.connection_lifecycle import ConnectionChangedSubscribers, ConnectionLifecycle
from astrelo.application.sync.batches import BATCH_SIZE, LINGER_SECONDS
from astrelo.application.sync.changes import ChangeHandlers
from astrelo.application.sync.deletions import FindDeletions
from astrelo.application.sync.handlers import SyncCompanies, SyncContacts, SyncDeals
from astrelo.application.sync.record_stream import MAX_REPEATS, RecordStream
from astrelo.application.sync.refetch_records import RefetchRecords
from astrelo.application.sync.run_lifecycle import CountRecords, RunEndedSubscribers, RunLifecycle
from astrelo.application.sync.run_sync import RunSync
from astrelo.application.sync.schedule_syncs import SyncNow
from astrelo.application.sync.time_slice import StopSignal, never_stop
from astrelo.application.tokens.access_tokens import AccessTokens
from astrelo.bootstrap.crms import REGISTERED_CRMS
from astrelo.bootstrap.system import SystemRandomness
from astrelo.domain.connection import AuthorizationRequest, CrmAccount, CrmConnection, Grant, TokenSet
from astrelo.domain.errors import AstreloError
from astrelo.domain.identifiers import (
    ConnectionId,
    CrmAccountId,
    Cursor,
    ObjectType,
    Provider,
    RecordId,
    UserId,
)
from astrelo.domain.ports.crm import CrmProvider, CrmProviders, CrmSession, RecordUrls, TokensIssued
from astrelo.domain.records import CrmRecord, OwnerRecord, RecordPage, RejectedRecord
from astrelo.domain.schedule import SyncPolicy
from astrelo.domain.sync import SyncMode, SyncRun, Window
from tests.support.builders import VERSIONS, company
from tests.support.canonical import View, stored_view
from tests.support.fakes.clock import FakeClock
from tests.support.feed_consumer import FeedConsumer

Page = Sequence[CrmRecord | RejectedRecord]
PageOrError = Page | AstreloError


@dataclass
class ScriptedCrm(CrmProvider):
    """A CRM that gives exactly these pages. An error in a page's place is raised there, once."""

    pages: dict[ObjectType, list[PageOrError]] = field(default_factory=dict)
    reps: Sequence[OwnerRecord] = ()
    by_id: dict[ObjectType, Sequence[CrmRecord]] = field(default_factory=dict)
    """What reading by id finds."""
    merged: dict[RecordId, RecordId] = field(default_factory=dict)
    erased: frozenset[RecordId] = frozenset()
    before_page: Callable[[ObjectType, int], Awaitable[None]] | None = None
    """Awaited before each page is given, with the object type and the page's place."""
    name: Provider = Provider.HUBSPOT
    has_lagging_index: bool = True

    @property
    def provider(self) -> Provider:
        return self.name

    @property
    def required_scopes(self) -> frozenset[str]:
        return frozenset()

    @property
    def has_login_hosts(self) -> bool:
        return self.name is Provider.SALESFORCE

    @property
    def industry_labels(self) -> Mapping[str, str]:
        return {"COMPUTER_SOFTWARE": "Computer Software"}

    def authorization_url(self, request: AuthorizationRequest) -> str:
        raise NotImplementedError

    async def exchange(
        self,
        code: str,
        code_verifier: str,
        login_host: str | None = None,
        *,
        issued: TokensIssued | None = None,
    ) -> Grant:
        raise NotImplementedError

    async def refresh(self, tokens: TokenSet) -> TokenSet:
        return tokens

    async def fetch_expiry(self, tokens: TokenSet) -> datetime | None:
        return tokens.expires_at

    async def can_refresh(self, tokens: TokenSet) -> bool:
        return True

    async def revoke(self, tokens: TokenSet) -> None:
        return None

    @property
    def can_uninstall(self) -> bool:
        return False

    async def uninstall(self, session: CrmSession) -> None:
        raise NotImplementedError

    async def read(
        self,
        session: CrmSession,
        object_type: ObjectType,
        *,
        window: Window | None = None,
        cursor: Cursor | None = None,
    ) -> AsyncGenerator[RecordPage, None]:
        pages = self.pages.get(object_type) or [[]]
        place = int(cursor or 0)
        while place < len(pages):
            if self.before_page is not None:
                await self.before_page(object_type, place)
            page = pages[place]
            if isinstance(page, AstreloError):
                del pages[place]
                raise page
            place += 1
            yield RecordPage(
                records=[entry for entry in page if not isinstance(entry, RejectedRecord)],
                rejected=[entry for entry in page if isinstance(entry, RejectedRecord)],
                cursor=Cursor(str(place)) if place < len(pages) else None,
                are_live=not self.has_lagging_index,
            )

    async def fetch(
        self, session: CrmSession, object_type: ObjectType, ids: Sequence[RecordId]
    ) -> RecordPage:
        """Answer from `by_id`: what it does not hold is archived, or erased, or merged into what it holds."""
        known = {record.record_id: record for record in self.by_id.get(object_type, ())}
        merged = {id_: self.merged[id_] for id_ in ids if id_ in self.merged}
        found = {*(id_ for id_ in ids if id_ in known), *merged.values()}
        missing = [id_ for id_ in ids if id_ not in known and id_ not in merged]
        return RecordPage(
            records=[known[id_] for id_ in sorted(found)],
            removed_ids=[id_ for id_ in missing if id_ not in self.erased],
            erased_ids=[id_ for id_ in missing if id_ in self.erased],
            merged=merged,
            cursor=None,
        )

    async def list_owners(self, session: CrmSession) -> Sequence[OwnerRecord]:
        return self.reps


TOKENS = TokenSet(access_token="access", refresh_token="refresh", expires_at=None)


class SyncHarness:
    """One user with any number of connected CRMs: the sync use cases over a database."""

    def __init__(self, pool: asyncpg.Pool, *crms: CrmProvider) -> None:
        self.pool = pool
        self.crms = {crm.provider: crm for crm in crms}
        self.user_id = UserId(uuid4())
        self.clock = FakeClock()
        self.randomness = SystemRandomness()
        self.policy = SyncPolicy()
        self.versions = VERSIONS
        self.batch_size, self.linger_seconds = BATCH_SIZE, LINGER_SECONDS
        self.max_repeats = MAX_REPEATS
        self.run_ended = RunEndedSubscribers((CountRecords(self.clock),))
        self.connection_changed = ConnectionChangedSubscribers()
        self.uow = PgUnitOfWork(pool, AesGcmTokenCipher([("test", bytes(32))]), self.randomness)
        self.consumer = FeedConsumer(
            PgChangeFeed(
                Reads(pool), pool, RecordUrls({crm.provider: crm.record_url for crm in REGISTERED_CRMS})
            ),
            self.user_id,
            page_size=7,
        )
        """Follows the change feed after every sync."""

    async def connect(
        self, provider: Provider, tokens: TokenSet = TOKENS, account_id: str = "1"
    ) -> CrmConnection:
        """Connect it for the first time, or again."""
        account = CrmAccount(account_id=CrmAccountId(account_id), name="Test", currency="USD")
        grant, now = Grant(tokens=tokens, account=account), self.clock.now()
        async with self.uow(self.user_id) as tx:
            former = await tx.connections.lock(provider)
            connection = (
                former.reauthorize(grant, now)
                if former is not None
                else CrmConnection.establish(ConnectionId(uuid4()), self.user_id, provider, grant, now)
            )
            await tx.connections.save(connection)
            await tx.tokens.put(connection.id, tokens)
        return connection

    async def disconnect(self, provider: Provider, *, purge: bool = False) -> None:
        disconnect = DisconnectCrm(
            self.uow,
            CrmProviders(dict(self.crms)),
            self.tokens(),
            PgAppUninstalls(self.pool),
            self.lifecycle(),
            self.connections(),
            self.clock,
        )
        await disconnect(self.user_id, provider, purge=purge)

    async def request(self, provider: Provider = Provider.HUBSPOT, mode: SyncMode = SyncMode.FULL) -> SyncRun:
        return await SyncNow(self.uow, self.lifecycle())(self.user_id, provider, mode)

    def lifecycle(self) -> RunLifecycle:
        return RunLifecycle(
            self.uow,
            self.policy,
            self.clock,
            self.randomness,
            self.versions,
            self.run_ended,
            self.connections(),
        )

    def connections(self) -> ConnectionLifecycle:
        return ConnectionLifecycle(self.connection_changed)

    def tokens(self) -> AccessTokens:
        return AccessTokens(self.uow, self.uow, CrmProviders(dict(self.crms)), self.connections(), self.clock)

    def run_sync(self) -> RunSync:
        """A worker's use case; each call makes an independent one."""
        handlers = ChangeHandlers(
            SyncCompanies(self.clock, self.randomness, self.versions),
            SyncContacts(self.clock, self.randomness, self.versions),
            SyncDeals(self.clock, self.randomness, self.versions),
        )
        return RunSync(
            self.uow,
            CrmProviders(dict(self.crms)),
            self.tokens(),
            RecordStream(
                self.uow, self.clock, handlers, self.batch_size, self.linger_seconds, self.max_repeats
            ),
            RefetchRecords(self.uow, handlers),
            FindDeletions(self.uow, handlers, self.policy),
            self.lifecycle(),
            self.policy,
            self.clock,
        )

    async def sync(
        self,
        provider: Provider = Provider.HUBSPOT,
        should_stop: StopSignal = never_stop,
        mode: SyncMode = SyncMode.FULL,
    ) -> SyncRun:
        """Request a run and carry it out; return it as it ended."""
        run = await self.request(provider, mode)
        await self.run_sync()(self.user_id, run.id, should_stop)
        await self.consumer.follow()
        return await self.load_run(run)

    async def load_run(self, run: SyncRun) -> SyncRun:
        async with self.uow(self.user_id) as tx:
            return await tx.runs.get(run.id)

    async def view(self) -> View:
        async with self.pool.acquire() as connection:
            return await stored_view(connection, self.user_id)


@asynccontextmanager
async def sync_harness(database: str, *crms: ScriptedCrm) -> AsyncIterator[SyncHarness]:
    """Open a harness with scripted CRMs, all connected. In the end a consumer of the change feed has what is stored."""
    async with asyncpg.create_pool(database, min_size=1, max_size=8) as pool:
        made = SyncHarness(pool, *(crms or (ScriptedCrm(),)))
        for provider in made.crms:
            await made.connect(provider)
        yield made
        await made.consumer.follow()
        differences = await made.consumer.differences()
        assert differences == [], differences
        repeats = made.consumer.repeats
        assert repeats == [], repeats


def thousands_of_companies(thousands: int) -> list[PageOrError]:
    """Make pages that are a batch each."""
    return split_pages([company(str(number)) for number in range(thousands * 1_000)], 1_000)


def split_pages(records: Iterable[CrmRecord], size: int) -> list[PageOrError]:
    """Cut records into pages, at least one."""
    entries = list(records)
    return [entries[start : start + size] for start in range(0, len(entries), size)] or [[]]
