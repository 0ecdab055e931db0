"""Which companies a run makes of the records, and whose company a contact is linked to."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

from structlog.testing import capture_logs

from astrelo.domain.errors import AstreloError
from astrelo.domain.identifiers import Cursor, ObjectType
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.records import RecordPage
from astrelo.domain.sync import RunStatus, Window
from tests.support.builders import company, contact, owner
from tests.support.harness.scenarios import Play, small_crm
from tests.support.harness.sync import ScriptedCrm, SyncHarness, sync_harness

COMPANIES, CONTACTS, DEALS = ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS


def test_a_company_without_domain_synced_twice_makes_no_duplicate(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        await made.sync()
        assert len((await made.view()).companies) == 1

    play(ScriptedCrm(pages={COMPANIES: [[company("1")]]}), scenario)


def test_two_companies_with_one_domain_in_one_batch_are_one_company(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1", "acme.com"), company("2", "acme.com", minutes=1)]]})

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        view = await made.view()
        assert [row[:4] for row in view.companies.values()] == [("acme.com", "hubspot", "2", "Company 2")]

    play(crm, scenario)


def test_domains_swapped_between_two_companies_keep_both_ids(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1", "a.com"), company("2", "b.com")]]})

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        ids = await _company_of_record(made)
        crm.pages[COMPANIES] = [[company("1", "b.com", minutes=1), company("2", "a.com", minutes=1)]]
        await made.sync()
        assert await _company_of_record(made) == ids
        domains = await made.pool.fetch("select external_provider_id, domain from companies")
        assert dict(domains) == {"1": "b.com", "2": "a.com"}

    play(crm, scenario)


def test_contacts_of_companies_that_are_there_need_no_second_decision(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1", "acme.com"), company("2", "bolt.io")]]})

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        crm.pages[CONTACTS] = [
            [
                contact("11", "ann@acme.com"),
                contact("12", "bo@acme.com", company_id="2"),
                contact("13", "cy@bolt.io", company_id="not there"),
            ]
        ]
        with capture_logs() as logs:
            await made.sync()
        assert [entry["relinked"] for entry in logs if entry["event"] == "sync.finished"] == [0]
        matches = {key[1]: row[1] for key, row in (await made.view()).contacts.items()}
        assert matches == {"11": "email_domain", "12": "provider_id", "13": "email_domain"}

    play(crm, scenario)


def test_companies_that_fall_together_leave_an_alias_and_take_their_contacts_along(play: Play) -> None:
    crm = ScriptedCrm(
        pages={
            COMPANIES: [[company("1", "a.com"), company("2", "b.com")]],
            CONTACTS: [[contact("11", company_id="2")]],
        }
    )

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        ids = await _company_of_record(made)
        crm.pages[COMPANIES] = [[company("2", "a.com", minutes=1)]]
        await made.sync()
        aliases = await made.pool.fetch("select alias_id, company_id from company_aliases")
        assert [tuple(row) for row in aliases] == [(ids["2"], ids["1"])]
        assert await made.pool.fetchval("select company_id from contacts") == ids["1"]

    play(crm, scenario)


def test_a_record_stays_with_its_company_when_an_older_one_takes_that_over(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1", "a.com"), company("2", "b.com")]]})

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        crm.pages[COMPANIES] = [[company("1", "b.com", minutes=1), company("2", "b.com", minutes=1)]]
        await made.sync()
        assert list((await made.view()).companies) == [frozenset({("hubspot", "1"), ("hubspot", "2")})]

    play(crm, scenario)


def test_a_contact_whose_company_comes_later_is_linked_in_the_end(play: Play) -> None:
    crm = ScriptedCrm(pages={CONTACTS: [[contact("11", "ann@acme.com", company_id="1")]]})

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        assert (await made.view()).contacts["hubspot", "11"][2] == "no_company"
        crm.pages[COMPANIES] = [[company("1", "other.com"), company("2", "acme.com")]]
        await made.sync()
        link = (await made.view()).contacts["hubspot", "11"][:2]
        assert link == (frozenset({("hubspot", "1")}), "provider_id")

    play(crm, scenario)


class CountingCrm(ScriptedCrm):
    """Says beforehand how many records there are, as HubSpot does."""

    async def read(
        self,
        session: CrmSession,
        object_type: ObjectType,
        *,
        window: Window | None = None,
        cursor: Cursor | None = None,
    ) -> AsyncGenerator[RecordPage, None]:
        total = sum(len(page) for page in self.pages[object_type] if not isinstance(page, AstreloError))
        async for page in super().read(session, object_type, window=window, cursor=cursor):
            yield replace(page, expected_total=total)


def test_the_final_pass_finds_every_link_made_where_the_crm_counts(play: Play) -> None:
    """Contacts and deals that arrive first wait for the companies they may belong to."""
    others_are_there = asyncio.Event()

    async def before_page(object_type: ObjectType, place: int) -> None:
        if object_type is DEALS:
            others_are_there.set()
        elif object_type is COMPANIES:
            await others_are_there.wait()

    async def scenario(made: SyncHarness) -> None:
        with capture_logs() as logs:
            run = await made.sync()
        assert run.status is RunStatus.COMPLETED
        assert [entry["relinked"] for entry in logs if entry["event"] == "sync.finished"] == [0]
        assert await made.pool.fetchval("select count(*) from contacts where company_id is not null") == 2

    play(CountingCrm(pages=small_crm().pages, reps=[owner("7")], before_page=before_page), scenario)


def test_what_two_users_hold_never_links_across(play: Play, database: str) -> None:
    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        async with sync_harness(
            database, ScriptedCrm(pages={CONTACTS: [[contact("11", "ann@acme.com", "1")]]})
        ) as other:
            await other.sync()
            assert (await other.view()).contacts["hubspot", "11"][:3] == (None, None, "no_company")

    play(ScriptedCrm(pages={COMPANIES: [[company("1", "acme.com")]]}), scenario)


async def _company_of_record(made: SyncHarness) -> dict[str, object]:
    rows = await made.pool.fetch("select external_provider_id, company_id from crm_companies")
    return {row[0]: row[1] for row in rows}
