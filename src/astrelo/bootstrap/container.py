"""Which class stands behind which port, and how long each lives. The only place that knows everyone.

The API and the worker share this container: nothing here imports a web framework.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from typing import NewType

import asyncpg
import dishka
from dishka import Provider, Scope, provide
from dishka.provider import BaseProvider

from astrelo.adapters.outbound.postgres import cross_tenant
from astrelo.adapters.outbound.postgres.companies.reader import PgCompanyReader
from astrelo.adapters.outbound.postgres.connections.oauth_states import PgOAuthStates
from astrelo.adapters.outbound.postgres.connections.reader import PgIntegrationReader
from astrelo.adapters.outbound.postgres.contacts.reader import PgContactReader
from astrelo.adapters.outbound.postgres.deals.reader import PgDealReader
from astrelo.adapters.outbound.postgres.explanations.reader import PgExplanationReader
from astrelo.adapters.outbound.postgres.feed.pruning import FeedPruning
from astrelo.adapters.outbound.postgres.feed.reader import PgChangeFeed
from astrelo.adapters.outbound.postgres.icp_profiles.reader import PgIcpProfileReader
from astrelo.adapters.outbound.postgres.idempotency.repository import PgIdempotencyKeys
from astrelo.adapters.outbound.postgres.notifications import listener, present_state
from astrelo.adapters.outbound.postgres.owners.reader import PgOwnerReader
from astrelo.adapters.outbound.postgres.session.health import PgStoreHealth
from astrelo.adapters.outbound.postgres.session.pool import (
    EVENT_LIMITS,
    EXPORT_LIMITS,
    READ_LIMITS,
    REFRESH_LIMITS,
    open_pool,
)
from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.adapters.outbound.postgres.session.unit_of_work import PgUnitOfWork
from astrelo.adapters.outbound.postgres.sign_in_tickets.repository import PgSignInTickets
from astrelo.adapters.outbound.postgres.sync_runs.history import Retention, RunHistory
from astrelo.adapters.outbound.postgres.sync_runs.jobs import LostRuns
from astrelo.adapters.outbound.postgres.sync_runs.reader import PgRunReader
from astrelo.adapters.outbound.postgres.webhook_endpoints.deliveries import LostDeliveries
from astrelo.adapters.outbound.postgres.webhook_endpoints.reader import PgWebhookEndpointReader
from astrelo.adapters.outbound.reference import RESERVED_NAMES, BundledReferenceData
from astrelo.adapters.outbound.token_cipher import AesGcmTokenCipher
from astrelo.adapters.outbound.webhook_transport.transport import HttpWebhookTransport
from astrelo.application.connect.connect_crm import ConnectCrm
from astrelo.application.connect.disconnect_crm import DisconnectCrm
from astrelo.application.connect.set_icp_profile import SetIcpProfile
from astrelo.application.connect.start_authorization import StartAuthorization
from astrelo.application.connection_lifecycle import ConnectionChangedSubscribers, ConnectionLifecycle
from astrelo.application.read import readers
from astrelo.application.read.event_streams import EventStreams
from astrelo.application.read.explanations import ExplanationReader
from astrelo.application.read.feed import ChangeFeed
from astrelo.application.read.webhook_endpoints import WebhookEndpointReader
from astrelo.application.sign_in_links import SignInLinks
from astrelo.application.sync.changes import ChangeHandlers
from astrelo.application.sync.deletions import FindDeletions
from astrelo.application.sync.handlers import SyncCompanies, SyncContacts, SyncDeals
from astrelo.application.sync.pin_company import PinCompany
from astrelo.application.sync.record_stream import RecordStream
from astrelo.application.sync.refetch_records import RefetchRecords
from astrelo.application.sync.run_lifecycle import CountRecords, RunEndedSubscribers, RunLifecycle
from astrelo.application.sync.run_sync import RunSync
from astrelo.application.sync.schedule_syncs import CancelRun, ScheduleDueSyncs, SyncNow
from astrelo.application.sync.verify_sync import VerifySync
from astrelo.application.sync.webhooks import ReceiveWebhook
from astrelo.application.tokens.access_tokens import AccessTokens
from astrelo.application.webhook_endpoints import deliver, manage_endpoints, outbox, target_url
from astrelo.bootstrap.crms import REGISTERED_CRMS
from astrelo.bootstrap.database import database_url
from astrelo.bootstrap.settings import Settings
from astrelo.bootstrap.system import SystemClock, SystemRandomness
from astrelo.domain.ports.crm import ConfiguredWebhooks, CrmProviders, RecordUrls
from astrelo.domain.ports.cross_tenant import AppUninstalls, ConnectionOwners, CrmAccounts, SyncSchedule
from astrelo.domain.ports.idempotency import IdempotencyKeys
from astrelo.domain.ports.reference import ReferenceData
from astrelo.domain.ports.sign_in import SignInTickets
from astrelo.domain.ports.state import OAuthStates, RecordsChangedSubscribers, UnitOfWork
from astrelo.domain.ports.system import Clock, Randomness, TokenCipher
from astrelo.domain.ports.webhook_endpoints import WebhookTransport
from astrelo.domain.reading_version import ReadingVersions
from astrelo.domain.schedule import SyncPolicy

RefreshUnitOfWork = NewType("RefreshUnitOfWork", PgUnitOfWork)

_REFRESH_SESSIONS = 4
_EXPORT_SESSIONS = 4
_EVENT_SESSIONS = 3
"""One listens, the others read what has changed."""


class Config(Provider):
    """Values out of the settings."""

    scope = Scope.APP
    settings = dishka.from_context(provides=Settings)

    @provide
    def sync_policy(self, settings: Settings) -> SyncPolicy:
        return settings.sync

    @provide
    def webhook_targets(self, settings: Settings) -> target_url.TargetPolicy:
        return settings.webhook_targets


class Adapters(Provider):
    scope = Scope.APP

    clock = provide(SystemClock, provides=Clock)
    randomness = provide(SystemRandomness, provides=Randomness)

    @provide
    def reference(self, settings: Settings) -> ReferenceData:
        """In development names such as acme.example are a firm's own; in production they stand for none."""
        return BundledReferenceData(() if settings.is_production else RESERVED_NAMES)

    @provide
    def reading_versions(self, reference: ReferenceData) -> ReadingVersions:
        return ReadingVersions(reference.edition)

    @provide
    def cipher(self, settings: Settings) -> TokenCipher:
        return AesGcmTokenCipher(settings.encryption_keys)

    @provide
    async def pool(self, settings: Settings) -> AsyncIterator[asyncpg.Pool]:
        dsn = database_url(settings)
        async with open_pool(dsn, "astrelo", max_size=settings.database_pool_size) as pool:
            yield pool

    @provide
    async def reads(self, settings: Settings) -> AsyncIterator[Reads]:
        """Give the API's reads a pool of their own: what writes may hold its connections for minutes."""
        dsn, size = database_url(settings), settings.database_pool_size
        async with open_pool(dsn, "astrelo reads", max_size=size, limits=READ_LIMITS, reset=False) as pool:
            yield Reads(pool)

    @provide
    def unit_of_work(
        self, pool: asyncpg.Pool, cipher: TokenCipher, randomness: Randomness, events: outbox.WebhookOutbox
    ) -> UnitOfWork:
        """Add to the subscribers what has to act when records change."""
        subscribers = RecordsChangedSubscribers((events.announce_changes,))
        return PgUnitOfWork(pool, cipher, randomness, subscribers)

    @provide
    async def refresh_unit_of_work(
        self, settings: Settings, cipher: TokenCipher, randomness: Randomness
    ) -> AsyncIterator[RefreshUnitOfWork]:
        """Token refreshes wait for the CRM with a session in hand, so they have a pool of their own."""
        dsn = database_url(settings)
        async with open_pool(
            dsn, "astrelo refresh", max_size=_REFRESH_SESSIONS, limits=REFRESH_LIMITS
        ) as pool:
            yield RefreshUnitOfWork(PgUnitOfWork(pool, cipher, randomness))

    oauth_states = provide(PgOAuthStates, provides=OAuthStates)
    sign_in_tickets = provide(PgSignInTickets, provides=SignInTickets)
    idempotency_keys = provide(PgIdempotencyKeys, provides=IdempotencyKeys)
    lost_runs = provide(LostRuns)

    @provide
    def feed_pruning(self, settings: Settings, pool: asyncpg.Pool) -> FeedPruning:
        return FeedPruning(pool, timedelta(days=settings.feed_retention_days))

    @provide
    def run_history(self, settings: Settings, pool: asyncpg.Pool) -> RunHistory:
        kept = Retention(
            runs=timedelta(days=settings.run_retention_days),
            idle_runs=timedelta(days=settings.idle_run_retention_days),
        )
        return RunHistory(pool, kept)

    lost_deliveries = provide(LostDeliveries)
    crm_accounts = provide(cross_tenant.PgCrmAccounts, provides=CrmAccounts)
    app_uninstalls = provide(cross_tenant.PgAppUninstalls, provides=AppUninstalls)
    connection_owners = provide(cross_tenant.PgConnectionOwners, provides=ConnectionOwners)
    sync_schedule = provide(cross_tenant.PgSyncSchedule, provides=SyncSchedule)

    @provide
    async def webhook_transport(self, policy: target_url.TargetPolicy) -> AsyncIterator[WebhookTransport]:
        async with HttpWebhookTransport.open(policy) as transport:
            yield transport

    @provide
    async def crms(
        self, settings: Settings, reference: ReferenceData, clock: Clock, randomness: Randomness
    ) -> AsyncIterator[CrmProviders]:
        async with AsyncExitStack() as stack:
            providers = {
                crm.provider: await stack.enter_async_context(crm.open(config, reference, clock, randomness))
                for crm in REGISTERED_CRMS
                if (config := crm.config(settings)) is not None
            }
            yield CrmProviders(providers)

    @provide
    def record_urls(self) -> RecordUrls:
        return RecordUrls({crm.provider: crm.record_url for crm in REGISTERED_CRMS})

    @provide
    def webhooks(self, settings: Settings) -> ConfiguredWebhooks:
        return ConfiguredWebhooks(
            {
                crm.provider: crm.create_webhooks(config)
                for crm in REGISTERED_CRMS
                if crm.create_webhooks is not None and (config := crm.config(settings)) is not None
            }
        )


class Readers(Provider):
    """What the API reads: straight from SQL to views."""

    scope = Scope.APP

    companies = provide(PgCompanyReader, provides=readers.CompanyReader)
    contacts = provide(PgContactReader, provides=readers.ContactReader)
    deals = provide(PgDealReader, provides=readers.DealReader)
    explanations = provide(PgExplanationReader, provides=ExplanationReader)
    owners = provide(PgOwnerReader, provides=readers.OwnerReader)
    icp_profiles = provide(PgIcpProfileReader, provides=readers.IcpProfileReader)
    runs = provide(PgRunReader, provides=readers.RunReader)
    integrations = provide(PgIntegrationReader, provides=readers.IntegrationReader)

    @provide
    async def changes(
        self, settings: Settings, reads: Reads, record_urls: RecordUrls
    ) -> AsyncIterator[ChangeFeed]:
        """Give exports a pool of their own: each keeps a connection for as long as its client takes."""
        dsn = database_url(settings)
        async with open_pool(dsn, "astrelo export", max_size=_EXPORT_SESSIONS, limits=EXPORT_LIMITS) as pool:
            yield PgChangeFeed(reads, pool, record_urls)

    webhook_endpoints = provide(PgWebhookEndpointReader, provides=WebhookEndpointReader)
    health = provide(PgStoreHealth, provides=readers.StoreHealth)

    @provide
    async def event_streams(self, settings: Settings, clock: Clock) -> AsyncIterator[EventStreams]:
        """Have sessions of their own: many open streams take none from requests."""
        dsn = database_url(settings)
        async with open_pool(dsn, "astrelo events", max_size=_EVENT_SESSIONS, limits=EVENT_LIMITS) as pool:
            streams = EventStreams(present_state.PgPresentStateReader(Reads(pool)), clock)
            listening = asyncio.create_task(
                listener.NotificationListener(pool, clock, streams.notify, streams.notify_all).run()
            )
            yield streams
            streams.end_all()
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening


class UseCases(Provider):
    scope = Scope.APP

    @provide
    async def access_tokens(
        self,
        uow: UnitOfWork,
        refresh_uow: RefreshUnitOfWork,
        crms: CrmProviders,
        connections: ConnectionLifecycle,
        clock: Clock,
    ) -> AsyncIterator[AccessTokens]:
        """Make them; before the pools they need are closed, new tokens on their way are stored."""
        tokens = AccessTokens(uow, refresh_uow, crms, connections, clock)
        yield tokens
        await tokens.close()

    sign_in_links = provide(SignInLinks)
    start_authorization = provide(StartAuthorization)
    connect_crm = provide(ConnectCrm)
    disconnect_crm = provide(DisconnectCrm)
    receive_webhook = provide(ReceiveWebhook)

    webhook_outbox = provide(outbox.WebhookOutbox)
    deliver_webhook = provide(deliver.DeliverWebhook)
    manage_webhook_endpoints = provide(manage_endpoints.ManageWebhookEndpoints)

    @provide
    def run_ended_subscribers(self, clock: Clock, events: outbox.WebhookOutbox) -> RunEndedSubscribers:
        """Add what has to act when a run ends."""
        return RunEndedSubscribers((CountRecords(clock), events.on_run_ended))

    @provide
    def connection_changed_subscribers(self, events: outbox.WebhookOutbox) -> ConnectionChangedSubscribers:
        """Add what has to act when a connection changes."""
        return ConnectionChangedSubscribers((events.on_connection_changed,))

    connection_lifecycle = provide(ConnectionLifecycle)
    run_lifecycle = provide(RunLifecycle)
    sync_now = provide(SyncNow)
    schedule_due_syncs = provide(ScheduleDueSyncs)
    cancel_run = provide(CancelRun)
    set_icp_profile = provide(SetIcpProfile)
    pin_company = provide(PinCompany)
    sync_companies = provide(SyncCompanies)
    sync_contacts = provide(SyncContacts)
    sync_deals = provide(SyncDeals)

    @provide
    def change_handlers(
        self, companies: SyncCompanies, contacts: SyncContacts, deals: SyncDeals
    ) -> ChangeHandlers:
        return ChangeHandlers(companies, contacts, deals)

    @provide
    def record_stream(self, uow: UnitOfWork, clock: Clock, handlers: ChangeHandlers) -> RecordStream:
        return RecordStream(uow, clock, handlers)

    refetch_records = provide(RefetchRecords)
    find_deletions = provide(FindDeletions)
    run_sync = provide(RunSync)
    verify_sync = provide(VerifySync)


def create_container(settings: Settings, *overrides: BaseProvider) -> dishka.AsyncContainer:
    """Wire everything up; nothing is opened until it is asked for, and `close` closes what was.

    `overrides` replace single parts: their factories are marked `@provide(override=True)`.
    """
    return dishka.make_async_container(
        Config(),
        Adapters(),
        Readers(),
        UseCases(),
        *overrides,
        context={Settings: settings},
        validation_settings=dishka.STRICT_VALIDATION,
    )
