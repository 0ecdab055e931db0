"""What the integration tests share."""

import asyncio

import pytest

from tests.support.harness.scenarios import Play, Scenario
from tests.support.harness.sync import ScriptedCrm, sync_harness


@pytest.fixture
def play(database: str) -> Play:
    """Give what plays a scenario in a world of its own, connected to the CRM it is given."""

    def run(crm: ScriptedCrm, scenario: Scenario) -> None:
        async def once() -> None:
            async with sync_harness(database, crm) as made:
                await scenario(made)

        asyncio.run(once())

    return run
