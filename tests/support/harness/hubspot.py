"""The use cases over a real database, with a user whose HubSpot account is a sandbox's."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from astrelo.adapters.outbound.hubspot.config import HubSpotConfig
from astrelo.adapters.outbound.hubspot.provider import build_hubspot
from astrelo.adapters.outbound.reference import RESERVED_NAMES, BundledReferenceData
from astrelo.domain.connection import TokenSet
from astrelo.domain.identifiers import ObjectType, Provider, RecordId
from astrelo.domain.reading_version import ReadingVersions
from astrelo.domain.records import PendingRefetch
from astrelo.domain.sync import SyncMode, SyncRun
from crm_sandbox import Association, Dataset, SandboxTransport
from crm_sandbox.hubspot import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, RecordChange, Sandbox
from tests.support.fakes.clock import FakeClock
from tests.support.harness.sync import SyncHarness

EMPTY = Dataset(name="Empty", account_id=101, records=())


@asynccontextmanager
async def hubspot_harness(
    database: str, sandbox: Sandbox, clock: FakeClock | None = None
) -> AsyncIterator[SyncHarness]:
    """A user whose HubSpot connection opens the sandbox's only account; `clock` may be the sandbox's too."""
    config = HubSpotConfig(
        client_id=DEFAULT_CLIENT_ID,
        client_secret=DEFAULT_CLIENT_SECRET,
        redirect_uri="http://localhost:8000/api/integrations/hubspot/callback",
        authorize_base="http://sandbox",
        api_base="http://sandbox",
    )
    async with asyncpg.create_pool(database, min_size=1, max_size=8) as pool:
        made = SyncHarness(pool)
        made.clock = clock or made.clock
        reference = BundledReferenceData(RESERVED_NAMES)
        made.versions = ReadingVersions(reference.edition)
        hubspot = build_hubspot(
            config,
            reference,
            made.clock,
            made.randomness,
            reads=SandboxTransport(sandbox),
            oauth=SandboxTransport(sandbox),
        )
        made.crms = {Provider.HUBSPOT: hubspot}
        portal_id = sandbox.account.portal_id
        grant = sandbox.oauth.connect(portal_id)
        tokens = TokenSet(
            access_token=str(grant["access_token"]),
            refresh_token=str(grant["refresh_token"]),
            expires_at=None,
        )
        await made.connect(Provider.HUBSPOT, tokens, str(portal_id))
        yield made


class AcmeAndBeta:
    """An account with two companies, acme.com (1) and beta.com (2): a contact and a deal at each.

    It has been synced once; time is the same for it and for us.
    """

    def __init__(self, database: str, made: SyncHarness, sandbox: Sandbox) -> None:
        self.database = database
        self.made = made
        self.sandbox = sandbox
        self.account = sandbox.account
        for company, person, deal, name in (("1", "11", "21", "acme"), ("2", "12", "22", "beta")):
            there = [Association(id=company, primary=True)]
            self.put("companies", company, {"name": name, "domain": f"{name}.com"})
            self.put("contacts", person, {"email": "ada@gmail.com"}, companies=there)
            self.put("deals", deal, {"dealname": name}, companies=there, contacts=[Association(id=person)])

    def put(
        self, object_name: str, record_id: str, properties: dict[str, str | None], **links: list[Association]
    ) -> None:
        self.account.upsert(
            RecordChange(object_name=object_name, id=record_id, properties=properties, associations=links)
        )

    async def sync(self, mode: SyncMode = SyncMode.FULL, after: float = 60) -> SyncRun:
        self.made.clock.advance(after)
        return await self.made.sync(mode=mode)

    async def sync_changes(self, how: str, *records: tuple[ObjectType, str]) -> SyncRun:
        """Sync what happened: by a full run, or by refetching these records as webhooks request it."""
        if how == "listing":
            return await self.sync()
        pending_refetches = [
            PendingRefetch(object_type, RecordId(record_id)) for object_type, record_id in records
        ]
        async with self.made.uow(self.made.user_id) as tx:
            connection = await tx.connections.get(Provider.HUBSPOT)
            assert connection is not None
            await tx.pending_refetches.add(connection.id, pending_refetches, self.made.clock.now())
        return await self.sync(SyncMode.REFETCH)

    async def live_by_id(self, table: str) -> dict[str, bool]:
        """Record ids that there are rows of, each with whether it lives."""
        rows = await self.made.pool.fetch(f"select external_provider_id, archived_at from {table}")
        return {row[0]: row[1] is None for row in rows}

    async def ids(self, table: str, key: str = "external_provider_id") -> Mapping[str, UUID]:
        rows = await self.made.pool.fetch(f"select {key}, id from {table}")
        return {row[0]: row[1] for row in rows}
