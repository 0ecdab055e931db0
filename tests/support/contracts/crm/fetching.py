"""Reading records by id, and what became of those that are gone. Owners."""

import pytest

from astrelo.domain.identifiers import ObjectType
from astrelo.domain.records import ContactRecord, DealRecord
from tests.support.contracts.crm.account import CrmAccountUnderTest, OverAnAccount
from tests.support.contracts.crm.reading import ids_in
from tests.support.contracts.crm.records import (
    SEVERAL,
    Company,
    Contact,
    Deal,
    Owner,
    draft,
    drafts,
    names_in,
    some_names,
    version_of,
)
from tests.support.fakes.crm_session import FakeCrmSession


@pytest.mark.anyio
class Fetching(OverAnAccount):
    @pytest.mark.parametrize("object_type", ObjectType)
    async def test_records_fetched_by_id_are_distinguished_from_those_that_are_gone(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        names = some_names(SEVERAL)
        account.put(*drafts(object_type, names))
        account.archive(object_type, names[4])
        ids = [account.record_id(object_type, name) for name in names]
        page = await account.provider.fetch(session, object_type, [*ids, ids[0]])
        assert names_in(page.records) == [name for name in names if name != names[4]]
        assert (list(page.removed_ids), list(page.erased_ids), dict(page.merged)) == ([ids[4]], [], {})
        assert page.cursor is None

    @pytest.mark.parametrize("object_type", ObjectType)
    async def test_an_id_that_never_was_is_reported_as_gone(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        account.put(draft(object_type, "Acme"))
        asked = [account.unknown_id(object_type), account.record_id(object_type, "Acme")]
        page = await account.provider.fetch(session, object_type, asked)
        assert names_in(page.records) == ["Acme"]
        assert [*page.removed_ids, *page.erased_ids] == [asked[0]]

    @pytest.mark.parametrize("object_type", ObjectType)
    async def test_a_record_is_fetched_as_it_is_now(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        account.put(draft(object_type, "Acme", 1))
        asked = [account.record_id(object_type, "Acme")]
        await account.provider.fetch(session, object_type, asked)
        account.pass_time(60)
        account.put(draft(object_type, "Acme", 2))
        (acme,) = (await account.provider.fetch(session, object_type, asked)).records
        assert version_of(acme) == ("Acme", 2)
        assert account.clock.now() - acme.source_updated_at < account.resolution

    @pytest.mark.parametrize("object_type", ObjectType)
    async def test_a_record_that_was_brought_back_lives(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        account.put(draft(object_type, "Acme"))
        account.archive(object_type, "Acme")
        account.restore(object_type, "Acme")
        page = await account.provider.fetch(session, object_type, [account.record_id(object_type, "Acme")])
        assert (names_in(page.records), list(page.removed_ids)) == (["Acme"], [])

    async def test_erased_contacts_are_distinguished_from_archived_ones(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put(Contact("Ada"), Contact("Bo"), Contact("Cy"))
        ada, bo, cy = (account.record_id(ObjectType.CONTACTS, name) for name in ("Ada", "Bo", "Cy"))
        account.archive(ObjectType.CONTACTS, "Ada")
        account.erase_contact("Bo")
        page = await account.provider.fetch(session, ObjectType.CONTACTS, [ada, bo, cy])
        assert (ids_in([page]), list(page.removed_ids), list(page.erased_ids)) == ([cy], [ada], [bo])

    async def test_a_contact_that_is_archived_first_may_be_erased_later(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put(Contact("Ada"))
        ada = account.record_id(ObjectType.CONTACTS, "Ada")
        account.archive(ObjectType.CONTACTS, "Ada")
        account.erase_contact("Ada")
        page = await account.provider.fetch(session, ObjectType.CONTACTS, [ada])
        assert (list(page.removed_ids), list(page.erased_ids)) == ([], [ada])

    @pytest.mark.parametrize("object_type", [ObjectType.COMPANIES, ObjectType.CONTACTS])
    async def test_a_record_fetched_by_an_id_that_was_merged_away_is_the_survivor(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        account.put(*drafts(object_type, ["Acme", "Byte", "Core"]))
        acme, byte, core = (account.record_id(object_type, name) for name in ("Acme", "Byte", "Core"))
        survivor = account.merge(object_type, "Acme", "Byte")
        page = await account.provider.fetch(session, object_type, [byte, core, acme])
        assert sorted(ids_in([page])) == sorted([core, survivor])
        assert dict(page.merged) == {old: survivor for old in (acme, byte) if old != survivor}
        assert (list(page.removed_ids), list(page.erased_ids)) == ([], [])

    @pytest.mark.parametrize("object_type", [ObjectType.COMPANIES, ObjectType.CONTACTS])
    async def test_merges_are_followed_to_their_end(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        account.put(*drafts(object_type, ["Acme", "Byte", "Core"]))
        first = account.record_id(object_type, "Core")
        account.merge(object_type, "Byte", "Core")
        survivor = account.merge(object_type, "Acme", "Byte")
        page = await account.provider.fetch(session, object_type, [first])
        assert (ids_in([page]), page.merged[first]) == ([survivor], survivor)

    async def test_what_was_merged_into_a_record_that_is_gone_is_gone_too(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put(Company("Acme"), Company("Byte"))
        byte = account.record_id(ObjectType.COMPANIES, "Byte")
        account.merge(ObjectType.COMPANIES, "Acme", "Byte")
        account.archive(ObjectType.COMPANIES, "Acme")
        page = await account.provider.fetch(session, ObjectType.COMPANIES, [byte])
        assert list(page.records) == []
        assert byte in page.removed_ids

    @pytest.mark.parametrize("object_type", ObjectType)
    async def test_fetching_no_ids_is_an_empty_page(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        page = await account.provider.fetch(session, object_type, [])
        assert (list(page.records), list(page.removed_ids), page.cursor) == ([], [], None)

    async def test_fetched_records_carry_their_links(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put(Company("Acme"))
        account.put(Contact("Ada", company="Acme"))
        account.put(Deal("Big", company="Acme", contacts=("Ada",)))
        acme = account.record_id(ObjectType.COMPANIES, "Acme")
        ada = account.record_id(ObjectType.CONTACTS, "Ada")
        contacts = await account.provider.fetch(session, ObjectType.CONTACTS, [ada])
        assert [one.company_id for one in contacts.records if isinstance(one, ContactRecord)] == [acme]
        big = account.record_id(ObjectType.DEALS, "Big")
        deals = await account.provider.fetch(session, ObjectType.DEALS, [big])
        assert [
            (one.company_id, one.contact_ids) for one in deals.records if isinstance(one, DealRecord)
        ] == [(acme, (ada,))]

    async def test_archived_owners_are_owners_too(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        names = some_names(SEVERAL)
        account.put(*[Owner(name, archived=name == names[1]) for name in names])
        owners = await account.provider.list_owners(session)
        assert len({owner.record_id for owner in owners}) == len(owners)
        archived = {owner.last_name: owner.archived for owner in owners if owner.last_name in names}
        assert archived == {name: name == names[1] for name in names}
