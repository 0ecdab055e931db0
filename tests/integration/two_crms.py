"""A user with both CRMs, each told in full by a test: what it lists is what it holds."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.records import CompanyRecord, ContactRecord, CrmRecord, DealRecord, OwnerRecord
from tests.canonical import Told, View, expected_view_of
from tests.integration.sync_world import ScriptedCrm, World, paged, world

HUBSPOT, SALESFORCE = Provider.HUBSPOT, Provider.SALESFORCE


class TwoCrms:
    """Both CRMs of one user, and the world in which they are synced."""

    def __init__(self) -> None:
        self.crms = {name: ScriptedCrm(name=name) for name in (HUBSPOT, SALESFORCE)}
        self.told = {name: Told(name) for name in self.crms}

    def tell(
        self,
        source: Provider,
        companies: Sequence[CompanyRecord] = (),
        contacts: Sequence[ContactRecord] = (),
        deals: Sequence[DealRecord] = (),
        *,
        reps: Sequence[OwnerRecord] = (),
        page_size: int = 1_000,
    ) -> None:
        """Make these all that a CRM holds."""
        crm = self.crms[source]
        told: tuple[Sequence[CrmRecord], ...] = companies, contacts, deals
        kinds = dict(zip(ObjectType, told, strict=True))
        crm.by_id = kinds
        crm.pages = {kind: paged(records, page_size) for kind, records in kinds.items()}
        crm.reps = reps
        self.told[source] = Told(source, companies, contacts, deals)

    def expected(self, *only: Provider) -> View:
        """Make the view of what these CRMs hold, both unless told otherwise."""
        return expected_view_of([self.told[source] for source in only or self.crms])


Scenario = Callable[[World], Awaitable[None]]


def play(database: str, both: TwoCrms, scenario: Scenario) -> None:
    async def once() -> None:
        async with world(database, *both.crms.values()) as made:
            await scenario(made)

    asyncio.run(once())
