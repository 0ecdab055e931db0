"""Opening an account, keeping it open, and giving it back."""

from urllib.parse import parse_qs, urlsplit

import pytest

from astrelo.domain.connection import TokenSet
from astrelo.domain.errors import (
    CrmError,
    CrmRejected,
    CrmUnavailable,
    GrantRejected,
    InvalidInput,
    ReauthorizationRequired,
)
from astrelo.domain.identifiers import ObjectType
from tests.support.contracts.crm.account import (
    VERIFIER,
    CrmAccountUnderTest,
    OverAnAccount,
    connect,
    give_consent,
    request,
)
from tests.support.contracts.crm.reading import pages
from tests.support.fakes.crm_session import FakeCrmSession

STRANGERS = [
    "evil.example",
    "https://evil.example",
    "127.0.0.1:8010",
    "localhost",
    "a b",
    "",
    "https://",
    "login",
]
"""No CRM's place to sign in."""


@pytest.mark.anyio
class Authorizing(OverAnAccount):
    async def test_the_authorize_url_carries_state_and_challenge(self, account: CrmAccountUnderTest) -> None:
        asked = request(state="a state/&")
        query = parse_qs(urlsplit(account.provider.authorization_url(asked)).query)
        assert query["state"] == ["a state/&"]
        assert query["code_challenge"] == [asked.code_challenge]
        assert query["code_challenge_method"] == ["S256"]

    async def test_the_state_comes_back_as_it_was(self, account: CrmAccountUnderTest) -> None:
        url = account.provider.authorization_url(request(state="a state/&=+?"))
        assert (await account.consent(url)).state == "a state/&=+?"

    @pytest.mark.parametrize("stranger", STRANGERS)
    async def test_a_place_to_sign_in_that_is_not_the_crms_is_refused(
        self, account: CrmAccountUnderTest, stranger: str
    ) -> None:
        with pytest.raises(InvalidInput) as refusal:
            account.provider.authorization_url(request(login_host=stranger))
        assert refusal.value.field == "login_host"

    async def test_it_says_whether_there_are_places_to_sign_in(self, account: CrmAccountUnderTest) -> None:
        assert account.provider.has_login_hosts is bool(account.login_hosts)

    async def test_industries_have_the_labels_that_people_see(self, account: CrmAccountUnderTest) -> None:
        labels = account.provider.industry_labels
        assert [value for value, label in labels.items() if not label.strip() or label == value] == []

    async def test_every_place_to_sign_in_opens_the_same_account(self, account: CrmAccountUnderTest) -> None:
        unasked = await connect(account)
        for host in account.login_hosts:
            url = urlsplit(account.provider.authorization_url(request(login_host=host)))
            assert url.hostname == urlsplit(f"//{host}").hostname
            grant = await connect(account, host)
            assert grant.account == unasked.account
            session = FakeCrmSession(account.provider, grant)
            session.tokens = await account.provider.refresh(grant.tokens)
            assert await pages(account.provider, session)

    async def test_the_host_of_the_authorize_url_is_the_place_to_sign_in(
        self, account: CrmAccountUnderTest
    ) -> None:
        for host in account.login_hosts:
            url = account.provider.authorization_url(request(login_host=host))
            place = urlsplit(url).netloc
            assert account.provider.authorization_url(request(login_host=place)) == url
            code, _ = await account.consent(url)
            grant = await account.provider.exchange(code, VERIFIER, place)
            assert grant.account.account_id

    async def test_a_code_opens_the_account_with_every_required_scope(
        self, account: CrmAccountUnderTest
    ) -> None:
        grant = await connect(account)
        assert grant.account.account_id
        assert grant.account.name
        assert account.provider.required_scopes
        assert grant.tokens.scopes >= account.provider.required_scopes
        assert grant.tokens.is_fresh(account.clock.now())

    async def test_a_code_is_good_for_one_exchange(self, account: CrmAccountUnderTest) -> None:
        code, _ = await give_consent(account)
        await account.provider.exchange(code, VERIFIER)
        with pytest.raises(GrantRejected):
            await account.provider.exchange(code, VERIFIER)

    async def test_a_code_is_good_only_with_its_verifier(self, account: CrmAccountUnderTest) -> None:
        code, _ = await give_consent(account)
        with pytest.raises(GrantRejected):
            await account.provider.exchange(code, VERIFIER[::-1])

    async def test_an_unknown_code_is_refused_without_being_shown(self, account: CrmAccountUnderTest) -> None:
        with pytest.raises(GrantRejected) as refusal:
            await account.provider.exchange("a-code-nobody-issued", VERIFIER)
        assert "a-code-nobody-issued" not in str(refusal.value)

    async def test_a_code_whose_exchange_was_lost_is_not_sent_again(
        self, account: CrmAccountUnderTest
    ) -> None:
        code, _ = await give_consent(account)
        account.lose_next_answer()
        with pytest.raises(CrmUnavailable):
            await account.provider.exchange(code, VERIFIER)
        with pytest.raises(GrantRejected) as refusal:
            await account.provider.exchange(code, VERIFIER)
        assert code not in str(refusal.value)

    async def test_the_tokens_of_a_grant_are_reported_before_it(self, account: CrmAccountUnderTest) -> None:
        code, _ = await give_consent(account)
        issued: list[TokenSet] = []
        grant = await account.provider.exchange(code, VERIFIER, issued=issued.append)
        assert [tokens.refresh_token for tokens in issued] == [grant.tokens.refresh_token]

    async def test_tokens_of_which_no_grant_comes_are_reported_so_that_they_can_be_revoked(
        self, account: CrmAccountUnderTest
    ) -> None:
        code, _ = await give_consent(account)
        account.hide_itself()
        issued: list[TokenSet] = []
        with pytest.raises(CrmUnavailable):
            await account.provider.exchange(code, VERIFIER, issued=issued.append)
        account.recover()
        (tokens,) = issued
        renewed = await account.provider.refresh(tokens)  # they are alive
        await account.provider.revoke(renewed)
        with pytest.raises(ReauthorizationRequired):
            await account.provider.refresh(renewed)

    async def test_of_an_exchange_that_gives_no_tokens_none_are_reported(
        self, account: CrmAccountUnderTest
    ) -> None:
        code, _ = await give_consent(account)
        issued: list[TokenSet] = []
        with pytest.raises(GrantRejected):
            await account.provider.exchange("a-code-nobody-issued", VERIFIER, issued=issued.append)
        account.break_down()
        with pytest.raises(CrmUnavailable):
            await account.provider.exchange(code, VERIFIER, issued=issued.append)
        assert issued == []

    async def test_a_refresh_gives_tokens_that_work(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.pass_time(3600)
        renewed = await account.provider.refresh(session.tokens)
        assert renewed.access_token != session.tokens.access_token
        assert renewed.scopes == session.tokens.scopes
        assert renewed.is_fresh(account.clock.now())
        session.tokens = renewed
        assert await pages(account.provider, session)
        assert session.tokens == renewed

    async def test_a_refresh_is_one_request_so_that_nothing_delays_the_storing_of_its_tokens(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        for _ in range(2):
            before = account.requests
            session.tokens = await account.provider.refresh(session.tokens)
            assert account.requests == before + 1

    async def test_when_an_access_token_ends_can_be_asked_afterwards_and_uses_nothing_up(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        for _ in range(2):
            renewed = session.tokens = await account.provider.refresh(session.tokens)
            ends = [await account.provider.fetch_expiry(renewed) for _ in range(2)]
            assert all(end is None or end > account.clock.now() for end in ends)
            assert renewed.expires_at in {None, ends[0]}
            assert await pages(account.provider, session)
            assert session.refreshes == 0

    async def test_an_end_that_cannot_be_asked_for_is_not_known_and_no_error(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        renewed = await account.provider.refresh(session.tokens)
        for fail in (account.lose_next_answer, account.break_down, lambda: account.talk_nonsense("{")):
            fail()
            assert await account.provider.fetch_expiry(renewed) == renewed.expires_at
            account.recover()
        account.uninstall()
        assert await account.provider.fetch_expiry(renewed) == renewed.expires_at

    async def test_each_refresh_needs_only_the_tokens_of_the_one_before(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        for _ in range(3):
            account.expire_access_tokens()
            session.tokens = await account.provider.refresh(session.tokens)
            assert await pages(account.provider, session)

    async def test_asking_whether_tokens_can_be_refreshed_does_not_use_them_up(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        for _ in range(2):
            assert await account.provider.can_refresh(session.tokens)
            assert await account.provider.can_refresh(session.tokens)
            session.tokens = await account.provider.refresh(session.tokens)

    async def test_tokens_that_are_used_up_are_distinguished_from_those_that_can_be_refreshed(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        before, renewed = session.tokens, await account.provider.refresh(session.tokens)
        is_single_use = renewed.refresh_token != before.refresh_token
        assert await account.provider.can_refresh(before) is not is_single_use
        await account.provider.refresh(renewed)  # asking for used-up ones has not ended the grant
        if is_single_use:
            with pytest.raises(ReauthorizationRequired):
                await account.provider.refresh(before)

    async def test_after_a_lost_renewal_it_is_known_whether_another_one_is_safe(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.lose_next_answer()
        with pytest.raises(CrmUnavailable):
            await account.provider.refresh(session.tokens)
        if await account.provider.can_refresh(session.tokens):
            session.tokens = await account.provider.refresh(session.tokens)
            assert await pages(account.provider, session)
        else:
            with pytest.raises(ReauthorizationRequired):
                await account.provider.refresh(session.tokens)

    async def test_a_revoked_grant_cannot_be_refreshed(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        await account.provider.revoke(session.tokens)
        with pytest.raises(ReauthorizationRequired):
            await account.provider.refresh(session.tokens)

    async def test_where_refresh_tokens_are_single_use_a_revoked_one_is_known_to_be_dead(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        renewed = await account.provider.refresh(session.tokens)
        await account.provider.revoke(renewed)
        if renewed.refresh_token != session.tokens.refresh_token:
            assert not await account.provider.can_refresh(renewed)

    async def test_a_revoked_grant_reads_no_longer_than_its_last_access_token_lives(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        await account.provider.revoke(session.tokens)
        account.expire_access_tokens()
        with pytest.raises(ReauthorizationRequired):
            await pages(account.provider, session)

    async def test_revoking_twice_is_no_error(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        await account.provider.revoke(session.tokens)
        await account.provider.revoke(session.tokens)

    async def test_an_uninstall_ends_every_grant_of_the_account(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        other = FakeCrmSession(account.provider, await connect(account))
        if not account.provider.can_uninstall:
            with pytest.raises(CrmRejected):
                await account.provider.uninstall(session)
            assert await pages(account.provider, session)
            return
        await account.provider.uninstall(session)
        for ended in (session, other):
            with pytest.raises(ReauthorizationRequired):
                await account.provider.refresh(ended.tokens)
            with pytest.raises(ReauthorizationRequired):
                await pages(account.provider, ended)

    async def test_an_uninstall_with_a_token_that_is_refused_renews_it(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        if not account.provider.can_uninstall:
            return
        account.expire_access_tokens()
        await account.provider.uninstall(session)
        with pytest.raises(ReauthorizationRequired):
            await account.provider.refresh(session.tokens)

    async def test_an_uninstall_that_is_not_answered_is_not_sent_again(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        if not account.provider.can_uninstall:
            return
        for fail in (account.break_down, account.lose_next_answer):
            before = account.requests
            fail()
            with pytest.raises(CrmUnavailable):
                await account.provider.uninstall(session)
            assert account.requests == before + 1
            account.recover()

    async def test_one_grant_ends_without_another(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        other = FakeCrmSession(account.provider, await connect(account))
        await account.provider.revoke(session.tokens)
        other.tokens = await account.provider.refresh(other.tokens)
        assert await pages(account.provider, other, ObjectType.DEALS)

    async def test_no_error_of_a_refresh_names_a_token(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        account.uninstall()
        with pytest.raises(CrmError) as refusal:
            await account.provider.refresh(session.tokens)
        assert session.tokens.refresh_token not in f"{refusal.value!r}{refusal.value}"
        assert session.tokens.access_token not in f"{session.tokens!r}{refusal.value}"
