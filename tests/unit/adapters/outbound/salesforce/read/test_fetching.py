"""Reading records by id: live, deleted, merged away in chains, erased, and ids that are none."""

import pytest

from astrelo.adapters.outbound.salesforce.read.deletions import CACHE_SECONDS
from astrelo.domain.errors import PermissionMissing
from astrelo.domain.identifiers import ObjectType
from astrelo.domain.records import DealRecord, RejectedRecord, RejectionReason
from crm_sandbox import Association
from crm_sandbox.salesforce import RecordChange, record_id
from tests.support.salesforce.sandbox import API, CREATED, SandboxOrg, account_ids, accounts, config, ids, row

pytestmark = pytest.mark.anyio

COMPANIES, CONTACTS, DEALS = ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS
SHOWN_AFTER = 1.0
"""The log of deletions is record up to the moment, which does not belong to it."""


def people(count: int) -> SandboxOrg:
    return SandboxOrg(*[row("Contact", number, LastName=f"P{number}") for number in range(1, count + 1)])


def person(number: int) -> str:
    return record_id("Contact", number)


async def test_live_deleted_and_erased_contacts_are_distinguished() -> None:
    world = people(4)
    world.sandbox.org.delete("Contact", person(2))
    world.sandbox.org.erase("Contact", person(3))
    world.clock.advance(SHOWN_AFTER)
    page = await world.fetch(CONTACTS, *map(person, (1, 2, 3, 4, 77)))
    assert (ids([page]), page.cursor) == ([person(1), person(4)], None)
    assert page.removed_ids == [person(2), person(77)]
    assert page.erased_ids == [person(3)]
    assert page.merged == {}


@pytest.mark.parametrize(("object_type", "name"), [(COMPANIES, "Account"), (DEALS, "Opportunity")])
async def test_what_is_no_contact_is_never_erased(object_type: ObjectType, name: str) -> None:
    world = SandboxOrg(row(name, 1))
    page = await world.fetch(object_type, record_id(name, 1), record_id(name, 2))
    assert (ids([page]), page.removed_ids, page.erased_ids) == (
        [record_id(name, 1)],
        [record_id(name, 2)],
        [],
    )


async def test_what_was_merged_away_leads_to_its_survivor_through_every_merge() -> None:
    world = SandboxOrg(*accounts(5))
    one, two, three, four, five = account_ids(1, 2, 3, 4, 5)
    org = world.sandbox.org
    org.merge("Account", two, one)
    org.merge("Account", three, two)
    org.merge("Account", four, three)
    page = await world.fetch(COMPANIES, one, three, five)
    assert sorted(ids([page])) == [four, five]
    assert page.merged == {one: four, three: four}
    assert (page.removed_ids, page.erased_ids) == ([], [])


async def test_a_survivor_that_was_asked_for_too_comes_once() -> None:
    world = SandboxOrg(*accounts(2))
    one, two = account_ids(1, 2)
    world.sandbox.org.merge("Account", two, one)
    page = await world.fetch(COMPANIES, one, two)
    assert (ids([page]), page.merged) == ([two], {one: two})


async def test_a_survivor_that_is_deleted_itself_takes_its_ids_along() -> None:
    world = SandboxOrg(*accounts(2))
    one, two = account_ids(1, 2)
    world.sandbox.org.merge("Account", two, one)
    world.sandbox.org.delete("Account", two)
    page = await world.fetch(COMPANIES, one)
    assert (ids([page]), page.removed_ids, page.merged) == ([], [one], {})


async def test_a_contact_merged_into_one_that_was_erased_is_erased() -> None:
    world = people(2)
    world.sandbox.org.merge("Contact", person(2), person(1))
    world.sandbox.org.erase("Contact", person(2))
    world.clock.advance(SHOWN_AFTER)
    page = await world.fetch(CONTACTS, person(1))
    assert (page.removed_ids, page.erased_ids, page.merged) == ([], [person(1)], {})


async def test_masters_that_name_each_other_end_as_removed() -> None:
    world = SandboxOrg(*accounts(2))
    one, two = account_ids(1, 2)
    org = world.sandbox.org
    org.merge("Account", two, one)
    org.delete("Account", two)
    org.tables["Account"].rows[two].fields["MasterRecordId"] = one  # type: ignore[index] # it is a dictionary
    assert (await world.fetch(COMPANIES, one)).removed_ids == [one]


@pytest.mark.parametrize(
    "raw", ["1", "", "x" * 200, "001xx000003DGb0AAZ", "' OR Name != '", "001-00000000001", "\x00" * 15]
)
async def test_what_can_be_no_id_is_removed_without_being_asked_for(raw: str) -> None:
    world = SandboxOrg(*accounts(1))
    (one,) = account_ids(1)
    page = await world.fetch(COMPANIES, raw, one)
    assert (ids([page]), page.removed_ids) == ([one], [raw])
    page = await world.fetch(COMPANIES, raw)
    assert (page.records, page.removed_ids) == ([], [raw])
    assert world.count_requests("/queryAll") == 1


async def test_ids_of_15_characters_are_understood_and_returned_as_they_were() -> None:
    world = SandboxOrg(*accounts(3))
    one, two, three = account_ids(1, 2, 3)
    world.sandbox.org.delete("Account", two)
    world.sandbox.org.merge("Account", one, three)
    page = await world.fetch(COMPANIES, one[:15], one, two[:15], two, three[:15])
    assert ids([page]) == [one]
    assert page.removed_ids == [two[:15], two]
    assert page.merged == {three[:15]: one}


async def test_repeated_ids_are_asked_for_and_reported_once() -> None:
    world = SandboxOrg(*accounts(2))
    one, two = account_ids(1, 2)
    world.sandbox.org.delete("Account", two)
    page = await world.fetch(COMPANIES, one, two, one, two)
    assert (ids([page]), page.removed_ids) == ([one], [two])


async def test_no_ids_cost_no_request_for_records() -> None:
    world = SandboxOrg(*accounts(1))
    page = await world.fetch(COMPANIES)
    assert (page.records, world.count_requests("/query")) == ([], 0)


async def test_many_ids_are_asked_for_in_parts_and_pages() -> None:
    world = SandboxOrg(*accounts(1_300), settings=config(batch_size=200))
    world.sandbox.org.delete("Account", record_id("Account", 700))
    wanted = account_ids(*range(1, 1_301))
    page = await world.fetch(COMPANIES, *wanted)
    assert ids([page]) == [one for one in wanted if one != record_id("Account", 700)]
    assert page.removed_ids == [record_id("Account", 700)]


async def test_a_locator_that_dies_makes_nothing_look_deleted() -> None:
    world = SandboxOrg(*accounts(450), settings=config(batch_size=200))
    world.refuse("INVALID_QUERY_LOCATOR", match=f"{API}/query/", times=9)
    page = await world.fetch(COMPANIES, *account_ids(*range(1, 451)))
    assert (len(page.records), page.removed_ids) == (450, [])


async def test_fetched_deals_bring_their_contacts() -> None:
    world = SandboxOrg(
        *[row("Contact", number, LastName="P") for number in range(1, 5)],
        row("Opportunity", 1, CREATED, 3, 2),
    )
    deal = record_id("Opportunity", 1)
    ((record,),) = [(await world.fetch(DEALS, deal)).records]
    assert isinstance(record, DealRecord)
    assert record.contact_ids == (person(2), person(3))
    change = RecordChange(
        object_name="Opportunity", id=deal, associations={"Contact": [Association(id=person(4))]}
    )
    world.sandbox.org.upsert(change)
    ((record,),) = [(await world.fetch(DEALS, deal)).records]
    assert isinstance(record, DealRecord)
    assert record.contact_ids == (person(4),)


async def test_a_record_that_cannot_be_read_is_rejected_and_not_taken_for_gone() -> None:
    world = people(2)
    world.sandbox.org.upsert(
        RecordChange(object_name="Contact", id=person(1), raw={"Id": person(1), "Email": ["x"]})
    )
    page = await world.fetch(CONTACTS, person(1), person(2))
    assert ids([page]) == [person(2)]
    assert page.rejected == [RejectedRecord(person(1), RejectionReason.MALFORMED)]
    assert (page.removed_ids, page.erased_ids) == ([], [])


async def test_a_record_that_does_not_even_report_its_id_makes_none_look_gone() -> None:
    world = people(2)
    world.sandbox.org.upsert(RecordChange(object_name="Contact", id=person(1), raw="what"))
    page = await world.fetch(CONTACTS, person(1), person(2))
    assert page.rejected == [RejectedRecord(None, RejectionReason.MALFORMED)]
    assert (page.removed_ids, page.erased_ids) == ([], [])


async def test_an_object_that_may_not_be_seen_is_a_missing_permission_and_no_deletion() -> None:
    world = people(1)
    world.flags.hidden_objects = ["Contact"]
    with pytest.raises(PermissionMissing):
        await world.fetch(CONTACTS, person(1))


async def test_a_contact_whose_bin_time_is_over_is_not_taken_for_erased() -> None:
    world = people(1)
    world.sandbox.org.delete("Contact", person(1))
    assert (await world.fetch(CONTACTS, person(1))).removed_ids == [person(1)]
    world.clock.advance(16 * 86_400)
    page = await world.fetch(CONTACTS, person(1))
    assert (page.removed_ids, page.erased_ids) == ([person(1)], [])


async def test_a_contact_that_is_hidden_from_the_user_is_not_taken_for_erased() -> None:
    world = people(2)
    world.flags.hidden_records = [person(1)]
    page = await world.fetch(CONTACTS, person(1), person(2))
    assert (ids([page]), page.removed_ids, page.erased_ids) == ([person(2)], [person(1)], [])


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 400, "body": [{"errorCode": "EXCEEDED_ID_LIMIT"}]},
        {"status": 403, "body": [{"errorCode": "INSUFFICIENT_ACCESS"}]},
        {"status": 503, "body": ""},
        {"status": 200, "body": {"deletedRecords": "none"}},
    ],
    ids=["too long", "not permitted", "out of service", "of another shape"],
)
async def test_without_a_log_of_deletions_no_contact_is_taken_for_erased(answer: dict[str, object]) -> None:
    world = people(1)
    world.sandbox.org.erase("Contact", person(1))
    world.clock.advance(SHOWN_AFTER)
    world.fault("respond", match="/deleted/", times=9, **answer)
    page = await world.fetch(CONTACTS, person(1))
    assert (page.removed_ids, page.erased_ids) == ([person(1)], [])
    assert world.count_requests("/deleted/") == 1


async def test_a_log_with_ids_of_15_characters_is_understood() -> None:
    world = people(1)
    world.sandbox.org.erase("Contact", person(1))
    world.fault("respond", match="/deleted/", status=200, body={"deletedRecords": [{"id": person(1)[:15]}]})
    assert (await world.fetch(CONTACTS, person(1))).erased_ids == [person(1)]


async def test_who_reads_many_contacts_asks_for_the_log_once_and_for_a_new_one_later() -> None:
    world = people(0)
    for number in range(1, 4):
        await world.fetch(CONTACTS, person(number))
    assert world.count_requests("/deleted/") == 1
    world.clock.advance(CACHE_SECONDS)
    await world.fetch(CONTACTS, person(1))
    assert world.count_requests("/deleted/") == 2


async def test_where_the_log_of_deletions_may_not_be_asked_about_what_is_to_come_it_is_asked_up_to_now() -> (
    None
):
    world = people(1)
    world.sandbox.org.erase("Contact", person(1))
    world.clock.advance(120)
    world.refuse("INVALID_REPLICATION_DATE", match="/deleted/")
    assert (await world.fetch(CONTACTS, person(1))).erased_ids == [person(1)]


async def test_deletions_are_looked_up_only_for_contacts_that_are_missing() -> None:
    world = SandboxOrg(*accounts(1), row("Contact", 1, LastName="P"))
    await world.fetch(CONTACTS, person(1))
    await world.fetch(COMPANIES, *account_ids(1, 2))
    assert world.count_requests("/deleted/") == 0
