"""How much of an org's limits we take: so many requests at once, and a share of the day."""

import asyncio
from datetime import timedelta

import pytest

from astrelo.adapters.outbound.salesforce.api.rate_limiters import (
    MAX_CONCURRENT_REQUESTS,
    OrgRateLimiter,
    RateLimiters,
)
from astrelo.domain.errors import RateLimited
from astrelo.domain.identifiers import CrmAccountId
from tests.support.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio

ORG = CrmAccountId("00D000000000001AAA")


async def use_once(rate_limiter: OrgRateLimiter) -> None:
    await rate_limiter.acquire()
    rate_limiter.release()


async def turns() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


async def test_no_more_requests_are_under_way_than_an_org_has_room_for() -> None:
    rate_limiter = OrgRateLimiter(FakeClock(), 0.8)
    under_way, most = 0, 0

    async def request() -> None:
        nonlocal under_way, most
        await rate_limiter.acquire()
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        rate_limiter.release()

    await asyncio.gather(*(request() for _ in range(50)))
    assert most == MAX_CONCURRENT_REQUESTS


@pytest.mark.parametrize(("used", "limit"), [(800, 1_000), (1_000, 1_000), (1_200, 1_000)])
async def test_a_spent_share_of_the_day_parks_for_an_hour_before_anything_is_sent(
    used: int, limit: int
) -> None:
    clock = FakeClock()
    rate_limiter = OrgRateLimiter(clock, 0.8)
    rate_limiter.learn(used, limit)
    with pytest.raises(RateLimited) as parked:
        await rate_limiter.acquire()
    assert (parked.value.policy, parked.value.retry_after) == ("DAILY_SHARE", timedelta(hours=1))
    assert parked.value.why == "the share of the org's daily API requests that a sync may use is used up"
    clock.advance(3_600)
    await use_once(rate_limiter)
    assert clock.slept == []


@pytest.mark.parametrize(("used", "limit"), [(799, 1_000), (0, 1_000), (5, 0)])
async def test_a_day_that_is_not_spent_parks_nobody(used: int, limit: int) -> None:
    rate_limiter = OrgRateLimiter(FakeClock(), 0.8)
    rate_limiter.learn(used, limit)
    await use_once(rate_limiter)


async def test_an_answer_that_was_counted_earlier_does_not_lift_the_pause() -> None:
    clock = FakeClock()
    rate_limiter = OrgRateLimiter(clock, 0.8)
    rate_limiter.learn(800, 1_000)
    rate_limiter.learn(799, 1_000)
    clock.advance(1_800)
    with pytest.raises(RateLimited) as parked:
        await rate_limiter.acquire()
    assert parked.value.retry_after == timedelta(minutes=30)


async def test_who_waited_for_a_place_does_not_take_one_of_a_day_that_was_spent_meanwhile() -> None:
    rate_limiter = OrgRateLimiter(FakeClock(), 0.8)
    for _ in range(MAX_CONCURRENT_REQUESTS):
        await rate_limiter.acquire()
    waiting = asyncio.create_task(rate_limiter.acquire())
    await turns()
    rate_limiter.learn(900, 1_000)
    rate_limiter.release()
    with pytest.raises(RateLimited):
        await waiting


async def test_nobody_waits_for_a_place_only_to_hear_that_the_day_is_spent() -> None:
    rate_limiter = OrgRateLimiter(FakeClock(), 0.8)
    for _ in range(MAX_CONCURRENT_REQUESTS):
        await rate_limiter.acquire()
    rate_limiter.learn(900, 1_000)
    async with asyncio.timeout(5):
        with pytest.raises(RateLimited):
            await rate_limiter.acquire()


async def test_a_refused_and_a_cancelled_request_leave_their_places_to_others() -> None:
    clock = FakeClock()
    rate_limiter = OrgRateLimiter(clock, 0.8)
    rate_limiter.pause(1e9)
    waiting = [asyncio.create_task(rate_limiter.acquire()) for _ in range(MAX_CONCURRENT_REQUESTS)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    clock.advance(1e9)
    rate_limiter.learn(1_000, 1_000)
    for _ in range(MAX_CONCURRENT_REQUESTS):
        with pytest.raises(RateLimited):
            await rate_limiter.acquire()
    clock.advance(3_600)
    async with asyncio.timeout(1):
        for _ in range(MAX_CONCURRENT_REQUESTS):
            await rate_limiter.acquire()


async def test_a_pause_holds_for_everybody_and_no_longer() -> None:
    clock = FakeClock()
    rate_limiter = OrgRateLimiter(clock, 0.8)
    rate_limiter.pause(10)
    rate_limiter.pause(2)
    await asyncio.gather(*(use_once(rate_limiter) for _ in range(5)))
    assert clock.monotonic() == 10


async def test_readers_of_one_org_share_its_budget_and_other_orgs_have_their_own() -> None:
    book = RateLimiters(FakeClock(), 0.5)
    assert book.for_account(ORG) is book.for_account(ORG)
    book.for_account(ORG).learn(50, 100)
    with pytest.raises(RateLimited):
        await book.for_account(ORG).acquire()
    await use_once(book.for_account(CrmAccountId("00D000000000002AAA")))
