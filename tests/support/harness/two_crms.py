"""A user with both CRMs, each with exactly the records that a test gives it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.records import CompanyRecord, ContactRecord, CrmRecord, DealRecord, OwnerRecord
from astrelo.domain.sync import RunStatus
from tests.support.builders import company, contact, deal, owner
from tests.support.canonical import SourceRecords, View, expected_view_of
from tests.support.harness.sync import ScriptedCrm, SyncHarness, split_pages, sync_harness

HUBSPOT, SALESFORCE = Provider.HUBSPOT, Provider.SALESFORCE
BOTH = (HUBSPOT, SALESFORCE)


class TwoCrms:
    """Both CRMs of one user, and the world in which they are synced."""

    def __init__(self) -> None:
        self.crms = {name: ScriptedCrm(name=name) for name in BOTH}
        self.records = {name: SourceRecords(name) for name in self.crms}

    def set_records(
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
        contents: tuple[Sequence[CrmRecord], ...] = companies, contacts, deals
        kinds = dict(zip(ObjectType, contents, strict=True))
        crm.by_id = kinds
        crm.pages = {kind: split_pages(records, page_size) for kind, records in kinds.items()}
        crm.reps = reps
        self.records[source] = SourceRecords(
            source, companies, contacts, deals, [rep.record_id for rep in reps]
        )

    def expected(self, *only: Provider) -> View:
        """Make the view of what these CRMs hold, both by default."""
        return expected_view_of([self.records[source] for source in only or self.crms])


Scenario = Callable[[SyncHarness], Awaitable[None]]


def play(database: str, both: TwoCrms, scenario: Scenario) -> None:
    async def once() -> None:
        async with sync_harness(database, *both.crms.values()) as made:
            await scenario(made)

    asyncio.run(once())


def acme_in_both() -> TwoCrms:
    """Acme is record 1 of both CRMs and has the same name of ids everywhere; each CRM has a firm of its own."""
    both = TwoCrms()
    both.set_records(
        HUBSPOT,
        [company("1", "acme.com", 5, owner_id="7"), company("2", "hub.com", owner_id="7")],
        [contact("11", "ann@acme.com", "1"), contact("12", "bo@sales.com"), contact("13", "cy@hub.com", "2")],
        [deal("21", "1", ("11", "12")), deal("22", "2", ("13",))],
        reps=[owner("7")],
    )
    both.set_records(
        SALESFORCE,
        [company("1", "acme.com", 4, owner_id="7"), company("2", "sales.com", owner_id="8")],
        [contact("11", "di@sales.com", "2"), contact("12", "ed@acme.com"), contact("13", "flo@hub.com")],
        [deal("21", "2", ("11",)), deal("22", "1", ("12", "13"))],
        reps=[owner("7"), owner("8")],
    )
    return both


async def sync_both(made: SyncHarness, *order: Provider) -> None:
    for source in order or BOTH:
        run = await made.sync(source)
        assert run.status is RunStatus.COMPLETED
        assert all(step.is_reconciled for step in run.steps)


async def ids_of(made: SyncHarness) -> Mapping[tuple[str, str], UUID]:
    """Give the company of every record, archived ones too."""
    rows = await made.pool.fetch(
        "select external_source, external_provider_id, company_id from crm_companies where user_id = $1",
        made.user_id,
    )
    return {(row[0], row[1]): row[2] for row in rows}


async def reps_of(made: SyncHarness, table: str) -> Mapping[tuple[str, str], tuple[str, str] | None]:
    """Give the rep of every live row, both by source and id at the CRM."""
    rows = await made.pool.fetch(
        f"""select held.external_source, held.external_provider_id, rep.external_source,
                   rep.external_provider_id
            from {table} held
            left join crm_owners rep on rep.user_id = held.user_id and rep.id = held.crm_rep_id
            where held.user_id = $1 and held.archived_at is null""",
        made.user_id,
    )
    return {(row[0], row[1]): (row[2], row[3]) if row[2] else None for row in rows}


async def rows_of(made: SyncHarness, source: Provider) -> Mapping[str, Any]:
    """Count what is stored of a source, archived rows too."""
    tables = ("crm_companies", "companies", "contacts", "deals", "crm_owners")
    return {
        table: await made.pool.fetchval(
            f"select count(*) from {table} where user_id = $1 and external_source = $2", made.user_id, source
        )
        for table in tables
    }
