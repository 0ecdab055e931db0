"""What records of a stream are associated with: read beside the lists, to the end, and never taken for nothing."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrelo.adapters.outbound.hubspot.api.wire import AssociatedObject, AssociationType
from astrelo.adapters.outbound.hubspot.read.associations import associated_company
from astrelo.domain.errors import CrmUnavailable
from astrelo.domain.identifiers import ObjectType
from astrelo.domain.records import ContactRecord, DealRecord
from crm_sandbox import Association
from tests.support.hubspot.account import SandboxAccount, company_of, contacts, record

pytestmark = pytest.mark.anyio


async def test_a_thousand_contacts_cost_ten_list_calls_and_one_of_associations() -> None:
    world = SandboxAccount(*contacts(2_500))
    pages = await world.pages(ObjectType.CONTACTS)
    assert [len(page.records) for page in pages] == [1000, 1000, 500]
    assert world.count_requests("GET /crm/objects/contacts") == 25
    assert world.count_requests("POST /crm/associations/contacts/companies/batch/read") == 3
    linked = [record for page in pages for record in page.records if isinstance(record, ContactRecord)]
    assert all(record.company_id == company_of(int(record.record_id)) for record in linked)


async def test_contacts_are_listed_on_while_associations_are_read() -> None:
    world = SandboxAccount(*contacts(2_000))
    world.sandbox.flags.latency_ms = 1
    await world.pages(ObjectType.CONTACTS)
    endpoints = [entry.endpoint for entry in world.sandbox.journal.entries]
    first_batch = endpoints.index("POST /crm/associations/contacts/companies/batch/read")
    assert endpoints[first_batch:].count("GET /crm/objects/contacts") > 0


async def test_associations_that_page_inside_an_entry_are_read_to_the_end() -> None:
    people = [Association(id=str(number)) for number in range(100, 107)]
    deals = [record("deals", 1, contacts=people), record("deals", 2, contacts=people[:1])]
    world = SandboxAccount(*deals, *(record("contacts", int(person.id)) for person in people))
    world.sandbox.flags.association_page_size = 2
    (page,) = await world.pages(ObjectType.DEALS)
    first, second = (record for record in page.records if isinstance(record, DealRecord))
    assert first.contact_ids == tuple(str(number) for number in range(100, 107))
    assert second.contact_ids == ("100",)


@pytest.mark.parametrize("as_text", [True, False], ids=["text", "number"])
async def test_an_associated_id_may_be_text_or_a_number(as_text: bool) -> None:
    world = SandboxAccount(*contacts(1))
    world.sandbox.flags.string_association_ids = as_text
    (page,) = await world.pages(ObjectType.CONTACTS)
    assert [record.company_id for record in page.records if isinstance(record, ContactRecord)] == [
        company_of(1)
    ]


PRIMARY = {"category": "HUBSPOT_DEFINED", "typeId": 1, "label": "Primary"}
PLAIN = {"category": "HUBSPOT_DEFINED", "typeId": 279, "label": None}
OWN_LABEL = {"category": "USER_DEFINED", "typeId": 1, "label": "Primary"}
OTHER_LABEL = {"category": "USER_DEFINED", "typeId": 28, "label": "Billing contact"}


def to(company_id: int | str, *types: object) -> dict[str, object]:
    return {"toObjectId": company_id, "associationTypes": list(types)}


@pytest.mark.parametrize(
    ("companies", "company_id"),
    [
        ([to(9, PRIMARY)], "9"),
        ([to(9, PLAIN)], "9"),
        ([to(9, OTHER_LABEL)], "9"),
        ([to(9, OWN_LABEL)], "9"),
        ([to(9)], "9"),
        ([{"toObjectId": 9}], "9"),
        ([to(9, PLAIN), to("9", OTHER_LABEL), to(9)], "9"),
        ([to(8, PLAIN), to(9, PLAIN, PRIMARY)], "9"),
        ([to(9, PRIMARY), to(9, PLAIN), to(8, PLAIN)], "9"),
        ([to(8, PLAIN), to(9, PLAIN)], None),
        ([to(8, OWN_LABEL), to(9, PLAIN)], None),
        ([to(8, PRIMARY), to(9, PRIMARY)], None),
        ([to(8, PLAIN), to("no\0id", PLAIN)], None),
        ([to("no\0id", PRIMARY)], None),
        ([], None),
    ],
    ids=[
        "primary",
        "the only one",
        "the only one, with a label of the account's",
        "the only one, with a label that looks like the mark",
        "the only one, of no type",
        "the only one, without its types",
        "one that is listed three times",
        "the primary one of two",
        "the primary one, listed twice, of two",
        "two",
        "two, of which one has a label that looks like the mark",
        "two primary ones",
        "two, of which one can be no company",
        "one that can be no company",
        "none",
    ],
)
async def test_the_primary_company_or_the_only_one_is_the_contacts_company(
    companies: list[object], company_id: str | None
) -> None:
    world = SandboxAccount(*contacts(1))
    world.fault("respond", match="/crm/associations/", status=200, body=_batch(companies))
    (page,) = await world.pages(ObjectType.CONTACTS)
    assert [record.company_id for record in page.records if isinstance(record, ContactRecord)] == [company_id]


PRIMARY_OF_DEALS = {"category": "HUBSPOT_DEFINED", "typeId": 5, "label": "Deal with Primary Company"}
PLAIN_OF_DEALS = {"category": "HUBSPOT_DEFINED", "typeId": 341, "label": None}


@pytest.mark.parametrize(
    ("companies", "company_id"),
    [
        ([to(9, PLAIN_OF_DEALS)], "9"),
        ([to(8, PLAIN_OF_DEALS), to(9, PRIMARY_OF_DEALS)], "9"),
        ([to(8, PLAIN_OF_DEALS), to(9, PLAIN_OF_DEALS)], None),
        ([to(8, PLAIN_OF_DEALS), to(9, {"category": "HUBSPOT_DEFINED", "typeId": 1})], None),
    ],
    ids=["the only one", "the primary one of two", "two", "the mark of contacts"],
)
async def test_the_primary_company_or_the_only_one_is_the_deals_company(
    companies: list[object], company_id: str | None
) -> None:
    world = SandboxAccount(record("deals", 1))
    world.fault("respond", match="/deals/companies/", status=200, body=_batch(companies))
    (page,) = await world.pages(ObjectType.DEALS)
    assert [record.company_id for record in page.records if isinstance(record, DealRecord)] == [company_id]


def _batch(companies: list[object]) -> dict[str, object]:
    return {"results": [{"from": {"id": "1"}, "to": companies}]}


_TYPES = st.builds(
    AssociationType,
    category=st.sampled_from([None, "HUBSPOT_DEFINED", "USER_DEFINED"]),
    type_id=st.sampled_from([None, 1, 5, 28, 279]),
    label=st.sampled_from([None, "Primary", "Billing contact"]),
)
_LINKED = st.builds(
    AssociatedObject,
    to_object_id=st.sampled_from([8, 9, "8", "9", "", " 8", "no\0id"]),
    association_types=st.lists(_TYPES, max_size=3),
)


@given(st.lists(_LINKED, max_size=5), st.randoms())
def test_how_the_company_was_found_goes_with_it_and_hangs_on_no_order(
    linked: list[AssociatedObject], randomness: random.Random
) -> None:
    company_id, association = associated_company(linked, 1)
    ids = {str(one.to_object_id) for one in linked}
    assert (company_id is not None) == (association in {"primary", "only"})
    assert company_id is None or company_id in ids
    assert association != "only" or len(ids) == 1
    assert association != "ambiguous" or len(ids) > 1
    randomness.shuffle(linked)
    assert associated_company([*linked, *linked], 1) == (company_id, association)


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, None), (207, {"results": [], "errors": [{"category": "INTERNAL_ERROR"}]})],
    ids=["a failed batch", "a batch that failed in part"],
)
async def test_an_association_error_is_never_an_empty_list(status: int, body: object) -> None:
    world = SandboxAccount(*contacts(3))
    world.fault("respond", match="/crm/associations/", status=status, body=body, times=99)
    with pytest.raises(CrmUnavailable):
        await world.pages(ObjectType.CONTACTS)
