"""Streams by queries, through a sandbox that is as large, as small-paged and as forgetful as a test wants it."""

import asyncio
from contextlib import aclosing
from datetime import timedelta

import httpx
import pytest

from astrelo.domain.connection import CrmAccount, Grant, TokenSet
from astrelo.domain.errors import CrmRejected, CrmUnavailable
from astrelo.domain.identifiers import CrmAccountId, ObjectType
from astrelo.domain.records import RecordPage, RejectedRecord, RejectionReason
from astrelo.domain.sync import Window
from crm_sandbox.salesforce import Flags, RecordChange, record_id
from tests.support.crm.collecting import collect
from tests.support.crm.responses import ScriptedServer, json_response
from tests.support.fakes.clock import START, FakeClock
from tests.support.fakes.crm_session import FakeCrmSession
from tests.support.salesforce.sandbox import (
    API,
    SandboxOrg,
    account_ids,
    accounts,
    config,
    deals,
    ids,
    row,
    salesforce_over,
)

pytestmark = pytest.mark.anyio

EVERYTHING = Window(start=START - timedelta(days=1), end=START)
COMPANIES, DEALS = ObjectType.COMPANIES, ObjectType.DEALS


async def test_a_stream_yields_every_live_record_in_pages_of_a_thousand() -> None:
    world = SandboxOrg(*accounts(2_500))
    world.sandbox.org.delete("Account", record_id("Account", 7))
    pages = await world.pages(COMPANIES)
    assert [len(page.records) for page in pages] == [1000, 1000, 499]
    assert ids(pages) == [one for one in account_ids(*range(1, 2_501)) if one != record_id("Account", 7)]
    assert [page.cursor is None for page in pages] == [False, False, True]
    assert [page.expected_total for page in pages] == [2_499, None, None]
    assert world.count_requests("/query") == 2


async def test_an_empty_org_ends_its_stream_with_an_empty_page() -> None:
    (page,) = await SandboxOrg(row("User", 9)).pages(COMPANIES)
    assert (page.records, page.cursor, page.expected_total) == ([], None, 0)


@pytest.mark.parametrize("size", [200, 999, 1_000, 2_000])
@pytest.mark.parametrize("window", [None, EVERYTHING], ids=["whole", "window"])
async def test_a_stream_goes_on_behind_every_page_and_loses_none(size: int, window: Window | None) -> None:
    world = SandboxOrg(*accounts(1_250), flags=Flags(short_page_every=2), settings=config(batch_size=size))
    pages = await world.pages(COMPANIES, window=window)
    for number, page in enumerate(pages[:-1]):
        rest = await world.pages(COMPANIES, cursor=page.cursor)
        assert ids(pages[: number + 1]) + ids(rest) == account_ids(*range(1, 1_251))
        assert rest[0].expected_total is None


async def test_a_stream_by_queries_is_resumed_by_queries_however_much_is_left() -> None:
    cursor = (await SandboxOrg(*accounts(2_500)).pages(COMPANIES))[0].cursor
    world = SandboxOrg(*accounts(2_500), settings=config(bulk_threshold=10))
    assert ids(await world.pages(COMPANIES, cursor=cursor)) == account_ids(*range(1_001, 2_501))
    assert world.count_requests("/jobs/") == 0


async def test_a_cursor_knows_its_window() -> None:
    world = SandboxOrg(*accounts(1_500), *[row("Account", 9_000, "2026-11-01T00:00:00.000Z")])
    first, *_ = await world.pages(COMPANIES, window=EVERYTHING)
    rest = await world.pages(COMPANIES, cursor=first.cursor)
    assert ids([first, *rest]) == account_ids(*range(1, 1_501))


async def test_the_page_size_is_asked_for() -> None:
    world = SandboxOrg(*accounts(900), settings=config(batch_size=300))
    await world.pages(COMPANIES)
    assert world.count_requests("/query") == 3


async def test_a_stream_that_goes_on_days_later_needs_no_locator_of_salesforces() -> None:
    world = SandboxOrg(*accounts(2_500))
    first, *_ = await world.pages(COMPANIES)
    world.clock.advance(10 * 86_400)
    assert ids([first, *await world.pages(COMPANIES, cursor=first.cursor)]) == account_ids(*range(1, 2_501))


@pytest.mark.parametrize("window", [None, EVERYTHING], ids=["whole", "window"])
async def test_a_locator_that_dies_in_mid_stream_costs_a_query_and_no_record(window: Window | None) -> None:
    world = SandboxOrg(*accounts(1_400), settings=config(batch_size=300))
    world.refuse("INVALID_QUERY_LOCATOR", match=f"{API}/query/", skip=1)
    assert ids(await world.pages(COMPANIES, window=window)) == account_ids(*range(1, 1_401))


async def test_locators_that_are_always_dead_still_let_a_stream_end() -> None:
    world = SandboxOrg(*accounts(1_500), settings=config(batch_size=200))
    world.refuse("INVALID_QUERY_LOCATOR", match=f"{API}/query/", times=99)
    assert ids(await world.pages(COMPANIES)) == account_ids(*range(1, 1_501))


async def test_dead_locators_behind_pages_without_rows_end_a_stream_that_could_not_end() -> None:
    empty = {"totalSize": 5, "done": False, "nextRecordsUrl": f"{API}/query/0r8-1", "records": []}
    dead = json_response(400, [{"errorCode": "INVALID_QUERY_LOCATOR", "message": "x"}])
    played = Played(json_response(200, empty), dead, json_response(200, empty), dead)
    with pytest.raises(CrmUnavailable, match="locators"):
        await played.pages(COMPANIES)


async def test_links_that_go_round_in_a_circle_end_a_stream() -> None:
    page = {"totalSize": 5, "done": False, "nextRecordsUrl": f"{API}/query/0r8-1", "records": []}
    with pytest.raises(CrmRejected, match="circle"):
        await Played(json_response(200, page)).pages(COMPANIES)


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.test/services/data/v68.0/query/1",
        "//evil.test/services/data/v68.0/query/1",
        "@evil.test/services/data/v68.0/query/1",
        ".evil.test/services/data/v68.0/query/1",
        "/services/data/v68.0/query/../sobjects",
        "/services/data/v67.0/query/1",
        "/services/oauth2/revoke",
        "/services/data/v68.0/query/1#x",
        "/services/data/v68.0/query/1\\@evil.test",
        "/services/data/v68.0/query/1\r\nHost: evil.test",
    ],
)
async def test_a_link_to_anywhere_else_is_not_followed(link: str) -> None:
    page = {"totalSize": 5, "done": False, "nextRecordsUrl": link, "records": []}
    played = Played(json_response(200, page))
    with pytest.raises(CrmRejected, match="leads away"):
        await played.pages(COMPANIES)
    assert len(played.server.requests) == 2


async def test_a_token_that_ends_in_mid_stream_is_renewed_and_the_org_followed_to_its_new_host() -> None:
    world = SandboxOrg(*accounts(2_500), settings=config(batch_size=500))
    before = world.session.tokens.api_url
    async with aclosing(world.read(COMPANIES)) as reading:  # type: ignore[type-var] # it is a generator
        pages = [await anext(reading)]
        world.flags.instance_number = 2
        world.sandbox.oauth.expire_access_tokens()
        pages += [page async for page in reading]
    assert ids(pages) == account_ids(*range(1, 2_501))
    assert world.session.refreshes == 1
    assert world.session.tokens.api_url not in {None, before}


async def test_a_stream_survives_cut_dropped_and_refused_answers() -> None:
    world = SandboxOrg(*accounts(2_500))
    for number, kind in enumerate(("cut", "drop", "truncate", "drop_response", "respond")):
        world.fault(kind, match="/query", skip=number, status=503)
    assert ids(await world.pages(COMPANIES)) == account_ids(*range(1, 2_501))


async def test_a_bad_record_is_reported_once_and_costs_itself_alone() -> None:
    world = SandboxOrg(*accounts(1_700))
    bad = record_id("Account", 50)
    world.sandbox.org.upsert(RecordChange(object_name="Account", id=bad, raw=[1]))
    world.sandbox.org.upsert(
        RecordChange(object_name="Account", id=record_id("Account", 51), raw={"Id": "51"})
    )
    pages = await world.pages(COMPANIES)
    assert len(ids(pages)) == 1_698
    assert [page.rejected for page in pages] == [
        [
            RejectedRecord(None, RejectionReason.MALFORMED),
            RejectedRecord("51", RejectionReason.NO_MODIFIED_TIME),
        ],
        [],
    ]


async def test_leaving_a_stream_early_stops_what_is_ahead() -> None:
    world = SandboxOrg(*deals(1_500))
    world.flags.latency_ms = 1
    before = asyncio.all_tasks()
    async with aclosing(world.read(DEALS)) as reading:  # type: ignore[type-var] # it is a generator
        await anext(reading)
    assert asyncio.all_tasks() == before
    asked = len(world.sandbox.journal.entries)
    world.clock.advance(60)
    await world.clock.sleep(60)
    assert len(world.sandbox.journal.entries) == asked


async def test_a_window_holds_its_bounds_and_nothing_beyond() -> None:
    stamps = ["09:59:58", "09:59:59", "10:00:00", "10:00:01", "10:00:02"]
    world = SandboxOrg(*[row("Account", n, f"2026-11-23T{at}.000Z") for n, at in enumerate(stamps, start=1)])
    start = START - timedelta(seconds=1)
    window = Window(start=start, end=START + timedelta(seconds=1))
    assert ids(await world.pages(COMPANIES, window=window)) == account_ids(2, 3, 4)
    fine = Window(start=start + timedelta(microseconds=1), end=START + timedelta(microseconds=999_001))
    assert ids(await world.pages(COMPANIES, window=fine)) == account_ids(2, 3, 4)


async def test_windows_that_touch_leave_no_stamp_out() -> None:
    world = SandboxOrg(row("Account", 1, "2026-11-23T09:30:00.000Z"))
    half = START - timedelta(minutes=30)
    for window in (Window(start=START - timedelta(hours=1), end=half), Window(start=half, end=START)):
        assert ids(await world.pages(COMPANIES, window=window)) == account_ids(1)


async def test_a_record_modified_in_mid_stream_comes_in_the_next_window() -> None:
    world = SandboxOrg(*accounts(3_500))
    window = Window(start=START - timedelta(hours=2), end=world.clock.now())
    touched = record_id("Account", 3_400)
    seen: list[RecordPage] = []
    async with aclosing(world.read(COMPANIES, window=window)) as reading:  # type: ignore[type-var] # it is a generator
        seen.append(await anext(reading))
        world.clock.advance(5)
        world.sandbox.org.touch("Account", touched)
    seen += await world.pages(COMPANIES, cursor=seen[0].cursor)
    assert touched not in ids(seen)
    later = Window(start=window.end, end=world.clock.now())
    assert ids(await world.pages(COMPANIES, window=later)) == [touched]


async def test_deletions_and_merges_of_a_window_are_distinguished() -> None:
    world = SandboxOrg(*accounts(4), row("Account", 5, "2026-11-01T00:00:00.000Z"))
    one, two, three, four, five = account_ids(1, 2, 3, 4, 5)
    world.clock.advance(60)
    org = world.sandbox.org
    org.delete("Account", one)
    org.merge("Account", two, three)
    org.erase("Account", four)
    window = Window(start=START, end=world.clock.now())
    (page,) = await world.pages(COMPANIES, window=window)
    assert (ids([page]), page.removed_ids, page.merged) == ([two], [one], {three: two})
    assert page.are_live
    assert ids(await world.pages(COMPANIES)) == [two, five]


async def test_a_deal_that_was_deleted_is_reported_though_deals_have_no_master() -> None:
    world = SandboxOrg(*deals(3))
    gone = record_id("Opportunity", 2)
    world.clock.advance(60)
    world.sandbox.org.delete("Opportunity", gone)
    (page,) = await world.pages(DEALS, window=Window(start=START, end=world.clock.now()))
    assert (ids([page]), page.removed_ids) == ([], [gone])


async def test_every_user_is_an_owner_and_inactive_ones_are_archived() -> None:
    users = [row("User", number, Email=f"u{number}@firm.example", LastName="U") for number in range(2, 450)]
    world = SandboxOrg(
        *users, row("User", 900, LastName="Gone", IsActive="false"), settings=config(batch_size=200)
    )
    owners = {str(one.record_id): one for one in await world.provider.list_owners(world.session)}
    assert len(owners) == 448 + 2
    assert owners[record_id("User", 2)].email == "u2@firm.example"
    assert [one.record_id for one in owners.values() if one.archived] == [record_id("User", 900)]


class Played:
    """The adapter against answers that are laid ready, behind a describe of accounts."""

    def __init__(self, *answers: object) -> None:
        described = [{"name": name} for name in ("Id", "SystemModstamp", "IsDeleted")]
        describe = json_response(200, {"fields": described})
        self.server = ScriptedServer(describe, *answers)  # type: ignore[arg-type] # they are answers
        clock = FakeClock()
        self._provider = salesforce_over(httpx.MockTransport(self.server), clock)
        tokens = TokenSet(
            access_token="a", refresh_token="r", expires_at=None, api_url="https://acme.my.salesforce.com"
        )
        account = CrmAccount(account_id=CrmAccountId("00D"), name="Acme")
        self._session = FakeCrmSession(self._provider, Grant(tokens=tokens, account=account))

    async def pages(self, object_type: ObjectType) -> list[RecordPage]:
        pages: list[RecordPage] = []
        await collect(self._provider.read(self._session, object_type), pages)
        return pages
