"""Streams of lists, through a sandbox that is as slow and as broken as a test wants it."""

import pytest

from astrelo.adapters.outbound.hubspot.read.cursors import decode_cursor
from astrelo.domain.errors import CrmRejected, RateLimited
from astrelo.domain.identifiers import Cursor, ObjectType
from astrelo.domain.records import ContactRecord, RecordPage, RejectionReason
from crm_sandbox.hubspot import RecordChange
from tests.support.crm.collecting import collect
from tests.support.hubspot.account import SandboxAccount, companies, contacts, ids

pytestmark = pytest.mark.anyio

COMPANY_LIST = "/crm/objects/2026-09/companies"


@pytest.mark.parametrize("kind", ["drop", "drop_response", "cut", "truncate", "respond"])
@pytest.mark.parametrize(
    "match", ["/crm/objects/2026-09/contacts", "/crm/associations/"], ids=["the list", "the associations"]
)
async def test_a_failure_on_the_way_loses_nothing(kind: str, match: str) -> None:
    world = SandboxAccount(*contacts(1_200))
    world.fault(kind, match=match, skip=1, times=2)
    pages = await world.pages(ObjectType.CONTACTS)
    assert sorted(ids(pages), key=int) == [str(number) for number in range(1, 1_201)]
    linked = [record for page in pages for record in page.records if isinstance(record, ContactRecord)]
    assert all(record.company_id for record in linked)


async def test_pages_before_an_error_are_yielded_first() -> None:
    world = SandboxAccount(*companies(250))
    world.fault("respond", match=COMPANY_LIST, method="GET", skip=2, status=429, policy="DAILY")
    received: list[RecordPage] = []
    with pytest.raises(RateLimited):
        await collect(world.provider.read(world.session, ObjectType.COMPANIES), received)
    assert len(ids(received)) == 200
    rest = await world.pages(ObjectType.COMPANIES, cursor=received[-1].cursor)
    assert len({*ids(received), *ids(rest)}) == 250


async def test_records_of_another_shape_are_rejected_and_the_others_kept() -> None:
    world = SandboxAccount(*companies(3))
    world.sandbox.account.upsert(RecordChange(object_name="companies", id="2", raw=None))
    nasty: dict[str, str | None] = {"name": "Ac\ud800me\0"}
    world.sandbox.account.upsert(RecordChange(object_name="companies", id="3", properties=nasty))
    (page,) = await world.pages(ObjectType.COMPANIES)
    assert ids([page]) == ["1", "3"]
    assert page.records[1].name == "Ac\ufffdme"  # type: ignore[union-attr] # it is a company
    assert [entry.reason for entry in page.rejected] == [RejectionReason.MALFORMED]


async def test_an_id_that_comes_on_two_pages_comes_twice() -> None:
    world = SandboxAccount(*companies(150))
    world.sandbox.flags.duplicate_across_pages = True
    received = ids(await world.pages(ObjectType.COMPANIES))
    assert len(set(received)) == 150
    assert len(received) > 150


async def test_merged_ids_are_reported_within_a_stream() -> None:
    world = SandboxAccount(*companies(2))
    survivor = world.sandbox.account.merge("companies", "1", "2")
    (page,) = await world.pages(ObjectType.COMPANIES)
    assert page.merged == {"1": survivor, "2": survivor}


async def test_a_cursor_that_does_not_move_ends_the_stream_instead_of_circling() -> None:
    world = SandboxAccount(*companies(1))
    body = {"results": [], "paging": {"next": {"after": "5"}}}
    world.fault("respond", match=COMPANY_LIST, method="GET", status=200, body=body, times=99)
    with pytest.raises(CrmRejected, match="circle"):
        await world.pages(ObjectType.COMPANIES)


async def test_a_stream_ends_at_the_end_of_data_and_not_at_a_short_or_empty_page() -> None:
    world = SandboxAccount(*companies(120))
    body = {"results": [], "paging": {"next": {"after": "50"}}}
    world.fault("respond", match=COMPANY_LIST, method="GET", status=200, body=body)
    assert len(ids(await world.pages(ObjectType.COMPANIES))) == 71


async def test_a_count_that_cannot_be_had_stops_nobody() -> None:
    world = SandboxAccount(*companies(3))
    world.fault("respond", match="/search", status=500, times=99)
    (page,) = await world.pages(ObjectType.COMPANIES)
    assert (len(page.records), page.expected_total) == (3, None)
    assert world.count_requests("POST /crm/objects/companies/search") == 1


async def test_a_cursor_from_elsewhere_is_refused() -> None:
    with pytest.raises(CrmRejected, match="cursor"):
        await SandboxAccount().pages(ObjectType.COMPANIES, cursor=Cursor("{}"))


async def test_a_cursor_survives_as_text() -> None:
    world = SandboxAccount(*companies(150))
    first, _ = await world.pages(ObjectType.COMPANIES)
    assert first.cursor is not None
    assert decode_cursor(Cursor(str(first.cursor))) == decode_cursor(first.cursor)
