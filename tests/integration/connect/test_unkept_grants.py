"""A grant that no connection came of does not outlive the attempt, whatever ended it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from astrelo.application.tokens import revocation
from astrelo.domain.connection import CrmConnection, Grant, TokenSet
from astrelo.domain.errors import AuthorizationFailed, AuthorizationFailure, CrmUnavailable, StoreUnavailable
from astrelo.domain.identifiers import Provider, UserId
from astrelo.domain.ports.crm import TokensIssued
from astrelo.domain.ports.state import Transaction, UnitOfWork
from crm_sandbox import Fault
from tests.support.harness.connect import ConnectHarness, connect_harness
from tests.support.harness.granting_crm import GrantingCrm
from tests.support.harness.sync import ScriptedCrm

pytestmark = pytest.mark.anyio

HUBSPOT = Provider.HUBSPOT

HIDDEN = Fault(kind="respond", match="/account-info/", status=503)


@pytest.fixture
async def world(database: str) -> AsyncIterator[ConnectHarness]:
    async with connect_harness(database) as opened:
        yield opened


async def tokens_of(world: ConnectHarness, connection: CrmConnection) -> TokenSet:
    async with world.uow(world.user_id) as tx:
        return (await tx.tokens.get(connection.id)).tokens


class BrokenStore(UnitOfWork):
    """Loses the database once the code is exchanged: before each commit, or after it."""

    def __init__(
        self, inner: UnitOfWork, *, commits: bool = False, intact: int = 1, times: int = 10**9
    ) -> None:
        """Of a callback, one transaction comes before the exchange."""
        self._intact = intact
        self._inner = inner
        self._commits = commits
        self._times = times

    def __call__(self, user_id: UserId) -> AbstractAsyncContextManager[Transaction]:
        return self._transaction(user_id)

    @asynccontextmanager
    async def _transaction(self, user_id: UserId) -> AsyncIterator[Transaction]:
        breaks = self._intact == 0 and self._times > 0
        if self._intact:
            self._intact -= 1
        else:
            self._times -= 1
        async with self._inner(user_id) as tx:
            yield tx
            if breaks and not self._commits:
                raise StoreUnavailable("gone")
        if breaks:
            raise StoreUnavailable("gone")


def unavailable() -> None:
    raise CrmUnavailable(HUBSPOT, "the account is not reported")


async def fail(world: ConnectHarness) -> AuthorizationFailed:
    callback = await world.consent(await world.begin())
    with pytest.raises(AuthorizationFailed) as raised:
        await world.finish(callback)
    return raised.value


async def test_a_grant_whose_account_cannot_be_read_is_revoked(world: ConnectHarness) -> None:
    world.sandbox.faults.add(HIDDEN)
    error = await fail(world)
    assert error.failure is AuthorizationFailure.FAILED
    assert "does not answer" in error.detail
    assert len(world.sandbox.oauth.grants) == 1
    assert world.living_grants() == []
    assert await world.load_connection() is None


async def test_a_connection_goes_on_when_another_consent_comes_to_nothing(world: ConnectHarness) -> None:
    connection = await world.connect_account()
    world.sandbox.faults.add(HIDDEN)
    await fail(world)
    assert world.living_grants() == [101]
    world.clock.advance(1800)
    assert await world.tokens.get_access(connection)


async def test_a_revocation_that_fails_too_does_not_hide_why_it_was_needed(world: ConnectHarness) -> None:
    world.sandbox.faults.add(HIDDEN, Fault(kind="respond", match="/revoke", status=500))
    with capture_logs() as logs:
        error = await fail(world)
    assert isinstance(error.__cause__, CrmUnavailable)
    assert "503" in str(error.__cause__)
    assert [entry["event"] for entry in logs if "revoked" in entry["event"]] == ["grant.not_revoked"]


async def test_a_revocation_without_an_answer_is_not_waited_for(
    world: ConnectHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation, "REVOKE_TIMEOUT", timedelta(seconds=0.02))
    callback = await world.consent(await world.begin())
    world.offer(GrantingCrm(then=unavailable, never_revokes=True))
    async with asyncio.timeout(5):
        with capture_logs() as logs, pytest.raises(AuthorizationFailed, match="does not answer"):
            await world.finish(callback)
    assert [entry["reason"] for entry in logs if entry["event"] == "grant.not_revoked"] == [
        "it took too long"
    ]


async def test_a_grant_that_cannot_be_stored_is_revoked_though_the_store_cannot_be_asked(
    world: ConnectHarness,
) -> None:
    callback = await world.consent(await world.begin())
    world.uow = BrokenStore(world.uow)
    world.offer(world.hubspot)
    with pytest.raises(StoreUnavailable):
        await world.finish(callback)
    assert len(world.sandbox.oauth.grants) == 1
    assert world.living_grants() == []


async def test_a_grant_that_was_stored_after_all_lives_on(world: ConnectHarness) -> None:
    """The database committed, and could not say so."""
    callback = await world.consent(await world.begin())
    intact, world.uow = world.uow, BrokenStore(world.uow, commits=True, times=1)
    world.offer(world.hubspot)
    with pytest.raises(StoreUnavailable):
        await world.finish(callback)
    world.uow = intact
    assert world.living_grants() == [101]
    stored = await world.load_connection()
    assert stored is not None
    assert await world.tokens.get_access(stored)


async def test_a_grant_of_a_callback_that_is_cut_off_is_revoked(world: ConnectHarness) -> None:
    callback = await world.consent(await world.begin())

    def cut_off() -> None:
        finishing.cancel()

    crm = GrantingCrm(then=cut_off)
    world.offer(crm)
    finishing = asyncio.create_task(world.finish(callback))
    with pytest.raises(asyncio.CancelledError):
        await finishing
    assert crm.revoked == ["given"]
    assert await world.load_connection() is None


async def test_a_grant_that_came_to_nothing_is_not_revoked_if_a_connection_lives_on_its_token(
    world: ConnectHarness,
) -> None:
    """A CRM may answer every consent of an account with one and the same refresh token."""
    connection = await world.connect_account()
    callback = await world.consent(await world.begin())
    living = await tokens_of(world, connection)
    crm = GrantingCrm(refresh_token=living.refresh_token, then=unavailable)
    world.offer(crm)
    with pytest.raises(AuthorizationFailed):
        await world.finish(callback)
    assert crm.revoked == []


async def test_a_connection_lives_on_when_the_store_is_lost_while_it_is_connected_again(
    world: ConnectHarness,
) -> None:
    connection = await world.connect_account()
    callback = await world.consent(await world.begin())
    living = await tokens_of(world, connection)
    crm = GrantingCrm(refresh_token=living.refresh_token)
    intact, world.uow = world.uow, BrokenStore(world.uow)
    world.offer(crm)
    with pytest.raises(StoreUnavailable):
        await world.finish(callback)
    world.uow = intact
    assert crm.revoked == []
    assert await world.load_connection() == connection


async def test_a_connection_that_was_ended_meanwhile_spares_no_token(world: ConnectHarness) -> None:
    """What the store says in the end outweighs what it said before the exchange."""
    connection = await world.connect_account()
    callback = await world.consent(await world.begin())
    living = await tokens_of(world, connection)

    class Leaving(GrantingCrm):
        async def exchange(
            self,
            code: str,
            code_verifier: str,
            login_host: str | None = None,
            *,
            issued: TokensIssued | None = None,
        ) -> Grant:
            async with world.uow(world.user_id) as tx:
                await tx.tokens.delete(connection.id)
            return await super().exchange(code, code_verifier, login_host, issued=issued)

    crm = Leaving(refresh_token=living.refresh_token, then=unavailable)
    world.offer(crm)
    with pytest.raises(AuthorizationFailed):
        await world.finish(callback)
    assert crm.revoked == [living.refresh_token]


async def test_nothing_is_exchanged_when_the_store_cannot_say_what_lives(world: ConnectHarness) -> None:
    callback = await world.consent(await world.begin())
    world.uow = BrokenStore(world.uow, intact=0)
    world.offer(world.hubspot)
    with pytest.raises(StoreUnavailable):
        await world.finish(callback)
    assert world.sandbox.oauth.grants == []


@dataclass
class SameTokenCrm(ScriptedCrm):
    """A CRM that answers every consent of an account with one and the same refresh token."""

    grant: Grant = field(kw_only=True)
    revoked: list[TokenSet] = field(default_factory=list)

    @property
    def required_scopes(self) -> frozenset[str]:
        return frozenset({"oauth"})

    async def exchange(
        self,
        code: str,
        code_verifier: str,
        login_host: str | None = None,
        *,
        issued: TokensIssued | None = None,
    ) -> Grant:
        if issued is not None:
            issued(self.grant.tokens)
        return self.grant

    async def revoke(self, tokens: TokenSet) -> None:
        self.revoked.append(tokens)


async def test_missing_scopes_are_named_and_the_grant_is_revoked(world: ConnectHarness) -> None:
    callback = world.permit(await world.begin(), "oauth", "crm.objects.companies.read")
    error = await world.assert_refused(callback)
    assert error.failure is AuthorizationFailure.SCOPE_MISSING
    assert "crm.objects.contacts.read" in error.detail
    assert "crm.objects.companies.read" not in error.detail
    assert world.living_grants() == []


async def test_a_refused_grant_that_shares_its_token_with_the_connection_is_not_revoked(
    world: ConnectHarness,
) -> None:
    connection = await world.connect_account()
    callback = await world.consent(await world.begin())
    living = await tokens_of(world, connection)
    crm = SameTokenCrm(grant=Grant(tokens=replace(living, scopes=frozenset()), account=connection.account))
    world.offer(crm)
    error = await world.assert_refused(callback)
    assert error.failure is AuthorizationFailure.SCOPE_MISSING
    assert crm.revoked == []
