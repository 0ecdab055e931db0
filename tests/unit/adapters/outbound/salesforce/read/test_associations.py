"""Deals as a stream completes them: with the contacts that have a role in them, and their stages' labels."""

import httpx
import pytest

from astrelo.adapters.outbound.salesforce.api.client import MAX_URL_LENGTH
from astrelo.domain.identifiers import ObjectType
from astrelo.domain.records import DealRecord
from astrelo.domain.sync import Window
from crm_sandbox import Association
from crm_sandbox.salesforce import RecordChange, record_id
from tests.support.fakes.clock import START
from tests.support.salesforce.sandbox import (
    API,
    SandboxOrg,
    account_ids,
    config,
    deals,
    ids,
    row,
    salesforce_over,
)

pytestmark = pytest.mark.anyio

COMPANIES, DEALS = ObjectType.COMPANIES, ObjectType.DEALS


async def test_deals_bring_the_contacts_that_have_a_role_in_them_sorted_and_each_once() -> None:
    world = SandboxOrg(*deals(1_200))
    org = world.sandbox.org
    deal = record_id("Opportunity", 1)
    people = [record_id("Contact", number) for number in (9, 4, 6)]
    linked = [Association(id=one) for one in people]
    org.upsert(RecordChange(object_name="Opportunity", id=deal, associations={"Contact": linked}))
    twice = {"OpportunityId": deal, "ContactId": people[0], "Role": "Decision Maker"}
    org.upsert(RecordChange(object_name="OpportunityContactRole", properties=twice))
    by_id = {str(one.record_id): one for page in await world.pages(DEALS) for one in page.records}
    first = by_id[deal]
    assert isinstance(first, DealRecord)
    assert first.contact_ids == tuple(sorted(people))
    for number in range(2, 1_201):
        other = by_id[record_id("Opportunity", number)]
        assert isinstance(other, DealRecord)
        assert other.contact_ids == tuple(record_id("Contact", number % 9 + more) for more in (1, 2))


async def test_a_deleted_role_does_not_count_in_a_window_either() -> None:
    world = SandboxOrg(*deals(1, contacts=3))
    org, deal = world.sandbox.org, record_id("Opportunity", 1)
    kept = [Association(id=record_id("Contact", 2))]
    world.clock.advance(5)
    org.upsert(RecordChange(object_name="Opportunity", id=deal, associations={"Contact": kept}))
    (page,) = await world.pages(DEALS, window=Window(start=START, end=world.clock.now()))
    ((found,),) = [[one.contact_ids for one in page.records if isinstance(one, DealRecord)]]
    assert found == (record_id("Contact", 2),)


async def test_roles_on_many_pages_are_read_to_the_end_whatever_becomes_of_locators() -> None:
    world = SandboxOrg(*deals(400, contacts=6), settings=config(batch_size=200))
    world.refuse("INVALID_QUERY_LOCATOR", match=f"{API}/query/", skip=3, times=4)
    pages = await world.pages(DEALS)
    assert all(
        len(one.contact_ids) == 6 for page in pages for one in page.records if isinstance(one, DealRecord)
    )
    assert len(ids(pages)) == 400


async def test_urls_stay_within_what_salesforce_takes() -> None:
    lengths: list[int] = []

    class Measuring(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            lengths.append(len(str(request.url)))
            return await world.transport.handle_async_request(request)

    world = SandboxOrg(*deals(1_200))
    provider = salesforce_over(Measuring(), world.clock)
    async for _ in provider.read(world.session, DEALS):
        pass
    await provider.fetch(world.session, COMPANIES, account_ids(*range(1, 1_200)))  # type: ignore[arg-type] # ids are text
    assert 10_000 < max(lengths) < MAX_URL_LENGTH - 500


async def test_contacts_of_deals_are_read_while_the_next_deals_are() -> None:
    world = SandboxOrg(*deals(1_600), settings=config(batch_size=300))
    world.flags.latency_ms = 1
    await world.pages(DEALS)
    paths = [entry.path for entry in world.sandbox.journal.entries]
    links = [place for place, path in enumerate(paths) if path.startswith(f"{API}/query/")]
    assert links[0] < len(paths) - 3


async def test_stages_give_deals_their_labels() -> None:
    world = SandboxOrg(row("Opportunity", 1, StageName="Prospecting"))
    ((deal,),) = [page.records for page in await world.pages(DEALS)]
    assert isinstance(deal, DealRecord)
    assert (deal.stage_id, deal.stage_label) == ("Prospecting", "Prospecting")


async def test_stages_that_may_not_be_seen_cost_their_labels_alone() -> None:
    world = SandboxOrg(row("Opportunity", 1, StageName="Prospecting"))
    world.flags.hidden_objects = ["OpportunityStage"]
    ((deal,),) = [page.records for page in await world.pages(DEALS)]
    assert isinstance(deal, DealRecord)
    assert (deal.stage_id, deal.stage_label) == ("Prospecting", None)
