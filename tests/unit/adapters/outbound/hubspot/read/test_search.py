"""Windows, read by search: divided where it can page to no more, and read again where its records move."""

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from astrelo.adapters.outbound.hubspot.api import wire
from astrelo.adapters.outbound.hubspot.provider import HubSpotProvider, build_hubspot
from astrelo.adapters.outbound.hubspot.read.cursors import SearchRange
from astrelo.adapters.outbound.hubspot.read.pagination import search_ranges
from astrelo.domain.errors import CrmRejected
from astrelo.domain.identifiers import ObjectType
from astrelo.domain.records import ContactRecord
from astrelo.domain.sync import Window
from crm_sandbox import SandboxTransport
from crm_sandbox.hubspot import RecordChange, Sandbox
from tests.support.fakes.clock import START
from tests.support.fakes.randomness import FakeRandomness
from tests.support.hubspot.account import CREATED, SandboxAccount, companies, contacts, ids, record
from tests.support.hubspot.sandbox import CONFIG, reference

pytestmark = pytest.mark.anyio

WINDOW = Window(start=START - timedelta(hours=2), end=START)


@pytest.fixture
def small_cap(monkeypatch: pytest.MonkeyPatch) -> int:
    """Lower the cap of search, so that few records are too many."""
    monkeypatch.setattr(wire, "MAX_SEARCH_RESULTS", 400)
    return 400


@pytest.mark.usefixtures("small_cap")
async def test_a_window_with_more_than_search_can_page_to_is_divided_by_time() -> None:
    stamps = [f"2026-11-23T09:{second // 60:02}:{second % 60:02}.000Z" for second in range(1_500)]
    world = SandboxAccount(
        *(record("companies", number, stamp) for number, stamp in enumerate(stamps, start=1))
    )
    pages = await world.pages(ObjectType.COMPANIES, window=WINDOW)
    assert sorted(ids(pages), key=int) == [str(number) for number in range(1, 1_501)]
    assert pages[0].expected_total == 1_500
    assert [page.cursor is None for page in pages] == [False] * (len(pages) - 1) + [True]


@pytest.mark.usefixtures("small_cap")
async def test_a_millisecond_with_more_than_search_can_page_to_is_divided_by_ids() -> None:
    world = SandboxAccount(*companies(1_000))
    pages = await world.pages(ObjectType.COMPANIES, window=WINDOW)
    assert sorted(ids(pages), key=int) == [str(number) for number in range(1, 1_001)]
    assert all(page.records for page in pages[:-1])


@pytest.mark.usefixtures("small_cap")
async def test_a_window_goes_on_from_any_of_its_cursors() -> None:
    stamps = [CREATED, "2026-11-23T09:20:00.000Z", "2026-11-23T09:40:00.000Z"]
    world = SandboxAccount(*(record("companies", number, stamps[number % 3]) for number in range(1, 900)))
    pages = await world.pages(ObjectType.COMPANIES, window=WINDOW)
    for place, page in enumerate(pages[:-1], start=1):
        rest = await world.pages(ObjectType.COMPANIES, cursor=page.cursor)
        assert {*ids(pages[:place]), *ids(rest)} == {str(number) for number in range(1, 900)}


async def test_a_search_without_a_count_is_refused_instead_of_divided_for_ever() -> None:
    world = SandboxAccount(*companies(1))
    world.fault("respond", match="/search", status=200, body={"results": []}, times=99)
    with pytest.raises(CrmRejected, match="how many"):
        await world.pages(ObjectType.COMPANIES, window=WINDOW)


async def test_contacts_of_a_window_go_by_their_own_property_and_carry_their_company() -> None:
    world = SandboxAccount(*contacts(1_100))
    pages = await world.pages(ObjectType.CONTACTS, window=WINDOW)
    linked = [record for page in pages for record in page.records if isinstance(record, ContactRecord)]
    assert len(linked) == 1_100
    assert all(record.company_id for record in linked)


class Meddler(SandboxTransport):
    """Does something to the account after each search, as its users do while we read."""

    def __init__(self, sandbox: Sandbox, meddle: Callable[[], None]) -> None:
        super().__init__(sandbox)
        self._meddle = meddle

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        if request.url.path.endswith("/search"):
            self._meddle()
        return response


def meddle_with(world: SandboxAccount, meddle: Callable[[], None]) -> HubSpotProvider:
    transport = Meddler(world.sandbox, meddle)
    return build_hubspot(CONFIG, reference(), world.clock, FakeRandomness(), reads=transport, oauth=transport)


async def test_a_window_whose_records_move_while_it_is_read_is_read_again() -> None:
    """A record that leaves the window shifts a later one from the second page to the first, unread."""
    world = SandboxAccount(*companies(390))
    leavers = iter(["1", "2"])

    def modify_one() -> None:
        world.clock.advance(1)
        if (number := next(leavers, None)) is not None:
            world.sandbox.account.upsert(RecordChange(object_name="companies", id=number))

    provider = meddle_with(world, modify_one)
    reading = provider.read(world.session, ObjectType.COMPANIES, window=WINDOW)
    received = ids([page async for page in reading])
    assert {str(number) for number in range(3, 391)} <= set(received)
    assert world.count_requests("POST /crm/objects/companies/search") > 2


async def test_a_window_that_never_stands_still_is_divided_until_its_parts_do() -> None:
    world = SandboxAccount(
        *[record("companies", n, f"2026-11-23T09:00:{n % 60:02}.000Z") for n in range(1, 391)]
    )
    leavers = iter(range(1, 40))

    def modify_one() -> None:
        world.clock.advance(1)
        if (number := next(leavers, None)) is not None:
            world.sandbox.account.upsert(RecordChange(object_name="companies", id=str(number)))

    provider = meddle_with(world, modify_one)
    reading = provider.read(world.session, ObjectType.COMPANIES, window=WINDOW)
    received = ids([page async for page in reading])
    assert {str(number) for number in range(40, 391)} <= set(received)


def test_a_window_is_widened_to_whole_milliseconds() -> None:
    inside = timedelta(microseconds=300)
    (wanted,) = search_ranges(Window(start=START + inside, end=START + inside))
    start = round(START.timestamp() * 1000)
    assert wanted == SearchRange(start, start + 1)


def test_halves_of_a_range_are_disjoint_and_leave_nothing_out() -> None:
    for whole in (SearchRange(1, 4), SearchRange(1, 2), SearchRange(1, 1, 0, 7), SearchRange(1, 1, 6, 7)):
        first, second = whole.halves()
        assert (first.start, first.lowest) == (whole.start, whole.lowest)
        assert (second.end, second.highest) == (whole.end, whole.highest)
        assert first.end + 1 == second.start or first.highest + 1 == second.lowest
    with pytest.raises(CrmRejected):
        SearchRange(1, 1, 7, 7).halves()
