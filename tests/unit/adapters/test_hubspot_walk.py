"""Walks through a sandbox that is as large, as slow and as broken as a test wants it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import httpx
import pytest

from astrelo.adapters.outbound.crm.walking import ahead
from astrelo.adapters.outbound.hubspot import walk
from astrelo.adapters.outbound.hubspot.cursors import SearchRange, position_of
from astrelo.adapters.outbound.hubspot.provider import HubSpotProvider, build_hubspot
from astrelo.adapters.outbound.hubspot.walk import ranges_of
from astrelo.domain.errors import CrmRejected, CrmUnavailable, RateLimited
from astrelo.domain.identifiers import Cursor, ObjectType, RecordId
from astrelo.domain.records import ContactRecord, DealRecord, RecordPage, RejectionReason
from astrelo.domain.sync import Window
from astrelo.sandbox import Association, Fault, Portal, PortalRecord, SandboxTransport
from astrelo.sandbox.hubspot import RecordChange, Sandbox, create_sandbox
from tests.unit.adapters.hubspot_sandbox import CONFIG, hubspot_over, reference, session_of
from tests.unit.fakes.clock import START, FakeClock
from tests.unit.fakes.crm_session import FakeCrmSession
from tests.unit.fakes.randomness import FakeRandomness

T = TypeVar("T")
pytestmark = pytest.mark.anyio

COMPANY_LIST = "/crm/objects/2026-09/companies"
CREATED = "2026-11-23T09:00:00.000Z"


def record(
    kind: str, number: int, updated_at: str = CREATED, **associations: Sequence[Association]
) -> PortalRecord:
    return PortalRecord(
        object=kind,
        id=str(number),
        properties={},
        created_at=CREATED,
        updated_at=updated_at,
        associations={name: list(found) for name, found in associations.items()},
    )


class World:
    """An account, a clock, the adapter, and a session for it."""

    def __init__(self, *records: PortalRecord) -> None:
        self.clock = FakeClock()
        self.sandbox: Sandbox = create_sandbox(Portal.of(records), clock=lambda: self.clock.now().timestamp())
        self.provider: HubSpotProvider = hubspot_over(self.sandbox, self.clock)
        self.session: FakeCrmSession = session_of(self.sandbox, self.provider)

    async def pages(
        self, object_type: ObjectType, *, window: Window | None = None, cursor: Cursor | None = None
    ) -> list[RecordPage]:
        reading = self.provider.read(self.session, object_type, window=window, cursor=cursor)
        return [page async for page in reading]

    def fault(self, kind: str, **told: Any) -> None:
        self.sandbox.faults.add(Fault(kind=kind, **told))  # type: ignore[arg-type] # one of its kinds

    def asked(self, endpoint: str) -> int:
        return sum(entry.endpoint == endpoint for entry in self.sandbox.journal.entries)


async def collect(iterator: AsyncIterator[T], into: list[T]) -> None:
    """Keep what came before an error."""
    async for item in iterator:
        into.append(item)  # noqa: PERF401 - an extend would lose it


def ids(pages: Sequence[RecordPage]) -> list[str]:
    return [told.record_id for page in pages for told in page.records]


def contacts(count: int) -> list[PortalRecord]:
    """Contacts, and the ten companies that they belong to."""
    people = [
        record("contacts", number, companies=[Association(id=company_of(number), primary=True)])
        for number in range(1, count + 1)
    ]
    return people + [record("companies", int(company_of(number))) for number in range(10)]


def company_of(number: int) -> str:
    return str(1_000_000 + number % 10)


def companies(count: int, updated_at: str = CREATED) -> list[PortalRecord]:
    return [record("companies", number, updated_at) for number in range(1, count + 1)]


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


@pytest.mark.parametrize("kind", ["drop", "drop_response", "cut", "truncate", "respond"])
@pytest.mark.parametrize(
    "match", ["/crm/objects/2026-09/contacts", "/crm/associations/"], ids=["the list", "the associations"]
)
async def test_trouble_on_the_way_loses_nothing(kind: str, match: str) -> None:
    world = World(*contacts(1_200))
    world.fault(kind, match=match, skip=1, times=2)
    pages = await world.pages(ObjectType.CONTACTS)
    assert sorted(ids(pages), key=int) == [str(number) for number in range(1, 1_201)]
    linked = [told for page in pages for told in page.records if isinstance(told, ContactRecord)]
    assert all(told.company_id for told in linked)


async def test_pages_before_an_error_are_yielded_first() -> None:
    world = World(*companies(250))
    world.fault("respond", match=COMPANY_LIST, method="GET", skip=2, status=429, policy="DAILY")
    received: list[RecordPage] = []
    with pytest.raises(RateLimited):
        await collect(world.provider.read(world.session, ObjectType.COMPANIES), received)
    assert len(ids(received)) == 200
    rest = await world.pages(ObjectType.COMPANIES, cursor=received[-1].cursor)
    assert len({*ids(received), *ids(rest)}) == 250


async def test_records_of_another_shape_are_rejected_and_the_others_kept() -> None:
    world = World(*companies(3))
    world.sandbox.account.upsert(RecordChange(object_name="companies", id="2", raw=None))
    nasty: dict[str, str | None] = {"name": "Ac\ud800me\0"}
    world.sandbox.account.upsert(RecordChange(object_name="companies", id="3", properties=nasty))
    (page,) = await world.pages(ObjectType.COMPANIES)
    assert ids([page]) == ["1", "3"]
    assert page.records[1].name == "Ac\ufffdme"  # type: ignore[union-attr] # it is a company
    assert [entry.reason for entry in page.rejected] == [RejectionReason.MALFORMED]


async def test_an_id_that_comes_on_two_pages_comes_twice() -> None:
    world = World(*companies(150))
    world.sandbox.switches.duplicate_across_pages = True
    received = ids(await world.pages(ObjectType.COMPANIES))
    assert len(set(received)) == 150
    assert len(received) > 150


async def test_merged_ids_are_told_within_a_walk() -> None:
    world = World(*companies(2))
    survivor = world.sandbox.account.merge("companies", "1", "2")
    (page,) = await world.pages(ObjectType.COMPANIES)
    assert page.merged == {"1": survivor, "2": survivor}


async def test_a_cursor_that_does_not_move_ends_the_walk_instead_of_circling() -> None:
    world = World(*companies(1))
    body = {"results": [], "paging": {"next": {"after": "5"}}}
    world.fault("respond", match=COMPANY_LIST, method="GET", status=200, body=body, times=99)
    with pytest.raises(CrmRejected, match="circle"):
        await world.pages(ObjectType.COMPANIES)


async def test_a_walk_ends_at_the_end_of_data_and_not_at_a_short_or_empty_page() -> None:
    world = World(*companies(120))
    body = {"results": [], "paging": {"next": {"after": "50"}}}
    world.fault("respond", match=COMPANY_LIST, method="GET", status=200, body=body)
    assert len(ids(await world.pages(ObjectType.COMPANIES))) == 71


async def test_a_count_that_cannot_be_had_stops_nobody() -> None:
    world = World(*companies(3))
    world.fault("respond", match="/search", status=500, times=99)
    (page,) = await world.pages(ObjectType.COMPANIES)
    assert (len(page.records), page.expected_total) == (3, None)
    assert world.asked("POST /crm/objects/companies/search") == 1


async def test_a_cursor_from_elsewhere_is_refused() -> None:
    with pytest.raises(CrmRejected, match="cursor"):
        await World().pages(ObjectType.COMPANIES, cursor=Cursor("{}"))


async def test_three_hungry_streams_stay_within_the_window_and_use_it() -> None:
    world = World(*companies(10_000), *contacts(10_000), *[record("deals", n) for n in range(1, 5_001)])
    await asyncio.gather(*(world.pages(object_type) for object_type in ObjectType))
    stats = world.sandbox.stats()
    assert 100 <= stats["max_requests_in_window"] <= 110  # type: ignore[operator] # a number
    assert all(entry.status != 429 for entry in world.sandbox.journal.entries)
    windowed = sum(entry.windowed for entry in world.sandbox.journal.entries)
    assert world.clock.monotonic() <= windowed / 110 * 10 * 1.1


async def test_a_worker_that_takes_over_finds_the_window_as_its_predecessor_left_it() -> None:
    world = World(*companies(10_000))
    await world.pages(ObjectType.COMPANIES)
    successor = hubspot_over(world.sandbox, world.clock)
    async for _ in successor.read(world.session, ObjectType.COMPANIES):
        pass
    assert all(entry.status != 429 for entry in world.sandbox.journal.entries)


WINDOW = Window(start=START - timedelta(hours=2), end=START)


@pytest.fixture
def small_cap(monkeypatch: pytest.MonkeyPatch) -> int:
    """Lower the cap of search, so that few records are too many."""
    monkeypatch.setattr(walk, "SEARCH_CAP", 400)
    return 400


@pytest.mark.usefixtures("small_cap")
async def test_a_window_with_more_than_search_can_page_to_is_divided_by_time() -> None:
    stamps = [f"2026-11-23T09:{second // 60:02}:{second % 60:02}.000Z" for second in range(1_500)]
    world = World(*(record("companies", number, stamp) for number, stamp in enumerate(stamps, start=1)))
    pages = await world.pages(ObjectType.COMPANIES, window=WINDOW)
    assert sorted(ids(pages), key=int) == [str(number) for number in range(1, 1_501)]
    assert pages[0].expected_total == 1_500
    assert [page.cursor is None for page in pages] == [False] * (len(pages) - 1) + [True]


@pytest.mark.usefixtures("small_cap")
async def test_a_millisecond_with_more_than_search_can_page_to_is_divided_by_ids() -> None:
    world = World(*companies(1_000))
    pages = await world.pages(ObjectType.COMPANIES, window=WINDOW)
    assert sorted(ids(pages), key=int) == [str(number) for number in range(1, 1_001)]
    assert all(page.records for page in pages[:-1])


@pytest.mark.usefixtures("small_cap")
async def test_a_window_goes_on_from_any_of_its_cursors() -> None:
    stamps = [CREATED, "2026-11-23T09:20:00.000Z", "2026-11-23T09:40:00.000Z"]
    world = World(*(record("companies", number, stamps[number % 3]) for number in range(1, 900)))
    pages = await world.pages(ObjectType.COMPANIES, window=WINDOW)
    for place, page in enumerate(pages[:-1], start=1):
        rest = await world.pages(ObjectType.COMPANIES, cursor=page.cursor)
        assert {*ids(pages[:place]), *ids(rest)} == {str(number) for number in range(1, 900)}


async def test_a_search_without_a_count_is_refused_instead_of_divided_for_ever() -> None:
    world = World(*companies(1))
    world.fault("respond", match="/search", status=200, body={"results": []}, times=99)
    with pytest.raises(CrmRejected, match="how many"):
        await world.pages(ObjectType.COMPANIES, window=WINDOW)


async def test_contacts_of_a_window_go_by_their_own_property_and_carry_their_company() -> None:
    world = World(*contacts(1_100))
    pages = await world.pages(ObjectType.CONTACTS, window=WINDOW)
    linked = [told for page in pages for told in page.records if isinstance(told, ContactRecord)]
    assert len(linked) == 1_100
    assert all(told.company_id for told in linked)


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


def meddled(world: World, meddle: Callable[[], None]) -> HubSpotProvider:
    transport = Meddler(world.sandbox, meddle)
    return build_hubspot(CONFIG, reference(), world.clock, FakeRandomness(), reads=transport, oauth=transport)


async def test_a_window_whose_records_move_while_it_is_read_is_read_again() -> None:
    """A record that leaves the window shifts a later one from the second page to the first, unread."""
    world = World(*companies(390))
    leavers = iter(["1", "2"])

    def modify_one() -> None:
        world.clock.advance(1)
        if (number := next(leavers, None)) is not None:
            world.sandbox.account.upsert(RecordChange(object_name="companies", id=number))

    provider = meddled(world, modify_one)
    reading = provider.read(world.session, ObjectType.COMPANIES, window=WINDOW)
    received = ids([page async for page in reading])
    assert {str(number) for number in range(3, 391)} <= set(received)
    assert world.asked("POST /crm/objects/companies/search") > 2


async def test_a_window_that_never_stands_still_is_divided_until_its_parts_do() -> None:
    world = World(*[record("companies", n, f"2026-11-23T09:00:{n % 60:02}.000Z") for n in range(1, 391)])
    leavers = iter(range(1, 40))

    def modify_one() -> None:
        world.clock.advance(1)
        if (number := next(leavers, None)) is not None:
            world.sandbox.account.upsert(RecordChange(object_name="companies", id=str(number)))

    provider = meddled(world, modify_one)
    reading = provider.read(world.session, ObjectType.COMPANIES, window=WINDOW)
    received = ids([page async for page in reading])
    assert {str(number) for number in range(40, 391)} <= set(received)


def test_a_window_is_widened_to_whole_milliseconds() -> None:
    inside = timedelta(microseconds=300)
    (wanted,) = ranges_of(Window(start=START + inside, end=START + inside))
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


async def test_a_cursor_survives_as_text() -> None:
    world = World(*companies(150))
    first, _ = await world.pages(ObjectType.COMPANIES)
    assert first.cursor is not None
    assert position_of(Cursor(str(first.cursor))) == position_of(first.cursor)


async def steps(
    *jobs: Coroutine[Any, Any, int], error: Exception | None = None
) -> AsyncGenerator[Coroutine[Any, Any, int], None]:
    for job in jobs:
        yield job
    if error is not None:
        raise error


async def after(turns: int, result: int) -> int:
    for _ in range(turns):
        await asyncio.sleep(0)
    return result


async def test_results_come_in_order_whichever_is_done_first() -> None:
    made = ahead(steps(after(9, 1), after(0, 2), after(5, 3)), 2)
    assert [result async for result in made] == [1, 2, 3]


async def test_an_error_comes_after_the_results_before_it() -> None:
    received: list[int] = []
    made = ahead(steps(after(5, 1), after(5, 2), error=ValueError("broken")), 5)
    with pytest.raises(ValueError, match="broken"):
        await collect(made, received)
    assert received == [1, 2]


async def test_leaving_early_stops_what_was_begun() -> None:
    stopped: list[int] = []

    async def endless(number: int) -> int:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(number)
        return number

    made = ahead(steps(after(0, 0), endless(1), endless(2)), 5)
    assert await anext(made) == 0
    await asyncio.sleep(0)
    await made.aclose()
    assert sorted(stopped) == [1, 2]


async def test_ids_whose_survivors_do_not_say_whom_they_absorbed_are_asked_for_alone() -> None:
    world = World(*companies(4))
    survivors = {"1": world.sandbox.account.merge("companies", "1", "2")}
    survivors["3"] = world.sandbox.account.merge("companies", "3", "4")
    for survivor in survivors.values():
        silent: dict[str, str | None] = {"hs_merged_object_ids": None}
        world.sandbox.account.upsert(RecordChange(object_name="companies", id=survivor, properties=silent))
    page = await world.provider.fetch(world.session, ObjectType.COMPANIES, [RecordId("1"), RecordId("3")])
    assert page.merged == survivors
    assert sorted(ids([page])) == sorted(survivors.values())


async def test_a_record_that_a_batch_does_not_mention_is_not_taken_for_gone() -> None:
    world = World(*companies(1))
    world.fault("respond", match="/batch/read", status=200, body={"results": []}, times=9)
    with pytest.raises(CrmRejected, match="no word"):
        await world.provider.fetch(world.session, ObjectType.COMPANIES, [RecordId("1")])
