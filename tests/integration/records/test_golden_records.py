"""One golden record of several CRM records: pins, reps, additional domains, and a change of the rules of reading."""

import asyncio
from datetime import datetime
from decimal import Decimal
from uuid import uuid4

import pytest

from astrelo.application.sync.pin_company import PinCompany
from astrelo.domain.company import RecordKey
from astrelo.domain.errors import NotFound
from astrelo.domain.golden_record import FieldGroup
from astrelo.domain.identifiers import RecordId, UserId
from astrelo.domain.reading_version import ReadingVersions
from astrelo.domain.records import CompanyRecord
from astrelo.domain.sync import RunStatus, SyncMode
from tests.support.builders import company, contact, owner
from tests.support.canonical import SourceRecords, expected_view_of
from tests.support.harness.scenarios import COMPANIES, CONTACTS, HUBSPOT, runs_of
from tests.support.harness.sync import ScriptedCrm, SyncHarness, sync_harness

FULL = company(
    "1",
    "acme.com",
    minutes=0,
    name="Acme Inc.",
    industry="Software",
    naics="5112",
    employee_count=900,
    hq_country="US",
    annual_revenue=Decimal(300_000_000),
    revenue_range="250M-1B",
    owner_id="7",
)
TOUCHED = company("2", "acme.com", minutes=5, name="acme", owner_id="404")


def key(record_id: str) -> RecordKey:
    return RecordKey(HUBSPOT, RecordId(record_id))


async def report(made: SyncHarness, crm: ScriptedCrm, *records: CompanyRecord) -> None:
    crm.pages = {COMPANIES: [list(records)]}
    assert (await made.sync()).status is RunStatus.COMPLETED


async def pin(made: SyncHarness, record_id: str | None, group: FieldGroup = FieldGroup.NAME) -> None:
    company_id = await made.pool.fetchval("select id from companies where archived_at is null limit 1")
    await PinCompany(made.uow, made.clock)(
        made.user_id, company_id, group, key(record_id) if record_id else None
    )
    made.clock.advance(1)


async def names(made: SyncHarness) -> list[str]:
    rows = await made.pool.fetch(
        "select company_name from companies where archived_at is null order by company_name"
    )
    return [name for (name,) in rows]


def test_touching_a_nearly_empty_duplicate_loses_nothing(database: str) -> None:
    async def scenario() -> None:
        crm = ScriptedCrm(reps=[owner("7")])
        async with sync_harness(database, crm) as made:
            await report(made, crm, FULL, TOUCHED)
            row = await made.pool.fetchrow(
                """select company_name, industry, naics, employee_count, hq_country, revenue_range,
                          external_provider_id, crm_rep_id is not null as has_rep
                   from companies"""
            )
            assert tuple(row) == ("acme", "Software", "5112", 900, "US", "250M-1B", "2", True)

    asyncio.run(scenario())


def test_a_pin_stays_through_syncs_and_ends_when_it_is_undone(database: str) -> None:
    async def scenario() -> None:
        crm = ScriptedCrm()
        async with sync_harness(database, crm) as made:
            await report(made, crm, FULL, TOUCHED)
            await pin(made, "1")
            assert await names(made) == ["Acme Inc."]
            fresher = TOUCHED._replace(source_updated_at=made.clock.now(), name="ACME")
            await report(made, crm, FULL, fresher)
            assert await names(made) == ["Acme Inc."]
            expected = expected_view_of(
                [SourceRecords(HUBSPOT, [FULL, fresher])], [(key("1"), FieldGroup.NAME)]
            )
            assert await made.view() == expected
            await pin(made, None)
            assert await names(made) == ["ACME"]

    asyncio.run(scenario())


def test_a_pin_goes_where_its_record_goes_and_of_two_that_meet_the_latest_stands(database: str) -> None:
    async def scenario() -> None:
        crm = ScriptedCrm()
        async with sync_harness(database, crm) as made:
            apart = company("3", "bolt.io", minutes=9, name="Bolt")
            await report(made, crm, FULL, TOUCHED, apart)
            for company_id, record_id in await made.pool.fetch(
                "select company_id, external_provider_id from crm_companies where external_provider_id <> '2'"
                " order by external_provider_id"
            ):
                await PinCompany(made.uow, made.clock)(
                    made.user_id, company_id, FieldGroup.NAME, key(record_id)
                )
                made.clock.advance(1)
            await report(
                made, crm, FULL, TOUCHED, apart._replace(domain="acme.com", identity_domain="acme.com")
            )
            assert await names(made) == ["Bolt"]

    asyncio.run(scenario())


def test_a_pin_follows_its_record_when_the_crm_merges_it(database: str) -> None:
    async def scenario() -> None:
        crm = ScriptedCrm()
        async with sync_harness(database, crm) as made:
            third = company("3", "acme.com", minutes=9, name="Third")
            await report(made, crm, FULL, TOUCHED, third)
            await pin(made, "1")
            crm.merged = {RecordId("1"): RecordId("2")}
            crm.by_id = {COMPANIES: [TOUCHED, third]}
            await report(made, crm, TOUCHED, third)
            assert await names(made) == ["acme"]
            assert [tuple(row) for row in await made.pool.fetch(
                "select external_provider_id, field_group from company_pins")] == [("2", "name")]  # fmt: skip

    asyncio.run(scenario())


@pytest.mark.parametrize("record_id", ["3", "404", "5"])
def test_only_a_live_record_of_the_company_can_be_pinned(database: str, record_id: str) -> None:
    async def scenario() -> None:
        crm = ScriptedCrm()
        async with sync_harness(database, crm) as made:
            await report(made, crm, FULL, company("5", "acme.com"), company("3", "bolt.io", minutes=9))
            crm.by_id = {COMPANIES: []}
            await report(made, crm, FULL, company("3", "bolt.io", minutes=9))
            company_id = await made.pool.fetchval("select id from companies where domain = 'acme.com'")
            with pytest.raises(NotFound):
                await PinCompany(made.uow, made.clock)(
                    made.user_id, company_id, FieldGroup.NAME, key(record_id)
                )

    asyncio.run(scenario())


@pytest.mark.parametrize("whose", [None, UserId(uuid4())])
def test_nobody_pins_anything_of_an_unknown_company_or_of_another_user(
    database: str, whose: UserId | None
) -> None:
    async def scenario() -> None:
        crm = ScriptedCrm()
        async with sync_harness(database, crm) as made:
            await report(made, crm, FULL)
            company_id = uuid4() if whose is None else await made.pool.fetchval("select id from companies")
            with pytest.raises(NotFound):
                await PinCompany(made.uow, made.clock)(
                    whose or made.user_id, company_id, FieldGroup.NAME, key("1")
                )
            assert await made.pool.fetchval("select count(*) from company_pins") == 0

    asyncio.run(scenario())


def test_additional_domains_lead_contacts_to_a_firm_and_merge_none(database: str) -> None:
    """A firm's own domain comes before another's additional one, and one that several firms name finds none."""

    async def scenario() -> None:
        crm = ScriptedCrm()
        async with sync_harness(database, crm) as made:
            crm.pages = {
                COMPANIES: [
                    [
                        company("1", "acme.com", additional_domains=("acme.de", "bolt.io", "both.com")),
                        company("2", "bolt.io", additional_domains=("both.com",)),
                    ]
                ],
                CONTACTS: [
                    [
                        contact("11", "a@acme.de"),
                        contact("12", "b@bolt.io"),
                        contact("13", "c@both.com"),
                        contact("14", None, additional_email_domains=("nowhere.com", "acme.de")),
                    ]
                ],
            }
            assert (await made.sync()).status is RunStatus.COMPLETED
            found = await made.pool.fetch(
                """select contact.external_provider_id, company.domain, contact.unlinked_reason
                   from contacts contact left join companies company on company.id = contact.company_id
                   order by 1"""
            )
            assert [tuple(row) for row in found] == [
                ("11", "acme.com", None),
                ("12", "bolt.io", None),
                ("13", None, "no_company"),
                ("14", "acme.com", None),
            ]
            # The link that a batch makes by itself is the same.
            crm.pages = {CONTACTS: [[contact("15", "d@acme.de", minutes=1)]]}
            await made.sync(mode=SyncMode.INCREMENTAL)
            assert await made.pool.fetchval(
                "select domain from companies where id = (select company_id from contacts"
                " where external_provider_id = '15')"
            ) == "acme.com"  # fmt: skip

    asyncio.run(scenario())


def test_firms_that_old_rules_merged_come_apart_and_nobody_is_said_to_have_changed_them(
    database: str,
) -> None:
    async def scenario() -> None:
        crm = ScriptedCrm()
        async with sync_harness(database, crm) as made:
            misread = [company(str(number), "n.a", name=f"Firm {number}") for number in range(3)]
            await report(made, crm, *misread)
            assert len(await names(made)) == 1
            made.versions = ReadingVersions("with a list of placeholders")
            reread = [one._replace(domain=None, identity_domain=None) for one in misread]
            crm.pages = {COMPANIES: [reread]}
            run = await made.sync(mode=SyncMode.INCREMENTAL)
            assert await names(made) == ["Firm 0", "Firm 1", "Firm 2"]
            counts = run.step(COMPANIES).counts
            assert (run.mode, counts.unchanged, counts.updated) == (SyncMode.FULL, 3, 0)
            again = await made.sync(mode=SyncMode.INCREMENTAL)
            assert again.mode is SyncMode.INCREMENTAL
            assert [mode for mode, _ in await runs_of(made)] == ["full", "full", "incremental"]

    asyncio.run(scenario())


def test_the_first_and_the_last_moment_are_kept_as_they_are(database: str) -> None:
    async def scenario() -> None:
        crm = ScriptedCrm()
        async with sync_harness(database, crm) as made:
            first = company("1")._replace(
                source_updated_at=datetime.fromisoformat("0001-01-01T00:00:00+00:00")
            )
            last = company("2")._replace(
                source_updated_at=datetime.fromisoformat("9999-12-31T23:59:59.999999+00:00")
            )
            for _ in range(2):
                await report(made, crm, first, last)
            stored = await made.pool.fetch("select source_updated_at from companies order by 1")
            assert [row[0] for row in stored] == [first.source_updated_at, last.source_updated_at]

    asyncio.run(scenario())
