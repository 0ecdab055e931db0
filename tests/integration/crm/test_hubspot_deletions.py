"""What is deleted, erased, merged or restored in a HubSpot account, followed to the end."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import pytest

from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.schedule import SyncPolicy
from astrelo.domain.sync import RunStatus, SyncMode
from crm_sandbox.hubspot import RecordChange, create_sandbox
from tests.support.fakes.clock import FakeClock
from tests.support.harness.api import api_harness
from tests.support.harness.hubspot import EMPTY, AcmeAndBeta, hubspot_harness

COMPANIES, CONTACTS, DEALS = ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS


Scenario = Callable[[AcmeAndBeta], Awaitable[None]]
Play = Callable[[Scenario], None]
by_listing_or_webhook = pytest.mark.parametrize("how", ["listing", "webhooks"])


@pytest.fixture
def play(database: str) -> Play:
    def run(scenario: Scenario) -> None:
        async def once() -> None:
            clock = FakeClock()
            sandbox = create_sandbox(EMPTY, clock=lambda: clock.now().timestamp(), rate_limit=False)
            async with hubspot_harness(database, sandbox, clock) as made:
                firm = AcmeAndBeta(database, made, sandbox)
                assert (await firm.sync()).status is RunStatus.COMPLETED
                await scenario(firm)

        asyncio.run(once())

    return run


@by_listing_or_webhook
def test_an_erased_contact_is_deleted_and_an_archived_one_is_kept(play: Play, how: str) -> None:
    async def scenario(firm: AcmeAndBeta) -> None:
        firm.account.gdpr_delete("11")
        firm.account.archive("contacts", "12")
        run = await firm.sync_changes(how, (CONTACTS, "11"), (CONTACTS, "12"))
        assert run.status is RunStatus.COMPLETED
        assert run.step(CONTACTS).counts.archived == (2 if how == "listing" else 0)
        assert await firm.live_by_id("contacts") == {"12": False}
        naming = "select count(*) from deals where '11' = any (provider_contact_ids)"
        assert await firm.made.pool.fetchval(naming) == 0

    play(scenario)


def test_contacts_that_are_erased_after_they_were_archived_or_merged_are_deleted_too(play: Play) -> None:
    async def scenario(firm: AcmeAndBeta) -> None:
        firm.put("contacts", "13", {"email": "bo@gmail.com"})
        await firm.sync()
        survivor = firm.account.merge("contacts", "11", "12")
        firm.account.archive("contacts", "13")
        await firm.sync()
        assert await firm.live_by_id("contacts") == {"11": False, "12": False, "13": False, survivor: True}
        firm.account.gdpr_delete(survivor)
        firm.account.gdpr_delete("13")
        await firm.sync()
        assert await firm.live_by_id("contacts") == {}

    play(scenario)


@by_listing_or_webhook
def test_archived_records_live_again_under_their_old_ids_once_they_are_restored(play: Play, how: str) -> None:
    everything = [("companies", "1"), ("contacts", "11"), ("deals", "21")]
    records = [(ObjectType(kind), record_id) for kind, record_id in everything]

    async def scenario(firm: AcmeAndBeta) -> None:
        before = await firm.made.view()
        known = [await firm.ids(table) for table in ("companies", "contacts", "deals")]
        for kind, record_id in everything:
            firm.account.archive(kind, record_id)
        await firm.sync_changes(how, *records)
        assert await firm.live_by_id("crm_companies") == {"1": False, "2": True}
        assert await firm.live_by_id("contacts") == {"11": False, "12": True}
        assert await firm.live_by_id("deals") == {"21": False, "22": True}
        for kind, record_id in everything:
            assert firm.account.restore(kind, record_id)
        await firm.sync_changes(how, *records)
        assert await firm.made.view() == before
        assert [await firm.ids(table) for table in ("companies", "contacts", "deals")] == known

    play(scenario)


@by_listing_or_webhook
def test_contacts_and_deals_of_a_merged_company_follow_it_and_its_old_id_redirects(
    play: Play, how: str
) -> None:
    async def scenario(firm: AcmeAndBeta) -> None:
        companies = await firm.ids("companies", "domain")
        survivor = firm.account.merge("companies", "1", "2")
        run = await firm.sync_changes(how, (COMPANIES, "1"), (COMPANIES, "2"), (COMPANIES, survivor))
        assert run.status is RunStatus.COMPLETED
        view = await firm.made.view()
        (name,) = view.companies
        assert name == {("hubspot", survivor)}
        # HubSpot makes the other company's associations plain ones, but they are the only ones that those records have.
        followed = {"11", "12", "21", "22"}
        linked = {*view.contacts.items(), *view.deals.items()}
        assert {key[1] for key, row in linked if row[0] == name} == followed
        rows = await firm.made.pool.fetch(
            "select provider_company_id from contacts union select provider_company_id from deals"
        )
        assert {row[0] for row in rows} <= {survivor, None}
        async with api_harness(firm.database) as api:
            api.user_id = firm.made.user_id
            (living,) = await api.data("/api/companies")
            (old,) = {str(company_id) for company_id in companies.values()} - {living["id"]}
            assert living["domain"] == "acme.com"
            moved = await api.get(f"/api/companies/{old}")
            assert moved.status_code == HTTPStatus.PERMANENT_REDIRECT
            assert moved.headers["location"] == f"/api/companies/{living['id']}"

    play(scenario)


def test_a_search_that_shows_a_merge_has_the_former_records_looked_at(play: Play) -> None:
    async def scenario(firm: AcmeAndBeta) -> None:
        survivor = firm.account.merge("companies", "1", "2")
        await firm.sync(SyncMode.INCREMENTAL)
        async with firm.made.uow(firm.made.user_id) as tx:
            connection = await tx.connections.get(Provider.HUBSPOT)
            assert connection is not None
            following = await tx.runs.get_latest(connection.id)
        assert following is not None
        assert (following.mode, following.status) == (SyncMode.REFETCH, RunStatus.QUEUED)
        await firm.made.run_sync()(firm.made.user_id, following.id)
        assert set((await firm.made.view()).companies) == {frozenset({("hubspot", survivor)})}
        again = await firm.sync(SyncMode.INCREMENTAL)
        async with firm.made.uow(firm.made.user_id) as tx:
            assert await tx.runs.get_latest(connection.id) == again

    play(scenario)


@by_listing_or_webhook
def test_deals_of_a_merged_contact_name_the_one_that_lives(play: Play, how: str) -> None:
    async def scenario(firm: AcmeAndBeta) -> None:
        survivor = firm.account.merge("contacts", "11", "12")
        await firm.sync_changes(how, (CONTACTS, "11"), (CONTACTS, "12"), (CONTACTS, survivor))
        view = await firm.made.view()
        assert set(view.contacts) == {("hubspot", survivor)}
        assert {deal[-1] for deal in view.deals.values()} == {frozenset({survivor})}

    play(scenario)


def test_more_deletions_than_are_believed_archive_nothing_and_say_so(play: Play) -> None:
    async def scenario(firm: AcmeAndBeta) -> None:
        before = await firm.made.view()
        firm.account.archive("contacts", "11")
        firm.account.gdpr_delete("12")
        firm.made.policy = SyncPolicy(min_deletions=1)
        run = await firm.sync()
        assert run.status is RunStatus.PARTIAL
        assert "2 of 2 contacts are gone" in (run.reason or "")
        assert (await firm.made.view()).contacts.keys() == before.contacts.keys()
        firm.made.policy = SyncPolicy(min_deletions=2)
        assert (await firm.sync()).status is RunStatus.COMPLETED
        assert (await firm.made.view()).contacts == {}

    play(scenario)


def test_a_search_that_still_shows_an_archived_record_does_not_revive_it(play: Play) -> None:
    async def scenario(firm: AcmeAndBeta) -> None:
        record = firm.account.store.tables["contacts"].find("11")
        assert record is not None
        firm.account.archive("contacts", "11")
        await firm.sync_changes("webhooks", (CONTACTS, "11"))
        # What an index that lags still holds: the record, alive, as it was before.
        late = RecordChange(object_name="contacts", id="11", updated_at=record.updated_at)
        firm.account.upsert(late)
        run = await firm.sync(SyncMode.INCREMENTAL)
        assert run.step(CONTACTS).counts.stale == 1
        assert await firm.live_by_id("contacts") == {"11": False, "12": True}

    play(scenario)
