"""What goes wrong at a CRM, in our terms: each class of error for what it is, and never another."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from astrelo.domain.errors import (
    CrmError,
    CrmMisconfigured,
    CrmRejected,
    CrmUnavailable,
    PermissionMissing,
    RateLimited,
    ReauthorizationRequired,
)
from astrelo.domain.identifiers import Cursor, ObjectType
from astrelo.domain.records import RecordPage
from astrelo.domain.sync import Window
from tests.support.contracts.crm.account import VERIFIER, CrmAccountUnderTest, OverAnAccount, give_consent
from tests.support.contracts.crm.reading import pages, records_in
from tests.support.contracts.crm.records import MANY, SEVERAL, draft, drafts, names_in, some_names
from tests.support.fakes.crm_session import FakeCrmSession

NONSENSE = [
    "<html><title>Maintenance</title></html>",
    "",
    "null",
    "[]",
    "{}",
    '{"a": [1, 2',
    '"a text"',
    "\0",
]
CUT_OFF = ["", " ", "{", '{"access_token": "A']
"""Answers that end before they say anything."""

LONG_PAUSE = timedelta(minutes=10)

Door = Callable[[CrmAccountUnderTest, FakeCrmSession], Awaitable[object]]


async def reads_everything(account: CrmAccountUnderTest, session: FakeCrmSession) -> object:
    return await pages(account.provider, session)


async def reads_a_window(account: CrmAccountUnderTest, session: FakeCrmSession) -> object:
    window = Window(start=account.clock.now(), end=account.clock.now())
    return await pages(account.provider, session, ObjectType.CONTACTS, window=window)


async def fetches(account: CrmAccountUnderTest, session: FakeCrmSession) -> object:
    asked = [account.unknown_id(ObjectType.DEALS)]
    return await account.provider.fetch(session, ObjectType.DEALS, asked)


async def reads_owners(account: CrmAccountUnderTest, session: FakeCrmSession) -> object:
    return await account.provider.list_owners(session)


READS = [reads_everything, reads_a_window, fetches, reads_owners]


async def read_until_failure(
    account: CrmAccountUnderTest, session: FakeCrmSession, fail: Callable[[], None]
) -> tuple[list[RecordPage], CrmError]:
    """Read, fail after the first records, and return what came before the error."""
    received: list[RecordPage] = []
    try:
        async for page in account.provider.read(session, ObjectType.COMPANIES):
            if not records_in(received) and page.records:
                fail()
            received.append(page)
    except CrmError as error:
        return received, error
    pytest.fail("The stream came to its end in spite of the failure.")


@pytest.mark.anyio
class Failing(OverAnAccount):
    @pytest.mark.parametrize("reads", READS)
    async def test_a_token_that_has_expired_is_refreshed(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, reads: Door
    ) -> None:
        expired = session.tokens
        account.expire_access_tokens()
        await reads(account, session)
        assert session.tokens.access_token != expired.access_token

    async def test_a_token_that_expires_within_a_stream_is_refreshed(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        names = some_names(MANY)
        account.put(*drafts(ObjectType.COMPANIES, names))
        received: list[RecordPage] = []
        async for page in account.provider.read(session, ObjectType.COMPANIES):
            account.expire_access_tokens()
            received.append(page)
        assert names_in(records_in(received)) == names

    @pytest.mark.parametrize("reads", READS)
    async def test_a_grant_that_has_ended_asks_for_a_person(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, reads: Door
    ) -> None:
        account.uninstall()
        with pytest.raises(ReauthorizationRequired):
            await reads(account, session)

    @pytest.mark.parametrize("reads", READS)
    async def test_a_token_that_is_refused_as_soon_as_it_is_made_asks_for_a_person(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, reads: Door
    ) -> None:
        account.refuse_access_tokens()
        with pytest.raises(ReauthorizationRequired):
            await reads(account, session)

    async def test_a_grant_that_ends_within_a_stream_asks_for_a_person(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put(*drafts(ObjectType.COMPANIES, some_names(MANY)))
        received, error = await read_until_failure(account, session, account.uninstall)
        assert isinstance(error, ReauthorizationRequired)
        assert records_in(received)

    @pytest.mark.parametrize("object_type", ObjectType)
    async def test_a_refused_object_type_is_named(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        account.put(draft(object_type, "Acme"))
        account.forbid(object_type)
        with pytest.raises(PermissionMissing) as refusal:
            await pages(account.provider, session, object_type)
        assert refusal.value.object_type is object_type
        assert refusal.value.provider is account.provider.provider
        assert refusal.value.scopes
        with pytest.raises(PermissionMissing):
            await account.provider.fetch(session, object_type, [account.record_id(object_type, "Acme")])

    async def test_a_refused_object_type_leaves_the_others_readable(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put(draft(ObjectType.COMPANIES, "Acme"), draft(ObjectType.CONTACTS, "Ada"))
        account.forbid(ObjectType.DEALS)
        for object_type in (ObjectType.COMPANIES, ObjectType.CONTACTS):
            assert len(records_in(await pages(account.provider, session, object_type))) == 1
        await account.provider.list_owners(session)

    async def test_owners_that_are_refused_leave_the_records_readable(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put(draft(ObjectType.COMPANIES, "Acme"))
        account.forbid(None)
        with pytest.raises(PermissionMissing) as refusal:
            await account.provider.list_owners(session)
        assert refusal.value.object_type is None
        assert names_in(records_in(await pages(account.provider, session))) == ["Acme"]

    async def test_our_own_credentials_refused_are_ours_to_mend(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        code, _ = await give_consent(account)
        account.refuse_our_credentials()
        with pytest.raises(CrmMisconfigured):
            await account.provider.exchange(code, VERIFIER)
        with pytest.raises(CrmMisconfigured):
            await account.provider.refresh(session.tokens)
        assert await pages(account.provider, session)
        account.expire_access_tokens()
        with pytest.raises(CrmMisconfigured):
            await pages(account.provider, session)

    async def test_a_short_pause_is_waited_out(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.put(draft(ObjectType.COMPANIES, "Acme"))
        asked_at = account.clock.now()
        account.limit_rate(5)
        assert names_in(records_in(await pages(account.provider, session))) == ["Acme"]
        assert account.clock.now() - asked_at >= timedelta(seconds=5)

    @pytest.mark.parametrize("reads", READS)
    async def test_a_long_pause_is_reported_with_its_time_and_over_after_it(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, reads: Door
    ) -> None:
        asked_at = account.clock.now()
        account.limit_rate(LONG_PAUSE.total_seconds())
        with pytest.raises(RateLimited) as refusal:
            await reads(account, session)
        assert refusal.value.retry_after >= LONG_PAUSE
        assert account.clock.now() - asked_at < LONG_PAUSE
        account.pass_time(refusal.value.retry_after.total_seconds())
        await reads(account, session)

    async def test_a_pause_within_a_stream_costs_nothing_that_came_before_or_comes_after(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        names = some_names(MANY)
        account.put(*drafts(ObjectType.COMPANIES, names))
        received, error = await read_until_failure(
            account, session, lambda: account.limit_rate(LONG_PAUSE.total_seconds())
        )
        assert isinstance(error, RateLimited)
        account.pass_time(error.retry_after.total_seconds())
        await self._goes_on(account, session, received, names)

    @pytest.mark.parametrize("reads", READS)
    async def test_a_crm_that_does_not_answer_is_unavailable_and_no_more(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, reads: Door
    ) -> None:
        account.break_down()
        with pytest.raises(CrmUnavailable):
            await reads(account, session)
        account.recover()
        await reads(account, session)

    async def test_an_authorization_server_that_does_not_answer_is_unavailable(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        code, _ = await give_consent(account)
        account.break_down()
        with pytest.raises(CrmUnavailable):
            await account.provider.exchange(code, VERIFIER)
        with pytest.raises(CrmUnavailable):
            await account.provider.refresh(session.tokens)
        with pytest.raises(CrmUnavailable):
            await account.provider.revoke(session.tokens)
        account.recover()
        await account.provider.refresh(session.tokens)

    async def test_an_outage_within_a_stream_costs_nothing_that_came_before_or_comes_after(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        names = some_names(MANY)
        account.put(*drafts(ObjectType.COMPANIES, names))
        received, error = await read_until_failure(account, session, account.break_down)
        assert isinstance(error, CrmUnavailable)
        account.recover()
        await self._goes_on(account, session, received, names)

    @pytest.mark.parametrize("object_type", ObjectType)
    async def test_failures_that_pass_are_not_seen(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        names = some_names(MANY)
        account.put(*drafts(object_type, names))
        account.stumble()
        received: list[RecordPage] = []
        async for page in account.provider.read(session, object_type):
            if not records_in(received) and page.records:
                account.stumble()
            received.append(page)
        assert names_in(records_in(received)) == names

    @pytest.mark.parametrize("reads", READS)
    async def test_a_request_that_is_called_wrong_is_for_a_developer(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, reads: Door
    ) -> None:
        account.refuse_requests()
        with pytest.raises(CrmRejected):
            await reads(account, session)

    @pytest.mark.parametrize("body", NONSENSE)
    async def test_an_answer_without_sense_is_no_answer(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, body: str
    ) -> None:
        code, _ = await give_consent(account)
        account.talk_nonsense(body)
        for reads in READS:
            with pytest.raises((CrmRejected, CrmUnavailable)):
                await reads(account, session)
        with pytest.raises((CrmRejected, CrmUnavailable)):
            await account.provider.refresh(session.tokens)
        with pytest.raises((CrmRejected, CrmUnavailable)):
            await account.provider.exchange(code, VERIFIER)

    @pytest.mark.parametrize("body", CUT_OFF)
    async def test_an_answer_of_the_authorization_server_that_is_cut_off_may_be_whole_the_next_time(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, body: str
    ) -> None:
        code, _ = await give_consent(account)
        account.talk_nonsense(body)
        with pytest.raises(CrmUnavailable):
            await account.provider.refresh(session.tokens)
        with pytest.raises(CrmUnavailable):
            await account.provider.exchange(code, VERIFIER)

    @pytest.mark.parametrize("body", NONSENSE)
    async def test_neither_silence_nor_nonsense_proves_that_a_grant_is_gone(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, body: str
    ) -> None:
        for fail in (account.break_down, lambda: account.talk_nonsense(body)):
            fail()
            try:
                assert await account.provider.can_refresh(session.tokens)
            except CrmError as error:
                assert isinstance(error, CrmRejected | CrmUnavailable)  # noqa: PT017 - either answer is right
            account.recover()
        assert await account.provider.can_refresh(session.tokens)

    @pytest.mark.parametrize("object_type", ObjectType)
    async def test_a_record_that_nobody_can_keep_is_rejected_and_the_others_come(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        names = some_names(SEVERAL)
        account.put(*drafts(object_type, names))
        bad = account.record_id(object_type, names[1])
        account.malform(object_type, names[1])
        received = await pages(account.provider, session, object_type)
        assert names_in(records_in(received)) == [name for name in names if name != names[1]]
        assert [rejected.record_id for page in received for rejected in page.rejected] == [bad]

    @pytest.mark.parametrize("object_type", ObjectType)
    async def test_a_record_that_nobody_can_keep_is_not_called_gone(
        self, account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType
    ) -> None:
        account.put(*drafts(object_type, ["Acme", "Byte"]))
        acme, byte = (account.record_id(object_type, name) for name in ("Acme", "Byte"))
        account.malform(object_type, "Acme")
        page = await account.provider.fetch(session, object_type, [acme, byte])
        assert names_in(page.records) == ["Byte"]
        assert [rejected.record_id for rejected in page.rejected] == [acme]
        assert (list(page.removed_ids), list(page.erased_ids), dict(page.merged)) == ([], [], {})

    async def _goes_on(
        self,
        account: CrmAccountUnderTest,
        session: FakeCrmSession,
        received: list[RecordPage],
        names: list[str],
    ) -> None:
        cursor: Cursor | None = received[-1].cursor
        assert cursor is not None
        rest = await pages(account.provider, session, cursor=cursor)
        assert set(names_in(records_in([*received, *rest]))) == set(names)
        assert len(records_in(rest)) < len(names)
