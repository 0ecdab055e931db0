"""What every CrmProvider does, seen through an account that the test may change."""

import hashlib
from abc import ABC, abstractmethod
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from astrelo.domain.connection import AuthorizationRequest, Grant
from astrelo.domain.errors import GrantRejected, PermissionMissing, ReauthorizationRequired
from astrelo.domain.identifiers import Cursor, ObjectType, RecordId
from astrelo.domain.ports import Clock, CrmProvider
from astrelo.domain.records import ContactRecord, DealRecord, RecordPage
from astrelo.domain.sync import Window
from tests.unit.fakes.crm_session import FakeCrmSession

VERIFIER = "a-code-verifier-of-at-least-43-characters--"
COMPANIES = 250
"""More than two pages of any provider's in these tests."""


@dataclass(frozen=True)
class Person:
    id: str
    email: str
    company_ids: Sequence[str] = ()
    """The first one is the primary company."""


class CrmAccountUnderTest(ABC):
    """One account at the CRM, and the person who may open it to us."""

    provider: CrmProvider
    clock: Clock

    @abstractmethod
    def consent(self, request: AuthorizationRequest) -> str:
        """Allow everything that is asked for; return the code."""

    @abstractmethod
    def put_companies(self, ids: Sequence[str]) -> None:
        """Create or change companies now, each named 'Company <id>'."""

    @abstractmethod
    def put_contact(self, person: Person) -> None: ...

    @abstractmethod
    def put_deal(self, deal_id: str, company_ids: Sequence[str], contact_ids: Sequence[str]) -> None: ...

    @abstractmethod
    def put_owner(self, owner_id: str, *, archived: bool) -> None: ...

    @abstractmethod
    def archive(self, object_type: ObjectType, record_id: str) -> None: ...

    @abstractmethod
    def erase_contact(self, record_id: str) -> None:
        """Delete a contact for good, as privacy law demands."""

    @abstractmethod
    def merge_companies(self, kept: str, gone: str) -> str:
        """Merge two companies; return the survivor's id."""

    @abstractmethod
    def expire_access_tokens(self) -> None: ...

    @abstractmethod
    def uninstall(self) -> None:
        """End every grant."""

    @abstractmethod
    def forbid(self, object_type: ObjectType) -> None:
        """Take the permission for one object type from every grant."""

    @abstractmethod
    def pass_time(self, seconds: float) -> None: ...


async def connect(account: CrmAccountUnderTest) -> Grant:
    code = account.consent(AuthorizationRequest(state="state", code_challenge=challenge_of(VERIFIER)))
    return await account.provider.exchange(code, VERIFIER)


def challenge_of(verifier: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


async def pages(
    account: CrmAccountUnderTest,
    session: FakeCrmSession,
    object_type: ObjectType,
    *,
    window: Window | None = None,
    cursor: Cursor | None = None,
) -> list[RecordPage]:
    reading = account.provider.read(session, object_type, window=window, cursor=cursor)
    return [page async for page in reading]


def ids_of(walked: Sequence[RecordPage]) -> list[str]:
    return [record.record_id for page in walked for record in page.records]


@pytest.mark.anyio
class CrmProviderContract:
    @pytest.fixture
    def account(self) -> CrmAccountUnderTest:
        raise NotImplementedError

    @pytest.fixture
    async def session(self, account: CrmAccountUnderTest) -> FakeCrmSession:
        return FakeCrmSession(account.provider, await connect(account))

    async def test_the_authorize_url_carries_state_and_challenge(self, account: CrmAccountUnderTest) -> None:
        request = AuthorizationRequest(state="a state/&", code_challenge=challenge_of(VERIFIER))
        query = parse_qs(urlsplit(account.provider.authorization_url(request)).query)
        assert query["state"] == ["a state/&"]
        assert query["code_challenge"] == [request.code_challenge]
        assert query["code_challenge_method"] == ["S256"]

    async def test_a_code_opens_the_account_with_every_required_scope(
        self, account: CrmAccountUnderTest
    ) -> None:
        grant = await connect(account)
        assert grant.account.account_id
        assert grant.account.name
        assert grant.tokens.scopes >= account.provider.required_scopes
        assert grant.tokens.is_fresh(account.clock.now())

    async def test_a_code_is_good_for_one_exchange(self, account: CrmAccountUnderTest) -> None:
        code = account.consent(AuthorizationRequest(state="s", code_challenge=challenge_of(VERIFIER)))
        await account.provider.exchange(code, VERIFIER)
        with pytest.raises(GrantRejected):
            await account.provider.exchange(code, VERIFIER)

    async def test_a_code_is_good_only_with_its_verifier(self, account: CrmAccountUnderTest) -> None:
        code = account.consent(AuthorizationRequest(state="s", code_challenge=challenge_of(VERIFIER)))
        with pytest.raises(GrantRejected):
            await account.provider.exchange(code, VERIFIER[::-1])

    async def test_an_unknown_code_is_refused_without_being_told(self, account: CrmAccountUnderTest) -> None:
        with pytest.raises(GrantRejected) as refusal:
            await account.provider.exchange("a-code-nobody-issued", VERIFIER)
        assert "a-code-nobody-issued" not in str(refusal.value)

    async def test_a_refresh_gives_tokens_that_work(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.pass_time(3600)
        renewed = await account.provider.refresh(session.tokens)
        assert renewed.access_token != session.tokens.access_token
        assert renewed.scopes == session.tokens.scopes
        assert renewed.is_fresh(account.clock.now())
        session.tokens = renewed
        assert await pages(account, session, ObjectType.COMPANIES)
        assert session.refreshes == 0

    async def test_a_revoked_grant_cannot_be_refreshed(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        await account.provider.revoke(session.tokens)
        with pytest.raises(ReauthorizationRequired):
            await account.provider.refresh(session.tokens)

    async def test_revoking_twice_is_no_error(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        await account.provider.revoke(session.tokens)
        await account.provider.revoke(session.tokens)

    @pytest.mark.parametrize("object_type", ObjectType)
    async def test_an_empty_account_is_one_page_and_its_end(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        (page,) = await pages(account, session, object_type)
        assert (list(page.records), page.cursor) == ([], None)

    async def test_a_walk_brings_every_live_record_once_and_only_its_last_page_has_no_cursor(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put_companies(numbers(COMPANIES))
        account.archive(ObjectType.COMPANIES, "7")
        walked = await pages(account, session, ObjectType.COMPANIES)
        assert sorted(ids_of(walked), key=int) == [number for number in numbers(COMPANIES) if number != "7"]
        assert [page.cursor is None for page in walked] == [False] * (len(walked) - 1) + [True]

    async def test_a_walk_goes_on_after_any_of_its_cursors(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put_companies(numbers(COMPANIES))
        walked = await pages(account, session, ObjectType.COMPANIES)
        for place, page in enumerate(walked[:-1], start=1):
            rest = await pages(account, session, ObjectType.COMPANIES, cursor=page.cursor)
            assert ids_of(rest) == ids_of(walked[place:])

    async def test_a_walk_can_be_left_at_any_page(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put_companies(numbers(COMPANIES))
        reading = account.provider.read(session, ObjectType.COMPANIES)
        async with aclosing(reading):
            async for page in reading:
                assert page.records
                break

    async def test_the_first_page_says_how_many_are_expected(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put_companies(numbers(COMPANIES))
        first, *others = await pages(account, session, ObjectType.COMPANIES)
        assert first.expected_total == COMPANIES
        assert all(page.expected_total in {None, COMPANIES} for page in others)

    async def test_a_contact_comes_with_its_primary_company(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put_companies(["1", "2"])
        account.put_contact(Person("21", "ada@acme.com", ["2", "1"]))
        account.put_contact(Person("22", "bo@acme.com"))
        walked = await pages(account, session, ObjectType.CONTACTS)
        contacts = [record for page in walked for record in page.records]
        assert all(isinstance(record, ContactRecord) for record in contacts)
        assert {r.record_id: r.company_id for r in contacts if isinstance(r, ContactRecord)} == {
            "21": "2",
            "22": None,
        }

    async def test_a_deal_comes_with_its_primary_company_and_all_its_contacts(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put_companies(["1", "2"])
        for number in ("21", "22"):
            account.put_contact(Person(number, f"{number}@acme.com"))
        account.put_deal("31", ["2", "1"], ["22", "21"])
        account.put_deal("32", [], [])
        walked = await pages(account, session, ObjectType.DEALS)
        deals = [record for page in walked for record in page.records]
        assert {r.record_id: (r.company_id, r.contact_ids) for r in deals if isinstance(r, DealRecord)} == {
            "31": ("2", ("21", "22")),
            "32": (None, ()),
        }

    async def test_a_window_brings_what_was_modified_in_it_bounds_included(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put_companies(["1"])
        account.pass_time(60)
        start = account.clock.now()
        account.put_companies(["2"])
        account.pass_time(60)
        end = account.clock.now()
        account.put_companies(["3"])
        account.pass_time(0.001)
        account.put_companies(["4"])
        walked = await pages(account, session, ObjectType.COMPANIES, window=Window(start=start, end=end))
        assert sorted(ids_of(walked)) == ["2", "3"]
        assert walked[-1].cursor is None

    async def test_a_window_in_which_nothing_happened_is_one_page_and_its_end(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put_companies(["1"])
        start = account.clock.now() + timedelta(days=1)
        window = Window(start=start, end=start + timedelta(days=1))
        (page,) = await pages(account, session, ObjectType.COMPANIES, window=window)
        assert (list(page.records), page.cursor) == ([], None)

    async def test_records_fetched_by_id_are_told_from_those_that_are_gone(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put_companies(numbers(COMPANIES))
        account.archive(ObjectType.COMPANIES, "5")
        asked = [RecordId(number) for number in [*numbers(COMPANIES), "1", "999999"]]
        page = await account.provider.fetch(session, ObjectType.COMPANIES, asked)
        assert sorted(ids_of([page]), key=int) == [number for number in numbers(COMPANIES) if number != "5"]
        assert sorted(page.removed_ids) == ["5", "999999"]

    async def test_erased_contacts_are_told_from_archived_ones(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        for number in ("21", "22", "23"):
            account.put_contact(Person(number, f"{number}@acme.com"))
        account.archive(ObjectType.CONTACTS, "21")
        account.erase_contact("22")
        asked = [RecordId(number) for number in ("21", "22", "23")]
        page = await account.provider.fetch(session, ObjectType.CONTACTS, asked)
        assert (ids_of([page]), page.removed_ids, page.erased_ids) == (["23"], ["21"], ["22"])

    async def test_a_record_fetched_by_an_id_that_was_merged_away_is_the_survivor(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put_companies(["1", "2", "3"])
        survivor = account.merge_companies("1", "2")
        page = await account.provider.fetch(
            session, ObjectType.COMPANIES, [RecordId("2"), RecordId("3"), RecordId("1")]
        )
        assert sorted(ids_of([page]), key=int) == sorted({"3", survivor}, key=int)
        assert page.merged[RecordId("2")] == survivor
        assert page.removed_ids == []

    async def test_fetching_no_ids_is_an_empty_page(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        page = await account.provider.fetch(session, ObjectType.DEALS, [])
        assert (list(page.records), list(page.removed_ids)) == ([], [])

    async def test_fetched_contacts_carry_their_company(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put_companies(["1"])
        account.put_contact(Person("21", "ada@acme.com", ["1"]))
        page = await account.provider.fetch(session, ObjectType.CONTACTS, [RecordId("21")])
        assert [r.company_id for r in page.records if isinstance(r, ContactRecord)] == ["1"]

    async def test_archived_owners_are_owners_too(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put_owner("41", archived=False)
        account.put_owner("42", archived=True)
        owners = await account.provider.owners(session)
        assert sorted((owner.record_id, owner.archived) for owner in owners) == [("41", False), ("42", True)]

    async def test_a_token_that_expires_within_a_walk_is_refreshed_once(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put_companies(numbers(COMPANIES))
        seen: list[str] = []
        async for page in account.provider.read(session, ObjectType.COMPANIES):
            if not seen:
                account.expire_access_tokens()
            seen += ids_of([page])
        assert sorted(seen, key=int) == numbers(COMPANIES)
        assert session.refreshes == 1

    async def test_a_grant_that_ends_within_a_walk_asks_for_a_person(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put_companies(numbers(COMPANIES))
        reading = account.provider.read(session, ObjectType.COMPANIES)
        await anext(reading)
        account.uninstall()
        with pytest.raises(ReauthorizationRequired):
            async for _ in reading:
                pass

    async def test_a_refused_object_type_is_named_and_leaves_the_others_readable(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.forbid(ObjectType.DEALS)
        with pytest.raises(PermissionMissing) as refusal:
            await pages(account, session, ObjectType.DEALS)
        assert refusal.value.object_type is ObjectType.DEALS
        assert refusal.value.scopes
        assert await pages(account, session, ObjectType.COMPANIES)


def numbers(count: int) -> list[str]:
    return [str(number) for number in range(1, count + 1)]
