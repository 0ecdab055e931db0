"""HubSpot's adapter, the use cases and the database together, over a whole dataset."""

import asyncio

from astrelo.domain.identifiers import ObjectType
from astrelo.domain.sync import RunStatus
from crm_sandbox import Dataset
from crm_sandbox.hubspot import create_sandbox
from tests.support.harness.hubspot import hubspot_harness


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
