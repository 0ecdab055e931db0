"""Streams by bulk jobs: those that are lost, frozen, taken over half-way, or whose results come in odd pages."""

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import httpx
import pytest

from astrelo.adapters.outbound.salesforce.read.bulk import MAX_JOB_SECONDS
from astrelo.adapters.outbound.salesforce.read.cursors import JobPosition, decode_cursor
from astrelo.domain.errors import CrmRejected, CrmUnavailable, PermissionMissing
from astrelo.domain.identifiers import Cursor, ObjectType
from astrelo.domain.records import DealRecord, RecordPage, RejectedRecord, RejectionReason, content_hash
from astrelo.domain.sync import Window
from crm_sandbox import Dataset, DatasetRecord
from crm_sandbox.salesforce import Flags, record_id
from tests.support.builders import ANY_VERSION
from tests.support.crm.collecting import collect
from tests.support.fakes.clock import START
from tests.support.salesforce.sandbox import (
    API,
    CREATED,
    SandboxOrg,
    account_ids,
    accounts,
    config,
    ids,
    row,
    salesforce_over,
)

pytestmark = pytest.mark.anyio

COMPANIES, CONTACTS, DEALS = ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS
EVERYTHING = Window(start=START - timedelta(days=1), end=START)
JOBS = f"{API}/jobs/query"
SMALL = 10
END_OF_RESULTS = '"Id","SystemModstamp"\n'
NO_MORE = {"Sforce-Locator": "null"}


def in_bulk(*records: DatasetRecord, **flags: Any) -> SandboxOrg:
    """Make a world in which everything over SMALL records is read by a job, which is done at once."""
    played = Flags(**{"bulk_polls": 0, **flags})
    return SandboxOrg(*records, flags=played, settings=config(bulk_threshold=SMALL))


def job_of(page: RecordPage) -> str:
    assert page.cursor is not None
    position = decode_cursor(page.cursor)
    assert isinstance(position, JobPosition)
    return position.job


def jobs_made(world: SandboxOrg) -> int:
    return sum(entry.method == "POST" and entry.path == JOBS for entry in world.sandbox.journal.entries)


def by_id(pages: Sequence[RecordPage]) -> dict[str, bytes]:
    return {
        str(record.record_id): content_hash(record, ANY_VERSION) for page in pages for record in page.records
    }


@pytest.mark.parametrize("window", [None, EVERYTHING], ids=["whole", "window"])
async def test_a_stream_over_the_threshold_becomes_a_job_and_brings_everything_once(
    window: Window | None,
) -> None:
    world = in_bulk(*accounts(1_500), bulk_rows_per_page=1_100)
    pages = await world.pages(COMPANIES, window=window)
    assert sorted(ids(pages)) == account_ids(*range(1, 1_501))
    assert ids(pages) != sorted(ids(pages)), "the sandbox should shuffle"
    assert max(len(page.records) for page in pages) == 1_000
    assert [page.cursor is None for page in pages] == [False] * (len(pages) - 1) + [True]
    assert (jobs_made(world), world.count_requests("GET /services/data/v68.0/query")) == (1, 1)


async def test_a_stream_at_the_threshold_stays_with_queries() -> None:
    world = in_bulk(*accounts(SMALL))
    await world.pages(COMPANIES)
    assert jobs_made(world) == 0


async def test_the_job_is_reported_before_it_is_waited_for() -> None:
    world = in_bulk(*accounts(50), bulk_polls=99)
    async with aclosing(world.read(COMPANIES)) as reading:  # type: ignore[type-var] # it is a generator
        first = await anext(reading)
    assert (first.records, first.expected_total) == ([], 50)
    (job,) = world.sandbox.jobs[world.sandbox.org.org_id].list_all()
    assert job_of(first) == job.id
    world.flags.bulk_polls = 0
    rest = await world.pages(COMPANIES, cursor=first.cursor)
    assert sorted(ids(rest)) == account_ids(*range(1, 51))
    assert jobs_made(world) == 1


async def test_a_job_that_is_waited_for_is_reported_again_after_each_look() -> None:
    """A worker whose time is up can leave at each of them."""
    world = in_bulk(*accounts(50), bulk_polls=3)
    pages = await world.pages(COMPANIES)
    assert [len(page.records) for page in pages] == [0, 0, 0, 0, 50]
    assert len({job_of(page) for page in pages[:-1]}) == 1
    for page in pages[:-1]:
        assert sorted(ids(await world.pages(COMPANIES, cursor=page.cursor))) == account_ids(*range(1, 51))


async def test_the_job_has_no_order_so_that_salesforce_may_divide_it() -> None:
    world = in_bulk(*accounts(50))
    await world.pages(COMPANIES)
    (job,) = world.sandbox.jobs[world.sandbox.org.org_id].list_all()
    assert job.is_chunked


async def test_a_job_is_asked_about_at_growing_pauses() -> None:
    world = in_bulk(*accounts(50), bulk_polls=12)
    await world.pages(COMPANIES)
    pauses = [one for one in world.clock.slept if one]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1], len(pauses)) == (0.5, 20.0, 12)


async def test_bulk_and_queries_give_equal_records() -> None:
    dataset = Dataset.generate(companies=40)
    by_query, by_job = (
        SandboxOrg(*dataset.records, settings=config(bulk_threshold=threshold)) for threshold in (10**6, 1)
    )
    for kind in ObjectType:
        queried = by_id(await by_query.pages(kind))
        assert by_id(await by_job.pages(kind)) == queried
        assert len(queried) > 1
    assert (jobs_made(by_query), jobs_made(by_job)) == (0, 3)


async def test_a_query_that_times_out_becomes_a_job() -> None:
    world = SandboxOrg(*accounts(300))
    world.refuse("QUERY_TIMEOUT", match=f"{API}/query", times=6)
    assert sorted(ids(await world.pages(COMPANIES))) == account_ids(*range(1, 301))
    assert (jobs_made(world), world.count_requests(f"GET {API}/query")) == (1, 2)


async def test_a_query_that_is_not_answered_in_time_becomes_a_job() -> None:
    world = SandboxOrg(*accounts(300))
    silent = Silent(world.transport, f"{API}/query")
    provider = salesforce_over(silent, world.clock, config())
    pages: list[RecordPage] = []
    await collect(provider.read(world.session, COMPANIES), pages)
    assert sorted(ids(pages)) == account_ids(*range(1, 301))
    assert (jobs_made(world), silent.asked) == (1, 2)


async def test_an_answer_that_is_late_once_makes_no_job() -> None:
    world = SandboxOrg(*accounts(300))
    provider = salesforce_over(Silent(world.transport, f"{API}/query", times=1), world.clock, config())
    pages: list[RecordPage] = []
    await collect(provider.read(world.session, COMPANIES), pages)
    assert sorted(ids(pages)) == account_ids(*range(1, 301))
    assert jobs_made(world) == 0


@pytest.mark.parametrize("code", ["FEATURE_NOT_ENABLED", "EXCEEDED_QUOTA"])
async def test_where_no_job_can_be_had_any_number_of_rows_is_read_by_queries(code: str) -> None:
    world = in_bulk(*accounts(900))
    world.refuse(code, match=JOBS, times=99)
    pages = await world.pages(COMPANIES)
    assert sorted(ids(pages)) == account_ids(*range(1, 901))
    assert pages[-1].cursor is None


@pytest.mark.parametrize("place", [JOBS, "/results"], ids=["from the start", "with the results"])
async def test_where_a_policy_keeps_jobs_back_queries_are_tried(place: str) -> None:
    world = in_bulk(*accounts(900))
    world.refuse("TXN_SECURITY_NO_ACCESS", 403, match=place, times=99)
    pages = await world.pages(COMPANIES)
    assert sorted(set(ids(pages))) == account_ids(*range(1, 901))
    assert pages[-1].cursor is None


async def test_a_policy_that_keeps_queries_back_too_asks_for_the_administrator() -> None:
    world = in_bulk(*accounts(900))
    world.refuse("TXN_SECURITY_NO_ACCESS", 403, match="/services/data", times=99)
    with pytest.raises(PermissionMissing, match="administrator"):
        await world.pages(COMPANIES)


async def test_where_a_lost_job_cannot_be_replaced_everything_is_read_by_queries() -> None:
    world = in_bulk(*accounts(900), row("Account", 990, "2026-11-01T00:00:00.000Z"))
    first, *_ = await world.pages(COMPANIES, window=EVERYTHING)
    world.sandbox.jobs[world.sandbox.org.org_id]._jobs.clear()
    world.refuse("EXCEEDED_QUOTA", match=JOBS, times=99, skip=1)
    rest = await world.pages(COMPANIES, cursor=first.cursor)
    assert sorted(ids(rest)) == account_ids(*range(1, 901))


async def test_a_query_that_times_out_in_mid_stream_becomes_a_job_over_everything() -> None:
    world = SandboxOrg(*accounts(900), settings=config(batch_size=300))
    world.refuse("QUERY_TIMEOUT", match=f"{API}/query/", skip=1, times=6)
    pages = await world.pages(COMPANIES)
    assert set(ids(pages)) == set(account_ids(*range(1, 901)))
    assert jobs_made(world) == 1


async def test_deletions_and_merges_of_a_window_are_distinguished_in_bulk_too() -> None:
    world = in_bulk(*accounts(30))
    one, two, three = account_ids(1, 2, 3)
    org = world.sandbox.org
    org.delete("Account", one)
    org.merge("Account", two, three)
    pages = await world.pages(COMPANIES, window=EVERYTHING)
    assert sorted(ids(pages)) == account_ids(2, *range(4, 31))
    assert [gone for page in pages for gone in page.removed_ids] == [one]
    assert {old: new for page in pages for old, new in page.merged.items()} == {three: two}


async def test_a_full_listing_in_bulk_holds_live_records_alone() -> None:
    world = in_bulk(*accounts(30))
    world.sandbox.org.delete("Account", record_id("Account", 1))
    pages = await world.pages(COMPANIES)
    assert sorted(ids(pages)) == account_ids(*range(2, 31))
    assert not any(page.removed_ids for page in pages)


async def test_deals_of_a_job_bring_their_contacts() -> None:
    people = [row("Contact", number, LastName="P") for number in range(1, 12)]
    deals = [row("Opportunity", n, CREATED, n % 9 + 1, n % 9 + 2) for n in range(1, 1_100)]
    world = in_bulk(*people, *deals)
    found = {
        str(record.record_id): record.contact_ids
        for page in await world.pages(DEALS)
        for record in page.records
        if isinstance(record, DealRecord)
    }
    assert found == {
        record_id("Opportunity", n): tuple(record_id("Contact", n % 9 + more) for more in (1, 2))
        for n in range(1, 1_100)
    }


async def test_an_object_that_may_not_be_seen_is_a_missing_permission_for_a_job_too() -> None:
    world = in_bulk(*accounts(50))
    first, *_ = await world.pages(COMPANIES)
    world.refuse("INVALID_TYPE", match=JOBS)
    with pytest.raises(PermissionMissing):
        await world.pages(COMPANIES, cursor=first.cursor)


async def test_a_field_hidden_before_the_job_is_made_costs_a_describe() -> None:
    world = in_bulk(*accounts(50))
    world.refuse("INVALID_FIELD", match=JOBS)
    assert len(ids(await world.pages(COMPANIES))) == 50
    assert world.count_requests("/describe") == 2


@pytest.mark.parametrize("rows_per_page", [300, 1_000, 1_200, 10_000])
async def test_a_stream_goes_on_behind_every_page_and_loses_and_repeats_none(rows_per_page: int) -> None:
    world = in_bulk(*accounts(1_400), bulk_rows_per_page=rows_per_page)
    pages = await world.pages(COMPANIES)
    for number, page in enumerate(pages[:-1]):
        rest = await world.pages(COMPANIES, cursor=page.cursor)
        assert sorted(ids(pages[: number + 1]) + ids(rest)) == account_ids(*range(1, 1_401))
    assert jobs_made(world) == 1


@pytest.mark.parametrize("smaller", [200, 700])
async def test_results_that_come_in_other_pages_after_a_takeover_lose_none(smaller: int) -> None:
    world = in_bulk(*accounts(1_400), bulk_rows_per_page=1_300)
    pages = await world.pages(COMPANIES)
    world.flags.bulk_rows_per_page = smaller
    for number, page in enumerate(pages[:-1]):
        rest = await world.pages(COMPANIES, cursor=page.cursor)
        assert sorted(ids(pages[: number + 1]) + ids(rest)) == account_ids(*range(1, 1_401))
        if rest[0].cursor is not None:
            again = await world.pages(COMPANIES, cursor=rest[0].cursor)
            assert sorted(ids([*pages[: number + 1], rest[0], *again])) == account_ids(*range(1, 1_401))


async def test_a_process_that_takes_over_fetches_the_listed_pages_from_there_on_and_no_other() -> None:
    world = in_bulk(*accounts(1_000), bulk_rows_per_page=100)
    pages = await world.pages(COMPANIES)
    before = world.count_requests("/results")
    rest = await world.pages(COMPANIES, cursor=pages[6].cursor)
    assert len(ids(rest)) == 400
    assert world.count_requests("/results") - before == 4


async def test_a_window_in_a_job_is_known_to_its_cursor() -> None:
    world = in_bulk(*accounts(50), row("Account", 900, "2026-11-01T00:00:00.000Z"))
    first, *_ = await world.pages(COMPANIES, window=EVERYTHING)
    world.sandbox.jobs[world.sandbox.org.org_id]._jobs.clear()
    rest = await world.pages(COMPANIES, cursor=first.cursor)
    assert sorted(ids(rest)) == account_ids(*range(1, 51))


async def test_result_pages_are_fetched_side_by_side_at_most_three_at_a_time() -> None:
    world = in_bulk(*accounts(2_000), bulk_rows_per_page=100)
    counting = Counting(world.transport, f"{JOBS}/", "/results")
    provider = salesforce_over(counting, world.clock, config(bulk_threshold=SMALL))
    world.flags.latency_ms = 5
    pages: list[RecordPage] = []
    await collect(provider.read(world.session, COMPANIES), pages)
    assert sorted(ids(pages)) == account_ids(*range(1, 2_001))
    assert 2 <= counting.most <= 3
    assert world.count_requests("/results") == 20
    assert world.count_requests("/resultPages") == 4


async def test_a_reader_that_takes_its_time_has_no_more_than_two_pages_lie_ready() -> None:
    world = in_bulk(*accounts(2_000), bulk_rows_per_page=100)
    async with aclosing(world.read(COMPANIES)) as reading:  # type: ignore[type-var] # it is a generator
        await anext(reading)
        assert len((await anext(reading)).records) == 100
        await world.clock.sleep(60)
        # one with the reader, two that are complete, two that lie ready
        assert world.count_requests("/results") == 1 + 2 + 2


async def test_both_names_of_the_link_to_the_next_result_pages_are_followed() -> None:
    world = in_bulk(*accounts(700), bulk_rows_per_page=100, result_pages_link="nextRecordUrl")
    assert sorted(ids(await world.pages(COMPANIES))) == account_ids(*range(1, 701))
    assert world.count_requests("/resultPages") == 2


async def test_without_a_list_of_result_pages_each_is_asked_for_behind_the_last() -> None:
    world = in_bulk(*accounts(700), bulk_rows_per_page=100)
    world.refuse("NOT_FOUND", 404, match="/resultPages", times=9)
    assert sorted(ids(await world.pages(COMPANIES))) == account_ids(*range(1, 701))
    assert jobs_made(world) == 1
    assert world.count_requests("/results") == 7


async def test_listed_pages_that_are_too_many_rows_for_us_are_read_in_parts() -> None:
    """Salesforce lists pages as large as it likes; we take no more of one than fits into memory."""
    world = in_bulk(*accounts(2_500), bulk_rows_per_page=1_000)
    serving = Dividing(world.transport, most_rows=300)
    provider = salesforce_over(serving, world.clock, config(bulk_threshold=SMALL))
    pages: list[RecordPage] = []
    await collect(provider.read(world.session, COMPANIES), pages)
    assert sorted(ids(pages)) == account_ids(*range(1, 2_501))
    for page in pages[:-1]:
        rest: list[RecordPage] = []
        await collect(provider.read(world.session, COMPANIES, cursor=page.cursor), rest)
        so_far = pages[: pages.index(page) + 1]
        assert sorted(ids(so_far) + ids(rest)) == account_ids(*range(1, 2_501))


async def test_pages_of_results_too_large_for_memory_are_asked_for_in_fewer_rows() -> None:
    long = [row("Account", n, CREATED, Description=f"{n} " + "long " * 500) for n in range(1, 901)]
    world = in_bulk(*long, bulk_rows_per_page=900)
    provider = salesforce_over(
        world.transport, world.clock, config(bulk_threshold=SMALL), max_response_bytes=2**20
    )
    pages: list[RecordPage] = []
    await collect(provider.read(world.session, COMPANIES), pages)
    assert sorted(ids(pages)) == account_ids(*range(1, 901))


async def test_a_single_row_too_large_for_memory_is_an_error() -> None:
    world = in_bulk(*[row("Account", n, CREATED, Description="long " * 5_000) for n in range(1, 21)])
    provider = salesforce_over(
        world.transport, world.clock, config(bulk_threshold=SMALL), max_response_bytes=2**14
    )
    pages: list[RecordPage] = []
    with pytest.raises(CrmRejected, match="larger than"):
        await collect(provider.read(world.session, COMPANIES), pages)


@pytest.mark.parametrize("status", [500, 204])
async def test_where_the_list_of_result_pages_is_not_to_be_had_each_is_asked_for(status: int) -> None:
    world = in_bulk(*accounts(700), bulk_rows_per_page=100)
    world.fault("respond", match="/resultPages", status=status, body="", times=99)
    assert sorted(ids(await world.pages(COMPANIES))) == account_ids(*range(1, 701))
    assert world.count_requests("/resultPages") == 1


async def test_a_list_that_does_not_begin_with_the_first_page_costs_no_record() -> None:
    world = in_bulk(*accounts(900), bulk_rows_per_page=300)
    first, *_ = await world.pages(COMPANIES)
    links = [{"resultUrl": f"{JOBS}/{job_of(first)}/results?locator={at}"} for at in ("MzAw", "NjAw", "MA")]
    world.fault("respond", match="/resultPages", status=200, body={"resultPages": links, "done": True})
    rest = await world.pages(COMPANIES, cursor=first.cursor)
    assert sorted(ids(rest)) == account_ids(*range(1, 901))


async def test_a_job_that_gives_fewer_rows_than_it_has_is_made_once_more() -> None:
    world = in_bulk(*accounts(900), bulk_rows_per_page=300)
    world.fault("respond", match="/results", skip=1, status=200, body=END_OF_RESULTS, headers=NO_MORE)
    pages = await world.pages(COMPANIES)
    assert set(ids(pages)) == set(account_ids(*range(1, 901)))
    assert jobs_made(world) == 2


async def test_where_jobs_give_fewer_rows_than_they_have_queries_read_everything() -> None:
    world = in_bulk(*accounts(900), bulk_rows_per_page=300)
    world.fault("respond", match="/results", status=200, body=END_OF_RESULTS, headers=NO_MORE, times=99)
    pages = await world.pages(COMPANIES)
    assert sorted(ids(pages)) == account_ids(*range(1, 901))
    assert jobs_made(world) == 2


async def test_a_list_that_leads_astray_costs_no_record() -> None:
    """Some links are left out, the others come in another order: the pages themselves show what follows."""
    world = in_bulk(*accounts(900), bulk_rows_per_page=100)
    first, *_ = await world.pages(COMPANIES)
    job = job_of(first)
    links = [{"resultUrl": f"{JOBS}/{job}/results?locator={at}"} for at in ("MA", "MTAw", "NDAw", "MzAw")]
    world.fault("respond", match="/resultPages", status=200, body={"resultPages": links, "done": True})
    rest = await world.pages(COMPANIES, cursor=first.cursor)
    assert sorted(ids(rest)) == account_ids(*range(1, 901))


@pytest.mark.parametrize("link", ["https://evil.test/x", f"{JOBS}/750000000000009AAA/results?locator=MA"])
async def test_a_listed_page_of_anything_else_is_not_followed(link: str) -> None:
    world = in_bulk(*accounts(300), bulk_rows_per_page=100)
    counting = Counting(world.transport, link, "")
    provider = salesforce_over(counting, world.clock, config(bulk_threshold=SMALL))
    body = {"resultPages": [{"resultUrl": link}], "done": True}
    world.fault("respond", match="/resultPages", status=200, body=body)
    pages: list[RecordPage] = []
    await collect(provider.read(world.session, COMPANIES), pages)
    assert sorted(ids(pages)) == account_ids(*range(1, 301))
    assert counting.most == 0


async def test_a_page_that_does_not_say_what_follows_is_an_error() -> None:
    world = in_bulk(*accounts(30))
    body = '"Id","SystemModstamp"\n'
    world.fault("respond", match="/resultPages", status=200, body={"resultPages": [], "done": True})
    world.fault("respond", match="/results", status=200, body=body, times=2)
    pages: list[RecordPage] = []
    with pytest.raises(CrmRejected, match="what follows"):
        await collect(world.read(COMPANIES), pages)


async def test_a_page_with_fewer_rows_than_it_announces_is_asked_for_again() -> None:
    world = in_bulk(*accounts(30))
    headers = {"Sforce-Locator": "null", "Sforce-NumberOfRecords": "30"}
    short = '"Id","SystemModstamp"\n'
    world.fault("respond", match="/results", status=200, body=short, headers=headers)
    assert sorted(ids(await world.pages(COMPANIES))) == account_ids(*range(1, 31))


@pytest.mark.parametrize("number", ["", "many", "9" * 5_000, "-1"])
async def test_a_number_of_rows_that_is_none_is_not_counted_with(number: str) -> None:
    world = in_bulk(*accounts(30))
    headers = {"Sforce-Locator": "null", "Sforce-NumberOfRecords": number}
    rows = [f'"{one}","{CREATED}"' for one in account_ids(*range(101, 131))]
    page = "\n".join(['"Id","SystemModstamp"', *rows, ""])
    world.fault("respond", match="/results", status=200, body=page, headers=headers)
    assert ids(await world.pages(COMPANIES)) == account_ids(*range(101, 131))


async def test_results_survive_cut_dropped_truncated_and_unready_answers() -> None:
    world = in_bulk(*accounts(900), bulk_rows_per_page=100)
    for number, kind in enumerate(("cut", "drop", "truncate", "respond", "respond")):
        world.fault(kind, match=f"{JOBS}/", skip=number, status=503 if number == 3 else 204, body="")
    assert sorted(ids(await world.pages(COMPANIES))) == account_ids(*range(1, 901))


async def test_results_that_are_not_ready_are_asked_for_again() -> None:
    world = in_bulk(*accounts(30))
    world.refuse("NOT_FOUND", 404, match="/resultPages")
    world.fault("respond", match="/results", status=204, body="", times=2)
    assert sorted(ids(await world.pages(COMPANIES))) == account_ids(*range(1, 31))
    assert world.count_requests("/results") == 3


async def test_locators_that_go_round_in_a_circle_end_a_stream() -> None:
    world = in_bulk(*accounts(30))
    headers = {"Sforce-Locator": "MA", "Sforce-NumberOfRecords": "0"}
    world.refuse("NOT_FOUND", 404, match="/resultPages")
    world.fault(
        "respond", match="/results", status=200, times=99, body='"Id","SystemModstamp"\n', headers=headers
    )
    with pytest.raises(CrmRejected, match="circle"):
        await world.pages(COMPANIES)


async def test_a_job_that_is_gone_is_replaced_and_reported_anew() -> None:
    world = in_bulk(*accounts(1_400))
    _, second, *_ = await world.pages(COMPANIES)
    world.clock.advance(8 * 86_400)
    rest = await world.pages(COMPANIES, cursor=second.cursor)
    assert sorted(ids(rest)) == account_ids(*range(1, 1_401))
    assert job_of(rest[0]) != job_of(second)


async def test_a_job_of_another_version_is_replaced() -> None:
    world = in_bulk(*accounts(30))
    first, *_ = await world.pages(COMPANIES)
    (job,) = world.sandbox.jobs[world.sandbox.org.org_id].list_all()
    job.version = "v67.0"
    assert sorted(ids(await world.pages(COMPANIES, cursor=first.cursor))) == account_ids(*range(1, 31))
    assert jobs_made(world) == 2


async def test_a_job_that_does_not_know_its_locator_any_more_is_replaced() -> None:
    world = in_bulk(*accounts(1_400))
    _, second, *_ = await world.pages(COMPANIES)
    world.refuse("NOT_FOUND", 404, match="/resultPages")
    world.refuse("INVALID_QUERY_LOCATOR", match="/results", times=2)
    assert sorted(ids(await world.pages(COMPANIES, cursor=second.cursor))) == account_ids(*range(1, 1_401))
    assert jobs_made(world) == 2


async def test_a_job_that_is_gone_among_its_results_is_replaced() -> None:
    world = in_bulk(*accounts(900), bulk_rows_per_page=100)
    world.refuse("NOT_FOUND", 404, match="/results", skip=4, times=60)
    pages: list[RecordPage] = []
    with pytest.raises(CrmUnavailable, match="NOT_FOUND"):
        await collect(world.read(COMPANIES), pages)
    assert jobs_made(world) == 2
    world.sandbox.faults.clear()
    assert set(ids(pages) + ids(await world.pages(COMPANIES, cursor=pages[-1].cursor))) == set(
        account_ids(*range(1, 901))
    )


@pytest.mark.parametrize("outcome", ["Failed", "Aborted"])
async def test_a_job_that_fails_is_made_once_more_and_then_given_up(outcome: str) -> None:
    world = in_bulk(*accounts(30), bulk_outcome=outcome)
    pages: list[RecordPage] = []
    with pytest.raises(CrmUnavailable, match=outcome) as caught:
        await collect(world.read(COMPANIES), pages)
    assert jobs_made(world) == 2
    assert ("InternalServerError" in str(caught.value)) == (outcome == "Failed")
    assert "could not" not in str(caught.value)
    assert world.count_requests("/describe") == 2, "a field may have been hidden from the first job"
    world.flags.bulk_outcome = "JobComplete"
    rest = await world.pages(COMPANIES, cursor=pages[-1].cursor)
    assert sorted(ids(rest)) == account_ids(*range(1, 31))


async def one_time_slice(world: SandboxOrg, cursor: Cursor | None, pages: int) -> Cursor | None:
    """Read so many pages, leave, and return where another worker would go on."""
    async with aclosing(world.read(COMPANIES, cursor=cursor)) as reading:  # type: ignore[type-var] # it is a generator
        for _ in range(pages):
            cursor = (await anext(reading)).cursor
            if cursor is None:
                break
    return cursor


async def test_a_job_that_fails_after_each_time_slice_is_given_up_all_the_same() -> None:
    world = in_bulk(*accounts(30), bulk_outcome="Failed", bulk_polls=3)
    cursor = await one_time_slice(world, None, pages=3)
    while jobs_made(world) < 2:
        cursor = await one_time_slice(world, cursor, pages=3)
    with pytest.raises(CrmUnavailable, match="lost twice"):
        await world.pages(COMPANIES, cursor=cursor)
    assert jobs_made(world) == 2


async def test_a_job_that_miscounts_after_each_time_slice_is_left_for_queries() -> None:
    def one_more(job: bytes) -> bytes:
        status = json.loads(job)
        return json.dumps(status | {"numberRecordsProcessed": status["numberRecordsProcessed"] + 1}).encode()

    world = in_bulk(*accounts(900), bulk_rows_per_page=300)
    altering = Altering(world.transport, re.compile(rf"{JOBS}/\w+"), one_more)
    world.provider = salesforce_over(altering, world.clock, config(bulk_threshold=SMALL))
    cursor = await one_time_slice(world, None, pages=2)
    for _ in range(20):
        if cursor is not None:
            cursor = await one_time_slice(world, cursor, pages=2)
    assert (cursor, jobs_made(world)) == (None, 2)


@pytest.mark.parametrize("body", ["", "\n", '""\n', END_OF_RESULTS])
async def test_a_job_without_rows_is_done_whatever_its_results_look_like(body: str) -> None:
    world = in_bulk()
    world.refuse("QUERY_TIMEOUT", match=f"{API}/query", method="GET", times=2)
    world.fault("respond", match="/results", status=200, body=body, headers=NO_MORE, times=99)
    pages = await world.pages(COMPANIES)
    assert (ids(pages), pages[-1].cursor, jobs_made(world)) == ([], None, 1)


@pytest.mark.parametrize("later", [500, 1_000, 3_000])
async def test_rows_that_are_none_are_reported_once_whatever_size_pages_have_by_then(later: int) -> None:
    world = in_bulk(*accounts(3_000), bulk_rows_per_page=1_500)
    bad = [record_id("Account", number).encode() for number in range(1, 3_001, 7)]
    some = re.compile(b'^"(' + b"|".join(bad) + b')"', re.MULTILINE)
    altering = Altering(
        world.transport, re.compile(rf"{JOBS}/\w+/results"), lambda page: some.sub(b'""', page)
    )
    world.provider = salesforce_over(altering, world.clock, config(bulk_threshold=SMALL))
    pages = await world.pages(COMPANIES)
    assert sum(len(page.rejected) for page in pages) == len(bad)
    world.flags.bulk_rows_per_page = later
    for number, page in enumerate(pages[:-1]):
        rest = await world.pages(COMPANIES, cursor=page.cursor)
        assert sum(len(page.rejected) for page in [*pages[: number + 1], *rest]) == len(bad)


async def test_a_frozen_job_is_given_up_after_hours_not_after_a_time_slice() -> None:
    world = in_bulk(*accounts(30), bulk_polls=10**9)
    async with aclosing(world.read(COMPANIES)) as reading:  # type: ignore[type-var] # it is a generator
        first = await anext(reading)
    world.clock.advance(MAX_JOB_SECONDS.total_seconds() - 60)
    async with aclosing(world.read(COMPANIES, cursor=first.cursor)) as reading:  # type: ignore[type-var] # it is a generator
        while job_of(await anext(reading)) == job_of(first):
            pass
    assert 0 < world.clock.monotonic() - MAX_JOB_SECONDS.total_seconds() < 60
    assert jobs_made(world) == 2


async def test_a_bad_record_of_a_job_is_reported_once_and_costs_itself_alone() -> None:
    world = in_bulk(*accounts(1_400))
    table = world.sandbox.org.tables["Account"]
    bad = record_id("Account", 5)
    table.rows[bad].fields["SystemModstamp"] = None  # type: ignore[index] # it is a dictionary
    pages = await world.pages(COMPANIES)
    assert [len(page.records) for page in pages][1:] in ([999, 400], [1_000, 399])
    rejected = [one for page in pages for one in page.rejected]
    assert rejected == [RejectedRecord(bad, RejectionReason.NO_MODIFIED_TIME)]


async def test_rows_that_are_none_are_reported_with_the_first_part_of_their_page_alone() -> None:
    world = in_bulk(*accounts(1_102))
    rows = [f'"{one}","{CREATED}"' for one in account_ids(*range(1, 1_102))]
    body = "\n".join(['"Id","SystemModstamp"', '"odd"', *rows, ""])
    headers = {"Sforce-Locator": "null", "Sforce-NumberOfRecords": "1102"}
    world.fault("respond", match="/results", status=200, times=2, body=body, headers=headers)
    pages = await world.pages(COMPANIES)
    assert [len(page.rejected) for page in pages] == [0, 1, 0]
    rest = await world.pages(COMPANIES, cursor=pages[1].cursor)
    assert (len(ids(rest)), [len(page.rejected) for page in rest]) == (101, [0])


async def test_leaving_a_stream_stops_waiting_for_its_job() -> None:
    world = in_bulk(*accounts(30), bulk_polls=10**9)
    before = asyncio.all_tasks()
    async with aclosing(world.read(COMPANIES)) as reading:  # type: ignore[type-var] # it is a generator
        await anext(reading)
    assert asyncio.all_tasks() == before
    asked = len(world.sandbox.journal.entries)
    await world.clock.sleep(120)
    assert len(world.sandbox.journal.entries) == asked


class Counting(httpx.AsyncBaseTransport):
    """Counts how many requests of a kind are under way at a time."""

    def __init__(self, transport: httpx.AsyncBaseTransport, prefix: str, suffix: str) -> None:
        self._transport = transport
        self._prefix = prefix
        self._suffix = suffix
        self._now = 0
        self.most = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        is_one = (path.startswith(self._prefix) or str(request.url) == self._prefix) and path.endswith(
            self._suffix
        )
        self._now += is_one
        self.most = max(self.most, self._now)
        try:
            return await self._transport.handle_async_request(request)
        finally:
            self._now -= is_one


class Silent(httpx.AsyncBaseTransport):
    """Never answers requests for a path, or not the first ones."""

    def __init__(self, transport: httpx.AsyncBaseTransport, path: str, times: int = 10**9) -> None:
        self._transport = transport
        self._path = path
        self._times = times
        self.asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == self._path:
            self.asked += 1
            if self.asked <= self._times:
                raise httpx.ReadTimeout("no answer", request=request)
        return await self._transport.handle_async_request(request)


class Dividing(httpx.AsyncBaseTransport):
    """Has fewer rows on a page of results than the list of pages lets expect."""

    def __init__(self, transport: httpx.AsyncBaseTransport, most_rows: int) -> None:
        self._transport = transport
        self._most_rows = str(most_rows)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/results"):
            url = request.url.copy_set_param("maxRecords", self._most_rows)
            request = httpx.Request(
                request.method, url, headers=request.headers, extensions=request.extensions
            )
        return await self._transport.handle_async_request(request)


class Altering(httpx.AsyncBaseTransport):
    """Responds with something else than the sandbox does on some paths."""

    def __init__(
        self, transport: httpx.AsyncBaseTransport, path: re.Pattern[str], alter: Callable[[bytes], bytes]
    ) -> None:
        self._transport = transport
        self._path = path
        self._alter = alter

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        if request.method != "GET" or not self._path.fullmatch(request.url.path):
            return response
        body = self._alter(await response.aread())
        kept = {name: value for name, value in response.headers.items() if name.startswith("sforce-")}
        return httpx.Response(response.status_code, headers=kept, content=body)
