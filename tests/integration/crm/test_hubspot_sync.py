"""HubSpot's adapter, the use cases and the database together, over whole datasets."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from astrelo.domain.identifiers import ObjectType
from astrelo.domain.sync import RunStatus
from crm_sandbox import Dataset
from crm_sandbox.hubspot import create_sandbox
from tests.support.harness.hubspot import hubspot_harness

OPEN_PORTAL = Path(__file__).parents[4] / "shared" / "data" / "portal-open.jsonl.gz"


def test_a_generated_portal_arrives_whole_and_a_second_time_unchanged(database: str) -> None:
    async def scenario() -> None:
        dataset = Dataset.generate(companies=120)
        async with hubspot_harness(database, create_sandbox(dataset, rate_limit=False)) as made:
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


@pytest.mark.skipif(not OPEN_PORTAL.exists(), reason="the open dataset is not part of the repository")
def test_the_open_portal_arrives_whole_and_linked(database: str) -> None:
    async def scenario() -> None:
        sandbox = create_sandbox(Dataset.load(OPEN_PORTAL), rate_limit=False)
        async with hubspot_harness(database, sandbox) as made:
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
