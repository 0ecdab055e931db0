"""A HubSpot that answers 200 and nonsense: every stream ends, and what it brings can be stored."""

import json

import pytest

from astrelo.domain.errors import CrmRejected
from astrelo.domain.identifiers import ObjectType
from astrelo.domain.records import CompanyRecord, ContactRecord, DealRecord, RejectedRecord, RejectionReason
from astrelo.domain.sync import Window
from tests.support.fakes.clock import START
from tests.support.hubspot.broken import BrokenHubSpot, Query, associations_to, hubspot_object, page

pytestmark = pytest.mark.anyio


def circle(asked: Query) -> dict[str, object]:
    """Lead from the start to a, from a to b and c, and from c to a again."""
    following = {"a": "b", "b": "c", "c": "a"}
    return page(hubspot_object("1"), after=following.get(asked.get("after", ""), "a"))


async def test_a_stream_whose_cursors_go_round_in_a_circle_ends() -> None:
    hubspot = BrokenHubSpot(companies=circle)
    with pytest.raises(CrmRejected, match="circle"):
        await hubspot.pages(ObjectType.COMPANIES)


async def test_owners_whose_cursors_go_round_in_a_circle_are_given_up() -> None:
    hubspot = BrokenHubSpot(owners=circle)
    with pytest.raises(CrmRejected, match="circle"):
        await hubspot.provider.list_owners(hubspot.session)


async def test_associations_whose_cursors_go_round_in_a_circle_are_given_up() -> None:
    def associations(asked: Query) -> dict[str, object]:
        after = {"a": "b", "b": "a"}.get(asked["inputs"][0].get("after"), "a")
        entry = {"from": {"id": "1"}, "to": [{"toObjectId": 5}], "paging": {"next": {"after": after}}}
        return {"results": [entry]}

    hubspot = BrokenHubSpot(contacts=lambda asked: page(hubspot_object("1")), associations=associations)
    with pytest.raises(CrmRejected, match="circle"):
        await hubspot.pages(ObjectType.CONTACTS)


async def test_a_search_whose_cursors_go_round_in_a_circle_is_given_up() -> None:
    def search(asked: Query) -> dict[str, object]:
        return {
            "results": [],
            "total": 5,
            "paging": {"next": {"after": "a" if "after" not in asked else "b"}},
        }

    hubspot = BrokenHubSpot(search=search)
    with pytest.raises(CrmRejected, match="circle"):
        await hubspot.pages(ObjectType.COMPANIES, Window(start=START, end=START))


async def test_associations_of_a_record_that_was_not_asked_for_are_not_followed() -> None:
    def associations(asked: Query) -> dict[str, object]:
        after = str(int(asked["inputs"][0].get("after", "0")) + 1)
        return {"results": [{"from": {"id": "999"}, "to": [], "paging": {"next": {"after": after}}}]}

    hubspot = BrokenHubSpot(contacts=lambda asked: page(hubspot_object("1")), associations=associations)
    ((contact,),) = [pages.records for pages in await hubspot.pages(ObjectType.CONTACTS)]
    assert isinstance(contact, ContactRecord)
    assert contact.company_id is None


@pytest.mark.parametrize("object_type", ObjectType)
async def test_a_stream_through_empty_pages_shows_where_it_is(object_type: ObjectType) -> None:
    """What is never yielded is never stored: the run could be neither cancelled nor taken over."""

    def empty(asked: Query) -> dict[str, object]:
        return page(after=str(int(asked.get("after", "0")) + 1))

    hubspot = BrokenHubSpot(**{object_type.value: empty})
    stream = hubspot.provider.read(hubspot.session, object_type)
    first = await anext(stream)
    second = await anext(stream)
    await stream.aclose()
    assert (first.records, second.records) == ([], [])
    assert None is not first.cursor != second.cursor
    assert hubspot.requests <= 60


@pytest.mark.parametrize("odd", ["9" * 100_000, "9\0", "", " 9"], ids=["long", "NUL", "empty", "blank"])
async def test_an_association_with_what_can_be_no_id_is_left_out(odd: str) -> None:
    hubspot = BrokenHubSpot(
        contacts=lambda asked: page(hubspot_object("1")),
        deals=lambda asked: page(hubspot_object("1")),
        associations=associations_to(odd),
    )
    ((contact,),) = [pages.records for pages in await hubspot.pages(ObjectType.CONTACTS)]
    ((deal,),) = [pages.records for pages in await hubspot.pages(ObjectType.DEALS)]
    assert isinstance(contact, ContactRecord)
    assert isinstance(deal, DealRecord)
    assert (contact.company_id, deal.company_id, deal.contact_ids) == (None, None, ())


async def test_what_can_be_no_id_was_not_merged_into_anything() -> None:
    merged = f"2; 3;\0;{'9' * 200};1;;"
    hubspot = BrokenHubSpot(companies=lambda asked: page(hubspot_object("1", hs_merged_object_ids=merged)))
    (only,) = await hubspot.pages(ObjectType.COMPANIES)
    assert only.merged == {"2": "1", "3": "1"}


async def test_an_id_that_is_almost_another_is_not_taken_for_it() -> None:
    hubspot = BrokenHubSpot(
        companies=lambda asked: page(*(hubspot_object(one) for one in ("1", " 1", "1\0", "1\n")))
    )
    (only,) = await hubspot.pages(ObjectType.COMPANIES)
    assert [record.record_id for record in only.records] == ["1"]
    assert only.rejected == [RejectedRecord("1", RejectionReason.BAD_ID)] * 3


async def test_an_owner_reported_twice_is_one() -> None:
    owners = page({"id": "1"}, {"id": "1", "firstName": "Ada"}, {"id": " 1"})
    hubspot = BrokenHubSpot(owners=lambda asked: owners)
    assert [owner.record_id for owner in await hubspot.provider.list_owners(hubspot.session)] == ["1"]


async def test_an_owner_is_known_by_the_id_whatever_else_is_reported() -> None:
    owners = page(
        {"id": 1, "firstName": "Ada", "lastName": {}, "email": 5, "archived": "perhaps"},
        {"id": "2", "firstName": "Grace", "userId": []},
        {"firstName": "Nobody"},
        None,
    )
    hubspot = BrokenHubSpot(owners=lambda asked: owners)
    listed = await hubspot.provider.list_owners(hubspot.session)
    assert [(owner.record_id, owner.first_name) for owner in listed] == [("1", "Ada"), ("2", "Grace")]


COUNTS = {
    "beyond 64 bits": b"9" * 30,
    "beyond Python's own limit": b"9" * 5_000,
    "negative": b"-5",
    "a fraction": b"1.5",
    "a word": b'"many"',
    "null": b"null",
}


@pytest.mark.parametrize("total", COUNTS.values(), ids=COUNTS)
async def test_a_count_out_of_range_is_no_count(total: bytes) -> None:
    hubspot = BrokenHubSpot(
        companies=lambda asked: page(hubspot_object("1")),
        search=lambda asked: b'{"results": [], "total": ' + total + b"}",
    )
    (only,) = await hubspot.pages(ObjectType.COMPANIES)
    assert (len(only.records), only.expected_total) == (1, None)


NUMBERS = {
    "beyond floats": "9" * 400,
    "beyond Python's own limit": "9" * 5_000,
    "a large exponent": "1e400",
    "a large negative": "-1E999999",
    "no number": "NaN",
    "infinite": "Infinity",
}


@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)
async def test_a_number_beyond_all_numbers_costs_its_column_alone(number: str) -> None:
    body = (
        json.dumps(page(hubspot_object("1", annualrevenue="?"), hubspot_object("2")))
        .replace('"?"', number)
        .encode()
    )
    hubspot = BrokenHubSpot(companies=lambda asked: body)
    (only,) = await hubspot.pages(ObjectType.COMPANIES)
    first, second = only.records
    assert isinstance(first, CompanyRecord)
    assert (first.annual_revenue, first.unreadable, second.record_id) == (None, ("annual_revenue",), "2")
