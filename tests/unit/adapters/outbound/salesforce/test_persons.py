"""Person accounts: people are contacts of no company, in whichever way an org is read."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrelo.adapters.outbound.salesforce.api.wire import ContactRow
from astrelo.adapters.outbound.salesforce.mapping import RecordMapper
from astrelo.domain.contact import UnlinkedReason, link_contact
from astrelo.domain.identifiers import CompanyId, ObjectType, RecordId
from astrelo.domain.records import ContactRecord, RecordPage
from astrelo.domain.sync import Window
from crm_sandbox import Dataset, DatasetRecord
from crm_sandbox.salesforce import Flags, RecordChange, record_id
from tests.support.fakes.clock import START
from tests.support.salesforce.sandbox import SandboxOrg, config, ids, reference, row

pytestmark = pytest.mark.anyio

COMPANIES, CONTACTS, DEALS = ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS
EVERYTHING = Window(start=START - timedelta(days=1), end=START + timedelta(days=1))
BAKER, MILL, FORGE = (record_id("Account", number) for number in (1, 2, 3))
BAKER_HERSELF, MILLER = record_id("Contact", 1), record_id("Contact", 2)


def shop(threshold: int = 10**6, **flags: Any) -> SandboxOrg:
    """Make an org of a person, two companies, a contact of one of them, and a deal of the person's."""
    records: list[DatasetRecord] = [
        row("Account", 1, Name="Bea Baker", IsPersonAccount="true"),
        row("Account", 2, Name="Mill", Website="mill.com"),
        row("Account", 3, Name="Forge", Website="forge.com"),
        row("Contact", 1, LastName="Baker", Email="bea@mill.com", AccountId=BAKER),
        row("Contact", 2, LastName="Miller", Email="mo@mill.com", AccountId=MILL),
        row("Opportunity", 1, Name="Bread", AccountId=BAKER),
    ]
    played = Flags(person_accounts=True, bulk_polls=0, **flags)
    return SandboxOrg(*records, flags=played, settings=config(bulk_threshold=threshold))


def change(world: SandboxOrg, object_name: str, row_id: str | None = None, **properties: Any) -> str:
    record_change = RecordChange(object_name=object_name, id=row_id, properties=properties)
    return world.sandbox.org.upsert(record_change)


def removed_ids(pages: list[RecordPage]) -> list[str]:
    return [gone for page in pages for gone in page.removed_ids]


def contacts(pages: list[RecordPage]) -> dict[str, ContactRecord]:
    return {
        record.record_id: record
        for page in pages
        for record in page.records
        if isinstance(record, ContactRecord)
    }


WAYS = pytest.mark.parametrize("threshold", [10**6, 1], ids=["queries", "bulk"])


@WAYS
async def test_a_full_listing_reports_companies_alone_and_counts_them_alone(threshold: int) -> None:
    pages = await shop(threshold).pages(COMPANIES)
    assert sorted(ids(pages)) == [MILL, FORGE]
    assert removed_ids(pages) == []
    assert [page.expected_total for page in pages if page.expected_total is not None] == [2]


@WAYS
async def test_a_window_reports_a_persons_account_as_removed_and_no_total_that_counts_it(
    threshold: int,
) -> None:
    pages = await shop(threshold).pages(COMPANIES, window=EVERYTHING)
    assert sorted(ids(pages)) == [MILL, FORGE]
    assert removed_ids(pages) == [BAKER]
    assert [page.expected_total for page in pages if page.expected_total is not None] == []


async def test_a_window_without_people_reports_its_total() -> None:
    world = shop()
    world.clock.advance(3600)
    change(world, "Account", MILL, Phone="1")
    (page,) = await world.pages(COMPANIES, window=Window(start=world.clock.now(), end=world.clock.now()))
    assert (ids([page]), page.expected_total) == ([MILL], 1)


@WAYS
@pytest.mark.parametrize("window", [None, EVERYTHING], ids=["whole", "window"])
async def test_people_are_contacts_that_say_so(threshold: int, window: Window | None) -> None:
    people = contacts(await shop(threshold).pages(CONTACTS, window=window))
    assert {id_: record.is_person_account for id_, record in people.items()} == {
        BAKER_HERSELF: True,
        MILLER: False,
    }
    assert people[BAKER_HERSELF].company_id == BAKER


async def test_a_company_that_becomes_a_person_is_removed_by_the_next_window_and_by_its_id() -> None:
    world = shop()
    change(world, "Account", FORGE, IsPersonAccount=True, LastName="Smith")
    since = Window(start=world.clock.now(), end=world.clock.now())
    pages = await world.pages(COMPANIES, window=since)
    assert (ids(pages), removed_ids(pages)) == ([], [FORGE])
    page = await world.fetch(COMPANIES, FORGE, MILL)
    assert (ids([page]), page.removed_ids, page.reclassified_ids) == ([MILL], [FORGE], [FORGE])
    assert sorted(ids(await world.pages(COMPANIES))) == [MILL]


async def test_a_person_that_becomes_a_company_is_one() -> None:
    world = shop()
    change(world, "Account", BAKER, IsPersonAccount=False, Name="Baker Ltd")
    since = Window(start=world.clock.now(), end=world.clock.now())
    assert ids(await world.pages(COMPANIES, window=since)) == [BAKER]
    assert ids([await world.fetch(COMPANIES, BAKER)]) == [BAKER]
    people = contacts(await world.pages(CONTACTS, window=since))
    assert people[BAKER_HERSELF].is_person_account is False


async def test_a_deleted_person_is_removed_and_so_is_one_that_was_merged_away() -> None:
    world = shop()
    twin = change(world, "Account", IsPersonAccount=True, LastName="Backer")
    world.sandbox.org.merge("Account", BAKER, twin)
    pages = await world.pages(COMPANIES, window=EVERYTHING)
    assert sorted(removed_ids(pages)) == sorted([BAKER, twin])
    assert all(page.merged == {} for page in pages)
    page = await world.fetch(COMPANIES, twin)
    assert (page.records, page.removed_ids, page.merged) == ([], [twin], {})
    world.sandbox.org.delete("Account", BAKER)
    page = await world.fetch(COMPANIES, BAKER)
    assert (page.removed_ids, page.reclassified_ids) == ([BAKER], [])


async def test_a_company_that_was_merged_into_one_that_is_a_person_by_now_is_removed() -> None:
    world = shop()
    world.sandbox.org.merge("Account", FORGE, MILL)
    change(world, "Account", FORGE, IsPersonAccount=True, LastName="Smith")
    page = await world.fetch(COMPANIES, MILL)
    assert (page.records, page.removed_ids, page.reclassified_ids, page.merged) == ([], [MILL], [MILL], {})


async def test_the_contacts_of_merged_people_are_merged_like_any() -> None:
    world = shop()
    twin = change(world, "Account", IsPersonAccount=True, LastName="Backer")
    gone = str(world.sandbox.org.tables["Account"].rows[twin].fields["PersonContactId"])
    world.sandbox.org.merge("Account", BAKER, twin)
    page = await world.fetch(CONTACTS, gone)
    assert (ids([page]), page.merged) == ([BAKER_HERSELF], {gone: BAKER_HERSELF})


async def test_an_org_without_the_feature_is_not_asked_for_it() -> None:
    world = SandboxOrg(row("Account", 2, Name="Mill"), row("Contact", 2, LastName="Miller", AccountId=MILL))
    assert ids(await world.pages(COMPANIES)) == [MILL]
    assert contacts(await world.pages(CONTACTS))[MILLER].is_person_account is False
    refused = [entry for entry in world.sandbox.journal.entries if entry.status >= 400]
    assert refused == []


async def test_an_org_that_loses_the_feature_between_describe_and_query_is_described_anew() -> None:
    world = shop()
    assert sorted(ids(await world.pages(COMPANIES))) == [MILL, FORGE]
    world.flags.person_accounts = False
    assert sorted(ids(await world.pages(COMPANIES))) == [BAKER, MILL, FORGE]


@pytest.mark.parametrize(
    "flags",
    [
        {"hidden_records": [BAKER]},
        {"hidden_fields": ["Contact.AccountId"]},
        {"hidden_fields": ["Contact.IsPersonAccount"]},
        {"hidden_fields": ["Account.IsPersonAccount", "Contact.IsPersonAccount"]},
        {"hidden_fields": ["Contact.Email", "Contact.LastName", "Contact.FirstName"]},
    ],
    ids=lambda flags: str(*flags.values()),
)
async def test_what_the_user_may_not_see_of_a_person_stops_nothing(flags: dict[str, Any]) -> None:
    world = shop(**flags)
    for kind in ObjectType:
        assert await world.pages(kind)
        assert await world.pages(kind, window=EVERYTHING)
        await world.fetch(kind, BAKER, BAKER_HERSELF)
    baker = contacts(await world.pages(CONTACTS))[BAKER_HERSELF]
    assert baker.is_person_account is ("Contact.IsPersonAccount" not in flags.get("hidden_fields", ()))


async def test_a_generated_org_with_people_has_as_many_companies_as_one_without() -> None:
    dataset = Dataset.generate(60)
    with_people, without = (
        SandboxOrg(*dataset.records, flags=Flags(person_accounts=feature)) for feature in (True, False)
    )
    assert sorted(ids(await with_people.pages(COMPANIES))) == sorted(ids(await without.pages(COMPANIES)))
    people, others = [contacts(await world.pages(CONTACTS)) for world in (with_people, without)]
    assert people.keys() == others.keys()
    assert [id_ for id_, one in people.items() if one.is_person_account] == [
        id_ for id_, one in others.items() if one.company_id is None
    ]


FLAGS = st.sampled_from([None, "true", "True", " TRUE ", "false", "1", "yes", "", "\ud800", "\0"]) | st.text()


@given(
    flag=FLAGS,
    account=st.none() | st.just(MILL) | st.text(),
    email=st.none() | st.just("a@mill.com") | st.text(),
)
def test_a_contact_is_a_person_by_the_flag_alone_and_then_of_no_company(
    flag: str | None, account: str | None, email: str | None
) -> None:
    row_ = ContactRow(
        RecordId(MILLER),
        "2026-05-02T07:25:37.000+0000",
        account_id=account,
        email=email,
        is_person_account=flag,
    )
    record = RecordMapper(reference(), {}, None).contact(row_)
    assert isinstance(record, ContactRecord)
    assert record.is_person_account is (flag is not None and flag.strip().lower() == "true")
    company = CompanyId(UUID(int=1))
    link = link_contact(record, {RecordId(MILL): company}, {"mill.com": company})
    assert (link.unlinked_reason is UnlinkedReason.PERSON_ACCOUNT) is record.is_person_account
    if record.is_person_account:
        assert link[:2] == (None, None)
