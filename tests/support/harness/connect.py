"""A user, two HubSpot accounts in a sandbox, and the connect use cases over a real database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import asyncpg
import httpx
import pytest

from astrelo.adapters.outbound.hubspot.config import HubSpotConfig
from astrelo.adapters.outbound.hubspot.provider import HubSpotProvider, build_hubspot
from astrelo.adapters.outbound.postgres.connections.oauth_states import PgOAuthStates
from astrelo.adapters.outbound.postgres.cross_tenant import PgAppUninstalls
from astrelo.adapters.outbound.postgres.session.pool import REFRESH_LIMITS, open_pool
from astrelo.adapters.outbound.postgres.session.unit_of_work import PgUnitOfWork
from astrelo.adapters.outbound.reference import RESERVED_NAMES, BundledReferenceData
from astrelo.adapters.outbound.token_cipher import AesGcmTokenCipher
from astrelo.application.connect.connect_crm import ConnectCrm, Connected
from astrelo.application.connect.disconnect_crm import DisconnectCrm
from astrelo.application.connect.start_authorization import AuthorizationStarted, StartAuthorization
from astrelo.application.connection_lifecycle import ConnectionChangedSubscribers, ConnectionLifecycle
from astrelo.application.sync.changes import ChangeHandlers
from astrelo.application.sync.deletions import FindDeletions
from astrelo.application.sync.handlers import SyncCompanies, SyncContacts, SyncDeals
from astrelo.application.sync.record_stream import RecordStream
from astrelo.application.sync.refetch_records import RefetchRecords
from astrelo.application.sync.run_lifecycle import RunEndedSubscribers, RunLifecycle
from astrelo.application.sync.run_sync import RunSync
from astrelo.application.tokens.access_tokens import AccessTokens
from astrelo.domain.connection import CrmConnection
from astrelo.domain.errors import AuthorizationFailed
from astrelo.domain.identifiers import ObjectType, Provider, UserId
from astrelo.domain.ports.crm import CrmProvider, CrmProviders
from astrelo.domain.ports.state import UnitOfWork
from astrelo.domain.schedule import SyncPolicy
from astrelo.domain.sync import SyncRun
from crm_sandbox import Dataset, SandboxTransport
from crm_sandbox.hubspot import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Sandbox, create_sandbox
from tests.support.builders import VERSIONS, company, contact, deal, owner
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.randomness import FakeRandomness
from tests.support.harness.sync import ScriptedCrm

REDIRECT_URI = "http://127.0.0.1:8000/api/integrations/hubspot/callback"
CIPHER = AesGcmTokenCipher([("test", bytes(32))])
DATASET = Dataset(name="Acme", account_id=101, records=())
OTHER_DATASET = Dataset(name="Other", account_id=202, records=())
POLICY = SyncPolicy()
TABLES = ("crm_connections", "crm_tokens", "icp_profiles", "sync_runs", "pgqueuer")
"""What a connect leaves one row in each of."""


@dataclass(frozen=True)
class Callback:
    """What the CRM's redirect brings, and the cookie that the browser adds."""

    state: str | None
    browser_token: str | None
    code: str | None = None
    error: str | None = None
    session_user: UserId | None = None


class ConnectHarness:
    """The connect use cases, and the browser and the CRM on the other side of the flow."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        refresh_pool: asyncpg.Pool,
        sandbox: Sandbox,
        clock: FakeClock,
        connection_changed: ConnectionChangedSubscribers,
    ) -> None:
        self.pool = pool
        self.sandbox = sandbox
        self.clock = clock
        self.user_id = UserId(uuid4())
        self.randomness = FakeRandomness()
        self.uow: UnitOfWork = PgUnitOfWork(pool, CIPHER, self.randomness)
        self.refresh_uow = PgUnitOfWork(refresh_pool, CIPHER, self.randomness)
        self.connections = ConnectionLifecycle(connection_changed)
        self.hubspot = self._hubspot()
        self.offer(self.hubspot)

    def offer(self, *crms: CrmProvider) -> None:
        """Make the use cases anew, over these CRMs: what a restarted process has."""
        providers = CrmProviders({crm.provider: crm for crm in crms})
        states = PgOAuthStates(self.pool, CIPHER)
        self.lifecycle = RunLifecycle(
            self.uow,
            POLICY,
            self.clock,
            self.randomness,
            VERSIONS,
            RunEndedSubscribers(),
            self.connections,
        )
        self.tokens = AccessTokens(self.uow, self.refresh_uow, providers, self.connections, self.clock)
        self.start = StartAuthorization(self.uow, states, providers, self.tokens, self.clock, self.randomness)
        self.connect = ConnectCrm(
            self.uow,
            states,
            providers,
            self.tokens,
            self.lifecycle,
            self.connections,
            self.clock,
            self.randomness,
        )
        self.disconnect = DisconnectCrm(
            self.uow,
            providers,
            self.tokens,
            PgAppUninstalls(self.pool),
            self.lifecycle,
            self.connections,
            self.clock,
        )

    def _hubspot(self) -> HubSpotProvider:
        config = HubSpotConfig(
            client_id=DEFAULT_CLIENT_ID,
            client_secret=DEFAULT_CLIENT_SECRET,
            redirect_uri=REDIRECT_URI,
            authorize_base="http://sandbox",
            api_base="http://sandbox",
        )
        transport = SandboxTransport(self.sandbox)
        return build_hubspot(
            config, _reference(), self.clock, self.randomness, reads=transport, oauth=transport
        )

    async def begin(self, *, force: bool = True, replace: bool = False) -> AuthorizationStarted:
        started = await self.start(self.user_id, Provider.HUBSPOT, force=force, replace=replace)
        assert isinstance(started, AuthorizationStarted)
        return started

    async def consent(
        self, started: AuthorizationStarted, dataset: Dataset = DATASET, decision: str = "allow"
    ) -> Callback:
        """Decide on the CRM's consent page, as the browser that began the flow."""
        form = urlencode({"decision": decision, "portal_id": dataset.account_id})
        async with httpx.AsyncClient(transport=SandboxTransport(self.sandbox)) as browser:
            answer = await browser.post(started.authorize_url, content=form)
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        code, error = (query.get(name, [None])[0] for name in ("code", "error"))
        return Callback(query["state"][0], started.browser_token, code, error)

    def permit(self, started: AuthorizationStarted, *scopes: str) -> Callback:
        """Consent to less than was asked for, which HubSpot's own page would not offer."""
        asked = parse_qs(urlsplit(started.authorize_url).query)
        challenge = asked["code_challenge"][0]
        code = self.sandbox.oauth.issue_code(DATASET.account_id, REDIRECT_URI, scopes, challenge)
        return Callback(asked["state"][0], started.browser_token, code)

    async def finish(self, callback: Callback, provider: Provider = Provider.HUBSPOT) -> Connected:
        return await self.connect(
            provider,
            state=callback.state,
            browser_token=callback.browser_token,
            code=callback.code,
            error=callback.error,
            session_user=callback.session_user,
        )

    async def connect_account(self, dataset: Dataset = DATASET, *, replace: bool = False) -> CrmConnection:
        """Connect the account: the whole authorization flow."""
        started = await self.begin(replace=replace)
        return (await self.finish(await self.consent(started, dataset))).connection

    async def sync_some_records(self) -> None:
        """Carry out the run that waits: a company, its contact, their deal and its owner arrive."""
        crm = ScriptedCrm(
            pages={
                ObjectType.COMPANIES: [[company("1", "acme.com")]],
                ObjectType.CONTACTS: [[contact("1", "jo@acme.com", "1")]],
                ObjectType.DEALS: [[deal("1", "1", ("1",))]],
            },
            reps=[owner("1")],
        )
        await self.sync_from(crm)

    async def sync_from(self, crm: CrmProvider) -> None:
        """Carry out the run that waits."""
        handlers = ChangeHandlers(
            SyncCompanies(self.clock, self.randomness, VERSIONS),
            SyncContacts(self.clock, self.randomness, VERSIONS),
            SyncDeals(self.clock, self.randomness, VERSIONS),
        )
        run_sync = RunSync(
            self.uow,
            CrmProviders({crm.provider: crm}),
            self.tokens,
            RecordStream(self.uow, self.clock, handlers),
            RefetchRecords(self.uow, handlers),
            FindDeletions(self.uow, handlers, POLICY),
            self.lifecycle,
            POLICY,
            self.clock,
        )
        run_id = await self.pool.fetchval("select id from sync_runs where status = 'queued'")
        await run_sync(self.user_id, run_id)

    async def counts(self) -> dict[str, int]:
        return {table: await self.pool.fetchval(f"select count(*) from {table}") for table in TABLES}

    async def assert_refused(
        self, callback: Callback, provider: Provider = Provider.HUBSPOT
    ) -> AuthorizationFailed:
        """Finish a flow that must fail, and check that it leaves nothing behind."""
        before = await self.counts(), await self.load_connection()
        with pytest.raises(AuthorizationFailed) as raised:
            await self.finish(callback, provider)
        assert (await self.counts(), await self.load_connection()) == before
        return raised.value

    async def latest_run(self, connection: CrmConnection) -> SyncRun:
        async with self.uow(self.user_id) as tx:
            run = await tx.runs.get_latest(connection.id)
        assert run is not None
        return run

    async def claim_run(self, connection: CrmConnection) -> SyncRun:
        """Begin the connection's run, as a worker does."""
        run = (await self.latest_run(connection)).claim(self.clock.now())
        async with self.uow(self.user_id) as tx:
            await tx.runs.save(run)
        return run

    def living_grants(self) -> list[int]:
        """Return the account of every grant whose refresh token HubSpot still takes."""
        return [grant.portal_id for grant in self.sandbox.oauth.grants if not (grant.revoked or grant.ended)]

    async def end_refresh_sessions(self) -> None:
        await self.pool.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where application_name = 'refresh' and datname = current_database()"
        )

    async def wait_for_a_blocked_session(self) -> None:
        waiting = (
            "select count(*) from pg_stat_activity"
            " where datname = current_database() and wait_event_type = 'Lock'"
        )
        while not await self.pool.fetchval(waiting):
            pass

    async def load_connection(self) -> CrmConnection | None:
        async with self.uow(self.user_id) as tx:
            return await tx.connections.get(Provider.HUBSPOT)


@cache
def _reference() -> BundledReferenceData:
    """Make it once: that takes longer than a test."""
    return BundledReferenceData(RESERVED_NAMES)


@asynccontextmanager
async def connect_harness(
    database: str, connection_changed: ConnectionChangedSubscribers | None = None
) -> AsyncIterator[ConnectHarness]:
    """Open a harness in which nothing is connected."""
    clock = FakeClock()
    sandbox = create_sandbox(DATASET, OTHER_DATASET, clock=lambda: clock.now().timestamp())
    async with (
        open_pool(database, "work", max_size=6) as pool,
        open_pool(database, "refresh", max_size=4, limits=REFRESH_LIMITS) as refresh_pool,
    ):
        subscribers = connection_changed or ConnectionChangedSubscribers()
        yield ConnectHarness(pool, refresh_pool, sandbox, clock, subscribers)
