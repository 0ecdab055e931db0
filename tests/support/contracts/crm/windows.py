"""Reading what was modified in a window of time."""

from datetime import timedelta

import pytest

from astrelo.domain.identifiers import ObjectType
from astrelo.domain.sync import Window
from tests.support.contracts.crm.account import CrmAccountUnderTest, OverAnAccount
from tests.support.contracts.crm.reading import ids_in, pages, records_in
from tests.support.contracts.crm.records import MANY, draft, drafts, names_in, some_names, version_of
from tests.support.fakes.crm_session import FakeCrmSession


@pytest.mark.anyio
class ReadingWindows(OverAnAccount):
    @pytest.mark.parametrize("object_type", ObjectType)
    async def test_a_window_brings_what_was_modified_in_it_bounds_included(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        step = account.resolution.total_seconds()
        account.put(draft(object_type, "Before"))
        account.pass_time(step)
        start = account.clock.now()
        account.put(draft(object_type, "First"))
        account.pass_time(60)
        end = account.clock.now()
        account.put(draft(object_type, "Last"))
        account.pass_time(step)
        account.put(draft(object_type, "After"))
        received = await pages(account.provider, session, object_type, window=Window(start=start, end=end))
        assert names_in(records_in(received)) == ["First", "Last"]
        assert received[-1].cursor is None

    @pytest.mark.parametrize("object_type", ObjectType)
    async def test_a_record_is_in_the_window_of_its_last_change_as_it_is_since_then(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        start = account.clock.now()
        account.put(draft(object_type, "Acme", 1))
        account.pass_time(60)
        between = account.clock.now()
        account.pass_time(60)
        account.put(draft(object_type, "Acme", 2))
        earlier = Window(start=start, end=between)
        later = Window(start=between, end=account.clock.now())
        assert records_in(await pages(account.provider, session, object_type, window=earlier)) == []
        (acme,) = records_in(await pages(account.provider, session, object_type, window=later))
        assert version_of(acme) == ("Acme", 2)

    @pytest.mark.parametrize("object_type", ObjectType)
    async def test_a_window_of_many_records_brings_each_and_goes_on_after_any_of_its_pages(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        account.put(draft(object_type, "Before"))
        account.pass_time(60)
        names = some_names(MANY)
        account.put(*drafts(object_type, names))
        window = Window(start=account.clock.now(), end=account.clock.now())
        account.pass_time(60)
        account.put(draft(object_type, "Behind"))
        received = await pages(account.provider, session, object_type, window=window)
        assert names_in(records_in(received)) == names
        assert len(received) >= 3
        assert received[0].expected_total in {None, MANY}
        for place, page in enumerate(received[:-1], start=1):
            account.restart()
            rest = await pages(account.provider, session, object_type, window=window, cursor=page.cursor)
            assert rest[-1].cursor is None
            assert set(ids_in(received[place:])) <= set(ids_in(rest)) <= set(ids_in(received))

    async def test_a_window_in_which_nothing_happened_is_a_stream_without_records(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put(draft(ObjectType.COMPANIES, "Acme"))
        start = account.clock.now() + timedelta(days=1)
        window = Window(start=start, end=start + timedelta(days=1))
        received = await pages(account.provider, session, window=window)
        assert (records_in(received), received[-1].cursor) == ([], None)

    @pytest.mark.parametrize("object_type", ObjectType)
    async def test_what_was_archived_in_a_window_does_not_come_as_living(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        start = account.clock.now()
        account.put(*drafts(object_type, ["Acme", "Byte"]))
        account.pass_time(60)
        account.archive(object_type, "Acme")
        window = Window(start=start, end=account.clock.now())
        received = await pages(account.provider, session, object_type, window=window)
        assert names_in(records_in(received)) == ["Byte"]
        gone = account.record_id(object_type, "Acme")
        assert {departed for page in received for departed in page.removed_ids} <= {gone}
        page = await account.provider.fetch(session, object_type, [gone])
        assert (list(page.records), list(page.removed_ids)) == ([], [gone])

    @pytest.mark.parametrize("object_type", ObjectType)
    async def test_what_was_brought_back_in_a_window_comes_in_it(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        account.put(draft(object_type, "Acme"))
        account.archive(object_type, "Acme")
        account.pass_time(60)
        start = account.clock.now()
        account.restore(object_type, "Acme")
        received = await pages(
            account.provider, session, object_type, window=Window(start=start, end=account.clock.now())
        )
        assert names_in(records_in(received)) == ["Acme"]
        assert [page.removed_ids for page in received if page.removed_ids] == []

    @pytest.mark.parametrize("object_type", [ObjectType.COMPANIES, ObjectType.CONTACTS])
    async def test_a_merge_in_a_window_is_seen_as_its_survivor_and_nobody_else(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        account.put(*drafts(object_type, ["Acme", "Byte", "Core"]))
        gone = account.record_id(object_type, "Byte")
        account.pass_time(60)
        start = account.clock.now()
        survivor = account.merge(object_type, "Acme", "Byte")
        window = Window(start=start, end=account.clock.now())
        received = await pages(account.provider, session, object_type, window=window)
        assert ids_in(received) == [survivor]
        assert all(page.merged.get(gone, survivor) == survivor for page in received)
        assert all(departed == gone for page in received for departed in page.removed_ids)
