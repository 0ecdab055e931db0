"""HubSpot's adapter, the use cases and the database together, over whole portals."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from astrelo.adapters.outbound.hubspot.config import HubSpotConfig
from astrelo.adapters.outbound.hubspot.provider import build_hubspot
from astrelo.adapters.outbound.reference import RESERVED_NAMES, BundledReferenceData
from astrelo.domain.connection import TokenSet
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.reading_version import ReadingVersions
from astrelo.domain.sync import RunStatus
from crm_sandbox import Portal, SandboxTransport
from crm_sandbox.hubspot import DEVELOPMENT_CLIENT_ID, DEVELOPMENT_CLIENT_SECRET, Sandbox, create_sandbox
from tests.support.fakes.clock import FakeClock
from tests.support.harness.sync import World

OPEN_PORTAL = Path(__file__).parents[4] / "shared" / "data" / "portal-open.jsonl.gz"


@asynccontextmanager
async def hubspot_world(
    database: str, sandbox: Sandbox, clock: FakeClock | None = None
) -> AsyncIterator[World]:
    """A user whose HubSpot connection opens the sandbox's only account; `clock` may be the sandbox's too."""
    config = HubSpotConfig(
        client_id=DEVELOPMENT_CLIENT_ID,
        client_secret=DEVELOPMENT_CLIENT_SECRET,
        redirect_uri="http://localhost:8000/api/integrations/hubspot/callback",
        authorize_base="http://sandbox",
        api_base="http://sandbox",
    )
    async with asyncpg.create_pool(database, min_size=1, max_size=8) as pool:
        made = World(pool)
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
        told = sandbox.oauth.connect(portal_id)
        tokens = TokenSet(
            access_token=str(told["access_token"]), refresh_token=str(told["refresh_token"]), expires_at=None
        )
        await made.connect(Provider.HUBSPOT, tokens, str(portal_id))
        yield made


def test_a_generated_portal_arrives_whole_and_a_second_time_unchanged(database: str) -> None:
    async def scenario() -> None:
        portal = Portal.generate(companies=120)
        async with hubspot_world(database, create_sandbox(portal, rate_limit=False)) as made:
            run = await made.sync()
            assert run.status is RunStatus.COMPLETED
            assert all(step.is_reconciled for step in run.steps)
            assert all(step.expected_total == step.counts.distinct for step in run.steps)
            assert run.step(ObjectType.COMPANIES).counts.inserted == 120
            before = await made.view()
            again = await made.sync()
            assert all(step.counts.unchanged == step.counts.received for step in again.steps)
            assert await made.view() == before

    asyncio.run(scenario())


@pytest.mark.skipif(not OPEN_PORTAL.exists(), reason="the open portal is not part of the repository")
def test_the_open_portal_arrives_whole_and_linked(database: str) -> None:
    async def scenario() -> None:
        sandbox = create_sandbox(Portal.load(OPEN_PORTAL), rate_limit=False)
        async with hubspot_world(database, sandbox) as made:
            run = await made.sync()
            assert run.status is RunStatus.COMPLETED
            assert {step.object_type: step.counts.inserted for step in run.steps} == {
                ObjectType.COMPANIES: 10_089,
                ObjectType.CONTACTS: 21_761,
                ObjectType.DEALS: 6_087,
            }
            view = await made.view()
            # One at twitter.com is not linked by its address: firms give their page there as their own site.
            links = Counter(match or reason for _, match, reason, *_ in view.contacts.values())
            unreadable = links.pop("no_email") + links.pop("invalid_email")
            assert (links, unreadable) == (
                {"provider_id": 16_390, "email_domain": 4_626, "free_mail": 453, "no_company": 4},
                288,
            )
            assert len(view.companies) == 9_797

    asyncio.run(scenario())
