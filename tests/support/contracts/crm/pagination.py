"""Streaming every record, and resuming after an interruption."""

import asyncio
from contextlib import aclosing

import pytest

from astrelo.domain.identifiers import Cursor, ObjectType
from astrelo.domain.records import CompanyRecord, ContactRecord, DealRecord, RecordPage
from tests.support.contracts.crm.account import CrmAccountUnderTest, OverAnAccount
from tests.support.contracts.crm.reading import first_page, ids_in, pages, records_in
from tests.support.contracts.crm.records import (
    MANY,
    SEVERAL,
    Company,
    Contact,
    Deal,
    Owner,
    drafts,
    name_of,
    names_in,
    some_names,
)
from tests.support.fakes.crm_session import FakeCrmSession


@pytest.mark.anyio
class Pagination(OverAnAccount):
    @pytest.mark.parametrize("turns", [1, 3, 10, 30, 100])
    async def test_a_stream_that_is_cancelled_while_it_waits_leaves_nothing_running(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, turns: int
    ) -> None:
        account.put(*drafts(ObjectType.DEALS, some_names(SEVERAL)))
        before = asyncio.all_tasks()
        waiting = asyncio.create_task(pages(account.provider, session, ObjectType.DEALS))
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert asyncio.all_tasks() == before

    @pytest.mark.parametrize("object_type", ObjectType)
    async def test_an_empty_account_is_a_stream_without_records(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        received = await pages(account.provider, session, object_type)
        assert (records_in(received), received[-1].cursor) == ([], None)

    @pytest.mark.parametrize("object_type", ObjectType)
    async def test_a_stream_brings_every_live_record_once_and_says_how_many_and_where_it_ends(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        names = some_names(MANY)
        account.put(*drafts(object_type, names))
        account.archive(object_type, names[6])
        received = await pages(account.provider, session, object_type)
        assert names_in(records_in(received)) == [name for name in names if name != names[6]]
        assert len(received) >= 3
        assert all(len(page.records) <= 1_000 for page in received)
        assert [page.cursor is None for page in received] == [False] * (len(received) - 1) + [True]
        assert received[0].expected_total == MANY - 1
        assert {page.expected_total for page in received[1:]} <= {None, MANY - 1}

    @pytest.mark.parametrize("object_type", ObjectType)
    async def test_a_stream_that_another_process_takes_over_after_every_page_brings_everything_too(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        names = some_names(MANY)
        account.put(*drafts(object_type, names))
        received: list[RecordPage] = []
        cursor: Cursor | None = None
        while not received or cursor is not None:
            received.append(await first_page(account.provider.read(session, object_type, cursor=cursor)))
            cursor = received[-1].cursor
            account.restart()
            assert len(received) < MANY, "the stream goes round in a circle"
        assert names_in(records_in(received)) == names
        assert len(received) >= 3

    async def test_a_cursor_continues_the_stream_that_gave_it(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put(*drafts(ObjectType.COMPANIES, some_names(MANY)))
        received = await pages(account.provider, session)
        place = len(received) // 2
        rest = await pages(account.provider, session, cursor=received[place - 1].cursor)
        assert ids_in(rest) == ids_in(received[place:])
        assert rest[-1].cursor is None

    async def test_a_stream_that_is_left_early_leaves_nothing_running(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put(*drafts(ObjectType.COMPANIES, some_names(MANY)))
        before = asyncio.all_tasks()
        reading = account.provider.read(session, ObjectType.COMPANIES)
        async with aclosing(reading):
            async for page in reading:
                if page.records:
                    break
        assert asyncio.all_tasks() == before

    async def test_streams_side_by_side_bring_each_its_own(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        names = some_names(SEVERAL)
        for object_type in ObjectType:
            account.put(*drafts(object_type, names))
        streams = [pages(account.provider, session, object_type) for object_type in ObjectType]
        for object_type, received in zip(ObjectType, await asyncio.gather(*streams), strict=True):
            records = records_in(received)
            assert names_in(records) == names
            assert {one.record_id for one in records} == {
                account.record_id(object_type, name) for name in names
            }

    async def test_records_say_when_they_were_modified(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put(Company("Acme"))
        created_at = account.clock.now()
        account.pass_time(60)
        account.put(Company("Byte"), Company("Core"))
        account.pass_time(60)
        account.put(Company("Core", city="Turin"))
        received = await pages(account.provider, session)
        ages = {
            name_of(one): (one.source_updated_at - created_at).total_seconds() for one in records_in(received)
        }
        assert ages == {"Acme": 0, "Byte": 60, "Core": 120}

    async def test_a_record_comes_with_its_owner(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put(Owner("Reed"), Company("Acme", owner="Reed"), Company("Byte"))
        owners = await account.provider.list_owners(session)
        (reed,) = [owner for owner in owners if owner.last_name == "Reed"]
        companies = records_in(await pages(account.provider, session))
        assert {name_of(one): one.owner_id == reed.record_id for one in companies} == {
            "Acme": True,
            "Byte": False,
        }

    async def test_a_contact_comes_with_its_company(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put(Company("Acme"), Company("Byte"))
        account.put(Contact("Ada", company="Byte"), Contact("Bo"))
        contacts = records_in(await pages(account.provider, session, ObjectType.CONTACTS))
        assert {name_of(one): one.company_id for one in contacts if isinstance(one, ContactRecord)} == {
            "Ada": account.record_id(ObjectType.COMPANIES, "Byte"),
            "Bo": None,
        }

    async def test_a_deal_comes_with_its_company_and_all_its_contacts(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put(Company("Acme"), Company("Byte"))
        account.put(Contact("Ada", company="Acme"), Contact("Bo"), Contact("Cy"))
        account.put(Deal("Big", company="Byte", contacts=("Bo", "Ada")), Deal("Small"))
        deals = records_in(await pages(account.provider, session, ObjectType.DEALS))
        people = sorted(account.record_id(ObjectType.CONTACTS, name) for name in ("Ada", "Bo"))
        assert {
            name_of(one): (one.company_id, one.contact_ids) for one in deals if isinstance(one, DealRecord)
        } == {
            "Big": (account.record_id(ObjectType.COMPANIES, "Byte"), tuple(people)),
            "Small": (None, ()),
        }

    async def test_what_is_left_empty_is_missing(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put(Company("Acme", city="Turin"))
        account.put(Company("Acme"))
        (acme,) = records_in(await pages(account.provider, session))
        assert isinstance(acme, CompanyRecord)
        assert (acme.hq_city, acme.phone, acme.employee_count, acme.unreadable) == (None, None, None, ())
