"""Tokens are refreshed in time, by one only, and are never lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from astrelo.application import access_tokens
from astrelo.application.access_tokens import LOST_RENEWAL, REMEMBERED_FOR, AccessTokens, ConnectionSession
from astrelo.domain.connection import ConnectionStatus, CrmConnection, TokenSet
from astrelo.domain.errors import (
    CrmError,
    CrmMisconfigured,
    CrmRejected,
    CrmUnavailable,
    RateLimited,
    ReauthorizationRequired,
    StoreUnavailable,
)
from astrelo.domain.identifiers import Provider, UserId
from astrelo.domain.ports import CrmProviders
from astrelo.domain.stores import StoredTokens, Transaction, UnitOfWork
from astrelo.sandbox import Fault
from tests.integration.oauth_world import OAuthWorld, oauth_world
from tests.integration.sync_world import ScriptedCrm

pytestmark = pytest.mark.anyio

HUBSPOT = Provider.HUBSPOT
LIFE = 1800
MARGIN = 300


@pytest.fixture
async def world(database: str) -> AsyncIterator[OAuthWorld]:
    async with oauth_world(database) as opened:
        yield opened


@dataclass
class RefreshingCrm(ScriptedCrm):
    """Gives access-1, access-2, …; an error or an action in `next_answers` comes first."""

    life: timedelta | None = timedelta(seconds=LIFE)
    world: OAuthWorld = field(kw_only=True)
    asked_with: list[str] = field(default_factory=list)
    next_answers: list[CrmError | Callable[[], Awaitable[object]]] = field(default_factory=list)
    used_up: set[str] = field(default_factory=set)
    """Refresh tokens that the CRM has ended, though their answer never came."""
    checked: list[str] = field(default_factory=list)
    while_checked: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)

    async def revoke(self, tokens: TokenSet) -> None:
        self.revoked.append(tokens.refresh_token)

    async def can_refresh(self, tokens: TokenSet) -> bool:
        self.checked.append(tokens.refresh_token)
        if self.while_checked:
            await self.while_checked.pop()()
        return tokens.refresh_token not in self.used_up

    async def refresh(self, tokens: TokenSet) -> TokenSet:
        self.asked_with.append(tokens.refresh_token)
        if self.next_answers:
            answer = self.next_answers.pop(0)
            if isinstance(answer, CrmError):
                raise answer
            await answer()
        number = len(self.asked_with)
        return TokenSet(
            access_token=f"access-{number}",
            refresh_token=f"refresh-{number}",
            expires_at=None if self.life is None else self.world.clock.now() + self.life,
        )


class Counting(UnitOfWork):
    """Counts transactions; can do something before the next one."""

    def __init__(self, inner: UnitOfWork) -> None:
        self._inner = inner
        self.opened = 0
        self.before: Callable[[], Awaitable[object]] | None = None

    def __call__(self, user_id: UserId) -> AbstractAsyncContextManager[Transaction]:
        return self._transaction(user_id)

    @asynccontextmanager
    async def _transaction(self, user_id: UserId) -> AsyncIterator[Transaction]:
        self.opened += 1
        before, self.before = self.before, None
        if before is not None:
            await before()
        async with self._inner(user_id) as tx:
            yield tx


class Scene:
    """A connection whose access token has run out, and a process that wants a valid one."""

    def __init__(self, world: OAuthWorld, connection: CrmConnection, crm: RefreshingCrm) -> None:
        self.world = world
        self.connection = connection
        self.crm = crm
        self.uow = Counting(world.uow)
        self.tokens = self.process()

    def process(self) -> AccessTokens:
        """Another process's: nothing in common but the database."""
        crms = CrmProviders({HUBSPOT: self.crm})
        return AccessTokens(self.uow, self.world.refresh_uow, crms, self.world.clock)

    async def stored(self) -> StoredTokens:
        async with self.world.uow(self.world.user_id) as tx:
            return await tx.tokens.get(self.connection.id)

    async def put(self, access_token: str, life: timedelta | None) -> None:
        expires_at = None if life is None else self.world.clock.now() + life
        tokens = TokenSet(access_token=access_token, refresh_token="refresh-0", expires_at=expires_at)
        async with self.world.uow(self.world.user_id) as tx:
            await tx.tokens.put(self.connection.id, tokens)

    async def status(self) -> ConnectionStatus:
        connection = await self.world.stored()
        assert connection is not None
        return connection.status


@pytest.fixture
async def scene(world: OAuthWorld) -> Scene:
    made = Scene(world, await world.connected(), RefreshingCrm(world=world))
    await made.put("access-0", timedelta(seconds=0))
    return made


async def test_a_fresh_token_is_used_as_it_is(scene: Scene) -> None:
    await scene.put("fresh", timedelta(seconds=MARGIN + 1))
    assert (await scene.tokens.valid(scene.connection)).token == "fresh"
    assert scene.crm.asked_with == []


async def test_a_token_with_less_than_five_minutes_left_is_refreshed_and_stored(scene: Scene) -> None:
    await scene.put("old", timedelta(seconds=MARGIN))
    before = await scene.stored()
    assert (await scene.tokens.valid(scene.connection)).token == "access-1"
    after = await scene.stored()
    assert (after.tokens.access_token, after.tokens.refresh_token) == ("access-1", "refresh-1")
    assert after.generation > before.generation


async def test_a_rotated_refresh_token_is_the_one_used_next(scene: Scene) -> None:
    await scene.tokens.valid(scene.connection)
    scene.world.clock.advance(LIFE)
    await scene.tokens.valid(scene.connection)
    assert scene.crm.asked_with == ["refresh-0", "refresh-1"]


async def test_scopes_that_a_refresh_does_not_repeat_are_kept(scene: Scene) -> None:
    async with scene.world.uow(scene.world.user_id) as tx:
        stored = await tx.tokens.get(scene.connection.id)
        await tx.tokens.put(scene.connection.id, replace(stored.tokens, scopes=frozenset({"oauth"})))
    await scene.tokens.valid(scene.connection)
    assert (await scene.stored()).tokens.scopes == {"oauth"}


async def test_a_token_of_unknown_life_is_refreshed_only_when_the_crm_refuses_it(scene: Scene) -> None:
    scene.crm.life = None
    await scene.put("endless", None)
    scene.world.clock.advance(30 * 86400)
    assert (await scene.tokens.valid(scene.connection)).token == "endless"
    assert (await scene.tokens.valid(scene.connection, rejected="endless")).token == "access-1"


async def test_many_requests_at_once_share_one_refresh(scene: Scene) -> None:
    tokens = await asyncio.gather(*(scene.tokens.valid(scene.connection) for _ in range(50)))
    assert {access.token for access in tokens} == {"access-1"}
    assert scene.crm.asked_with == ["refresh-0"]


async def test_many_requests_at_once_share_one_failure(scene: Scene) -> None:
    scene.crm.next_answers = [CrmUnavailable(HUBSPOT, "down")]
    outcomes = await asyncio.gather(
        *(scene.tokens.valid(scene.connection) for _ in range(20)), return_exceptions=True
    )
    assert {type(outcome) for outcome in outcomes} == {CrmUnavailable}
    assert len(scene.crm.asked_with) == 1


async def test_of_several_processes_one_refreshes(scene: Scene) -> None:
    processes = [scene.process() for _ in range(4)]
    tokens = await asyncio.gather(*(process.valid(scene.connection) for process in processes))
    assert {access.token for access in tokens} == {"access-1"}
    assert scene.crm.asked_with == ["refresh-0"]


async def test_a_token_in_use_costs_no_transaction_for_a_while(scene: Scene) -> None:
    await scene.put("fresh", timedelta(seconds=LIFE))
    for _ in range(100):
        await scene.tokens.valid(scene.connection)
    assert scene.uow.opened == 1
    scene.world.clock.advance(REMEMBERED_FOR.total_seconds())
    await scene.tokens.valid(scene.connection)
    assert scene.uow.opened == 2


async def test_another_processs_disconnect_is_seen_within_that_while(scene: Scene) -> None:
    await scene.put("fresh", timedelta(seconds=LIFE))
    await scene.tokens.valid(scene.connection)
    await scene.world.disconnect(scene.world.user_id, HUBSPOT)
    assert (await scene.tokens.valid(scene.connection)).token == "fresh"
    scene.world.clock.advance(REMEMBERED_FOR.total_seconds())
    with pytest.raises(ReauthorizationRequired, match="disconnected"):
        await scene.tokens.valid(scene.connection)


async def test_a_token_that_the_crm_refused_is_not_given_again(scene: Scene) -> None:
    await scene.put("refused", timedelta(seconds=LIFE))
    assert (await scene.tokens.valid(scene.connection)).token == "refused"
    assert (await scene.tokens.valid(scene.connection, rejected="refused")).token == "access-1"
    assert (await scene.tokens.valid(scene.connection, rejected="refused")).token == "access-1"
    assert scene.crm.asked_with == ["refresh-0"]


async def test_a_refused_token_that_somebody_replaced_already_is_not_refreshed_again(scene: Scene) -> None:
    await scene.put("refused", timedelta(seconds=LIFE))
    await scene.tokens.valid(scene.connection)
    await scene.put("replaced", timedelta(seconds=LIFE))
    assert (await scene.tokens.valid(scene.connection, rejected="refused")).token == "replaced"
    assert scene.crm.asked_with == []


async def test_a_refusal_that_comes_while_the_token_is_looked_up_is_heeded(scene: Scene) -> None:
    await scene.put("refused", timedelta(seconds=LIFE))
    looked_up, refused = await asyncio.gather(
        scene.tokens.valid(scene.connection), scene.tokens.valid(scene.connection, rejected="refused")
    )
    assert (looked_up.token, refused.token) == ("refused", "access-1")


async def test_a_caller_that_is_cancelled_does_not_take_the_refresh_with_it(scene: Scene) -> None:
    answering, may_answer = asyncio.Event(), asyncio.Event()

    async def answer_late() -> None:
        answering.set()
        await may_answer.wait()

    scene.crm.next_answers = [answer_late]
    impatient = asyncio.create_task(scene.tokens.valid(scene.connection))
    await answering.wait()
    impatient.cancel()
    patient = asyncio.create_task(scene.tokens.valid(scene.connection))
    may_answer.set()
    assert (await patient).token == "access-1"
    assert impatient.cancelled()
    assert (await scene.stored()).tokens.refresh_token == "refresh-1"


async def test_closing_waits_until_the_new_tokens_are_stored(scene: Scene) -> None:
    answering = asyncio.Event()

    async def answer() -> None:
        answering.set()

    scene.crm.next_answers = [answer]
    caller = asyncio.create_task(scene.tokens.valid(scene.connection))
    await answering.wait()
    caller.cancel()
    await scene.tokens.close()
    assert (await scene.stored()).tokens.access_token == "access-1"


# what the token endpoint may say


async def test_a_grant_that_was_revoked_needs_a_person(scene: Scene) -> None:
    scene.crm.next_answers = [ReauthorizationRequired(HUBSPOT, "BAD_REFRESH_TOKEN")]
    with pytest.raises(ReauthorizationRequired):
        await scene.tokens.valid(scene.connection)
    connection = await scene.world.stored()
    assert connection is not None
    assert connection.status is ConnectionStatus.NEEDS_REAUTHORIZATION
    assert connection.reason == (
        "the CRM does not accept our authorization any more (BAD_REFRESH_TOKEN); connect again"
    )


async def test_a_connection_that_waits_for_a_person_asks_the_crm_no_more(scene: Scene) -> None:
    scene.crm.next_answers = [ReauthorizationRequired(HUBSPOT, "BAD_REFRESH_TOKEN")]
    for process in (scene.tokens, scene.process()):
        with pytest.raises(ReauthorizationRequired):
            await process.valid(scene.connection)
    assert len(scene.crm.asked_with) == 1


async def test_an_old_refresh_token_refused_is_no_sign_of_a_revoked_grant(scene: Scene) -> None:
    async def refuse_while_somebody_reconnects() -> None:
        async def reconnect() -> None:
            await scene.put("reconnected", timedelta(seconds=LIFE))

        scene.uow.before = reconnect
        raise ReauthorizationRequired(HUBSPOT, "BAD_REFRESH_TOKEN")

    scene.crm.next_answers = [refuse_while_somebody_reconnects]
    assert (await scene.tokens.valid(scene.connection)).token == "reconnected"
    assert await scene.status() is ConnectionStatus.ACTIVE


async def test_our_own_credentials_refused_is_our_alarm_and_never_the_customers_fault(scene: Scene) -> None:
    scene.crm.next_answers = [CrmMisconfigured(HUBSPOT, "BAD_CLIENT_SECRET")]
    with capture_logs() as logs, pytest.raises(CrmMisconfigured):
        await scene.tokens.valid(scene.connection)
    assert await scene.status() is ConnectionStatus.ACTIVE
    assert [entry["reason"] for entry in logs if entry["log_level"] == "error"] == ["BAD_CLIENT_SECRET"]


@pytest.mark.parametrize(
    "error",
    [CrmUnavailable(HUBSPOT, "HTTP 503"), RateLimited(HUBSPOT, timedelta(seconds=10), "HTTP 429 from OAuth")],
)
async def test_a_token_endpoint_that_is_down_is_transient(scene: Scene, error: CrmError) -> None:
    scene.crm.next_answers = [error]
    with pytest.raises(CrmUnavailable):
        await scene.tokens.valid(scene.connection)
    assert await scene.status() is ConnectionStatus.ACTIVE
    assert (await scene.tokens.valid(scene.connection)).token == "access-2"


async def test_while_the_token_endpoint_is_down_a_living_token_goes_on_being_used(scene: Scene) -> None:
    await scene.put("living", timedelta(seconds=MARGIN - 1))
    scene.crm.next_answers = [CrmUnavailable(HUBSPOT, "HTTP 503")] * 2
    assert (await scene.tokens.valid(scene.connection)).token == "living"
    assert (await scene.tokens.valid(scene.connection)).token == "living"
    assert len(scene.crm.asked_with) == 1, "not asked again at every request"
    with pytest.raises(CrmUnavailable):
        await scene.tokens.valid(scene.connection, rejected="living")


async def test_an_answer_that_makes_no_sense_changes_nothing(scene: Scene) -> None:
    scene.crm.next_answers = [CrmRejected(HUBSPOT, 200, "an OAuth answer without its fields")]
    before = await scene.stored()
    with pytest.raises(CrmRejected):
        await scene.tokens.valid(scene.connection)
    assert (await scene.stored())[:2] == before[:2]
    assert await scene.status() is ConnectionStatus.ACTIVE


# answers that are lost


async def test_a_first_refresh_is_made_without_asking_whether_it_may(scene: Scene) -> None:
    await scene.tokens.valid(scene.connection)
    await scene.put("access-0", timedelta(seconds=0))
    await scene.tokens.valid(scene.connection)
    assert scene.crm.checked == []


async def test_a_refresh_token_that_may_have_been_used_is_never_sent_again_unasked(scene: Scene) -> None:
    scene.crm.next_answers = [CrmUnavailable(HUBSPOT, "no whole answer")]
    with pytest.raises(CrmUnavailable):
        await scene.tokens.valid(scene.connection)
    assert (await scene.tokens.valid(scene.connection)).token == "access-2"
    assert scene.crm.checked == ["refresh-0"]


async def test_a_lost_renewal_ends_the_connection_with_its_reason_and_without_a_replay(scene: Scene) -> None:
    scene.crm.next_answers = [CrmUnavailable(HUBSPOT, "no whole answer")]
    with pytest.raises(CrmUnavailable):
        await scene.tokens.valid(scene.connection)
    scene.crm.used_up.add("refresh-0")
    with pytest.raises(ReauthorizationRequired):
        await scene.process().valid(scene.connection)
    assert scene.crm.asked_with == ["refresh-0"], "sent once and never again"
    connection = await scene.world.stored()
    assert connection is not None
    assert (connection.status, connection.reason) == (ConnectionStatus.NEEDS_REAUTHORIZATION, LOST_RENEWAL)


async def test_whoever_lost_the_lock_while_it_asked_sends_nothing(scene: Scene) -> None:
    """The server ends a transaction that stands still for too long, and the next one in line refreshes."""

    async def be_overtaken() -> None:
        await _end_refresh_sessions(scene.world)
        assert (await scene.process().valid(scene.connection)).token == "access-2"

    scene.crm.next_answers = [CrmUnavailable(HUBSPOT, "no whole answer")]
    with pytest.raises(CrmUnavailable):
        await scene.tokens.valid(scene.connection)
    scene.crm.while_checked = [be_overtaken]
    with pytest.raises(StoreUnavailable):
        await scene.tokens.valid(scene.connection)
    assert len(scene.crm.asked_with) == 2, "once without an answer, once by whoever overtook"
    assert (await scene.tokens.valid(scene.connection)).token == "access-2"


async def test_a_crm_that_does_not_say_whether_a_token_holds_is_not_waited_for_longer_than_the_lock_lasts(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.crm.next_answers = [CrmUnavailable(HUBSPOT, "no whole answer")]
    with pytest.raises(CrmUnavailable):
        await scene.tokens.valid(scene.connection)
    monkeypatch.setattr(access_tokens, "REFRESH_LIMIT", timedelta(seconds=0.1))
    scene.crm.while_checked = [asyncio.Event().wait]
    with pytest.raises(CrmUnavailable, match="took longer"):
        await scene.tokens.valid(scene.connection)
    assert len(scene.crm.asked_with) == 1


async def test_a_worker_that_dies_between_sending_and_storing_leaves_its_attempt_on_record(
    scene: Scene,
) -> None:
    reached = asyncio.Event()

    async def never_answer() -> None:
        reached.set()
        await asyncio.Event().wait()

    scene.crm.next_answers = [never_answer]
    dying = scene.process()
    caller = asyncio.create_task(dying.valid(scene.connection))
    await reached.wait()
    (flight,) = dying._flights.values()
    flight.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    scene.crm.used_up.add("refresh-0")
    with pytest.raises(ReauthorizationRequired):
        await scene.tokens.valid(scene.connection)
    assert scene.crm.asked_with == ["refresh-0"]


async def test_tokens_that_were_purged_meanwhile_need_a_person(scene: Scene) -> None:
    await scene.world.disconnect(scene.world.user_id, HUBSPOT, purge=True)
    with pytest.raises(ReauthorizationRequired, match="disconnected"):
        await scene.tokens.valid(scene.connection)
    assert scene.crm.asked_with == []


async def test_a_disconnect_waits_for_the_refresh_and_revokes_what_it_brought(scene: Scene) -> None:
    answering = asyncio.Event()

    async def answer_slowly() -> None:
        answering.set()
        await scene.world.someone_waits_for_a_lock()

    scene.crm.next_answers = [answer_slowly]
    scene.world.offer(scene.crm)
    refreshing = asyncio.create_task(scene.tokens.valid(scene.connection))
    await answering.wait()
    await scene.world.disconnect(scene.world.user_id, HUBSPOT)
    assert (await refreshing).token == "access-1"
    assert scene.crm.revoked == ["refresh-1"]


# the database between answer and commit


async def test_a_session_lost_between_answer_and_commit_does_not_lose_the_tokens(scene: Scene) -> None:
    scene.crm.next_answers = [lambda: _end_refresh_sessions(scene.world)]
    assert (await scene.tokens.valid(scene.connection)).token == "access-1"
    assert (await scene.stored()).tokens.refresh_token == "refresh-1"
    assert scene.crm.revoked == []


async def test_tokens_that_cannot_be_stored_at_all_are_not_used(scene: Scene) -> None:
    async def lose_the_database() -> None:
        await _end_refresh_sessions(scene.world)
        scene.tokens._refresh_uow = _Unreachable()

    scene.crm.next_answers = [lose_the_database]
    with capture_logs() as logs, pytest.raises(StoreUnavailable):
        await scene.tokens.valid(scene.connection)
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["token.lost"]


async def test_tokens_that_come_after_a_disconnect_are_revoked(scene: Scene) -> None:
    """It revoked the old ones, which the CRM had replaced already."""

    async def be_disconnected() -> None:
        await _end_refresh_sessions(scene.world)
        await scene.world.disconnect(scene.world.user_id, HUBSPOT)

    scene.crm.next_answers = [be_disconnected]
    with pytest.raises(ReauthorizationRequired, match="disconnected"):
        await scene.tokens.valid(scene.connection)
    assert scene.crm.revoked == ["refresh-1"]
    assert await scene.world.pool.fetchval("select count(*) from crm_tokens") == 0


async def test_tokens_that_come_while_a_disconnect_is_told_to_the_crm_are_revoked(scene: Scene) -> None:
    async def be_marked_as_disconnected() -> None:
        await _end_refresh_sessions(scene.world)
        async with scene.world.uow(scene.world.user_id) as tx:
            await tx.connections.save(scene.connection.disconnected())

    scene.crm.next_answers = [be_marked_as_disconnected]
    with pytest.raises(ReauthorizationRequired, match="disconnected"):
        await scene.tokens.valid(scene.connection)
    assert scene.crm.revoked == ["refresh-1"]
    assert (await scene.stored()).tokens.refresh_token == "refresh-0"


async def test_tokens_that_come_after_a_reconnect_are_revoked_and_its_own_are_used(scene: Scene) -> None:
    async def be_reconnected() -> None:
        await _end_refresh_sessions(scene.world)
        await scene.put("reconnected", timedelta(seconds=LIFE))

    scene.crm.next_answers = [be_reconnected]
    assert (await scene.tokens.valid(scene.connection)).token == "reconnected"
    assert scene.crm.revoked == ["refresh-1"]


class _Unreachable(UnitOfWork):
    def __call__(self, user_id: UserId) -> AbstractAsyncContextManager[Transaction]:
        raise StoreUnavailable("ConnectionRefusedError")


async def _end_refresh_sessions(world: OAuthWorld) -> None:
    await world.pool.execute(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
        " where application_name = 'refresh' and datname = current_database()"
    )


# at HubSpot


async def test_at_hubspot_a_session_gets_through_many_token_lives(world: OAuthWorld) -> None:
    connection = await world.connected()
    session = ConnectionSession(world.tokens, connection)
    for _ in range(5):
        world.sandbox.oauth.authenticate((await session.access()).token)
        world.clock.advance(LIFE)
    assert session.account.account_id == "101"
    assert world.sandbox.oauth.refreshes == 4


async def test_at_hubspot_a_token_refused_as_expired_is_refreshed_once(world: OAuthWorld) -> None:
    connection = await world.connected()
    session = ConnectionSession(world.tokens, connection)
    token = (await session.access()).token
    world.sandbox.oauth.expire_access_tokens()
    renewed = {(await session.access(rejected=token)).token for _ in range(3)}
    assert len(renewed) == 1
    assert world.sandbox.oauth.refreshes == 1


async def test_at_hubspot_an_uninstalled_app_needs_a_person(world: OAuthWorld) -> None:
    connection = await world.connected()
    session = ConnectionSession(world.tokens, connection)
    token = (await session.access()).token
    world.sandbox.oauth.uninstall()
    with pytest.raises(ReauthorizationRequired):
        await session.access(rejected=token)
    stored = await world.stored()
    assert stored is not None
    assert stored.status is ConnectionStatus.NEEDS_REAUTHORIZATION


@pytest.mark.parametrize("status", [423, 429, 477, 500, 503])
async def test_at_hubspot_a_busy_token_endpoint_is_transient(world: OAuthWorld, status: int) -> None:
    connection = await world.connected()
    world.clock.advance(LIFE)
    world.sandbox.faults.add(Fault(kind="respond", match="/token", status=status))
    with pytest.raises(CrmUnavailable):
        await world.tokens.valid(connection)
    stored = await world.stored()
    assert stored is not None
    assert stored.is_active


async def test_at_hubspot_a_renewal_whose_answer_is_cut_off_is_on_record_and_made_once_more(
    world: OAuthWorld,
) -> None:
    connection = await world.connected()
    world.clock.advance(LIFE)
    world.sandbox.faults.add(Fault(kind="truncate", match="/token"))
    with pytest.raises(CrmUnavailable):
        await world.tokens.valid(connection)
    async with world.uow(world.user_id) as tx:
        assert (await tx.tokens.get(connection.id)).attempts == 1
    assert world.sandbox.oauth.refreshes == 1
    world.sandbox.oauth.authenticate((await world.tokens.valid(connection)).token)
    assert world.sandbox.oauth.refreshes == 2
