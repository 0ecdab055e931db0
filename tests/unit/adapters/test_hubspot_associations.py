"""What records of a walk are associated with: read beside the lists, to the end, and never taken for nothing."""

import pytest

from astrelo.domain.errors import CrmUnavailable
from astrelo.domain.identifiers import ObjectType
from astrelo.domain.records import ContactRecord, DealRecord
from astrelo.sandbox import Association
from tests.unit.adapters.hubspot_world import World, company_of, contacts, record

pytestmark = pytest.mark.anyio


async def test_a_thousand_contacts_cost_ten_list_calls_and_one_of_associations() -> None:
    world = World(*contacts(2_500))
    pages = await world.pages(ObjectType.CONTACTS)
    assert [len(page.records) for page in pages] == [1000, 1000, 500]
    assert world.asked("GET /crm/objects/contacts") == 25
    assert world.asked("POST /crm/associations/contacts/companies/batch/read") == 3
    linked = [told for page in pages for told in page.records if isinstance(told, ContactRecord)]
    assert all(told.company_id == company_of(int(told.record_id)) for told in linked)


async def test_contacts_are_listed_on_while_associations_are_read() -> None:
    world = World(*contacts(2_000))
    world.sandbox.switches.latency_ms = 1
    await world.pages(ObjectType.CONTACTS)
    endpoints = [entry.endpoint for entry in world.sandbox.journal.entries]
    first_batch = endpoints.index("POST /crm/associations/contacts/companies/batch/read")
    assert endpoints[first_batch:].count("GET /crm/objects/contacts") > 0


async def test_associations_that_page_inside_an_entry_are_read_to_the_end() -> None:
    people = [Association(id=str(number)) for number in range(100, 107)]
    deals = [record("deals", 1, contacts=people), record("deals", 2, contacts=people[:1])]
    world = World(*deals, *(record("contacts", int(person.id)) for person in people))
    world.sandbox.switches.association_page_size = 2
    (page,) = await world.pages(ObjectType.DEALS)
    first, second = (told for told in page.records if isinstance(told, DealRecord))
    assert first.contact_ids == tuple(str(number) for number in range(100, 107))
    assert second.contact_ids == ("100",)


@pytest.mark.parametrize("as_text", [True, False], ids=["text", "number"])
async def test_an_associated_id_may_be_text_or_a_number(as_text: bool) -> None:
    world = World(*contacts(1))
    world.sandbox.switches.string_association_ids = as_text
    (page,) = await world.pages(ObjectType.CONTACTS)
    assert [told.company_id for told in page.records if isinstance(told, ContactRecord)] == [company_of(1)]


@pytest.mark.parametrize(
    ("types", "company_id"),
    [
        ([{"category": "HUBSPOT_DEFINED", "typeId": 1, "label": "Primary"}], "9"),
        ([{"category": "HUBSPOT_DEFINED", "typeId": 279, "label": None}], None),
        ([{"category": "HUBSPOT_DEFINED", "typeId": 4711, "label": "Primary"}], "9"),
        ([{"category": "USER_DEFINED", "typeId": 1, "label": "Primary"}], None),
        ([], None),
    ],
    ids=["primary", "any", "primary of another number", "an account's own label", "no type"],
)
async def test_only_a_primary_of_hubspots_own_makes_a_company_the_contacts(
    types: list[object], company_id: str | None
) -> None:
    world = World(*contacts(1))
    entry = {"from": {"id": "1"}, "to": [{"toObjectId": 9, "associationTypes": types}]}
    world.fault("respond", match="/crm/associations/", status=200, body={"results": [entry]})
    (page,) = await world.pages(ObjectType.CONTACTS)
    assert [told.company_id for told in page.records if isinstance(told, ContactRecord)] == [company_id]


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, None), (207, {"results": [], "errors": [{"category": "INTERNAL_ERROR"}]})],
    ids=["a failed batch", "a batch that failed in part"],
)
async def test_an_association_error_is_never_an_empty_list(status: int, body: object) -> None:
    world = World(*contacts(3))
    world.fault("respond", match="/crm/associations/", status=status, body=body, times=99)
    with pytest.raises(CrmUnavailable):
        await world.pages(ObjectType.CONTACTS)
