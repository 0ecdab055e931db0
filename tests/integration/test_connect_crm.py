"""Connecting and disconnecting over a real database and a strict HubSpot."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from astrelo.application.start_authorization import AlreadyConnected, flow_of
from astrelo.domain.connection import STATE_LIFETIME, ConnectionStatus, CrmConnection, Grant, TokenSet
from astrelo.domain.errors import (
    AuthorizationFailed,
    AuthorizationFailure,
    CrmUnavailable,
    InvalidInput,
    NotFound,
    ProviderNotConfigured,
    RunTakenOver,
)
from astrelo.domain.identifiers import ObjectType, Provider, UserId
from astrelo.domain.ports import TokensIssued
from astrelo.domain.sync import RunStatus, SyncRun
from astrelo.sandbox import Fault
from tests.integration.oauth_world import OTHER_PORTAL, Callback, OAuthWorld, oauth_world
from tests.integration.sync_world import ScriptedCrm

pytestmark = pytest.mark.anyio

HUBSPOT = Provider.HUBSPOT
TABLES = ("crm_connections", "crm_tokens", "icp_profiles", "sync_runs", "pgqueuer")

RECORD_TABLES = ("companies", "crm_companies", "contacts", "deals", "crm_owners")


@pytest.fixture
async def world(database: str) -> AsyncIterator[OAuthWorld]:
    async with oauth_world(database) as opened:
        yield opened


async def counts(world: OAuthWorld) -> dict[str, int]:
    return {table: await world.pool.fetchval(f"select count(*) from {table}") for table in TABLES}


async def latest_run(world: OAuthWorld, connection: CrmConnection) -> SyncRun:
    async with world.uow(world.user_id) as tx:
        run = await tx.runs.latest(connection.id)
    assert run is not None
    return run


async def refused(world: OAuthWorld, callback: Callback, provider: Provider = HUBSPOT) -> AuthorizationFailed:
    """Finish a flow that must fail, and check that it leaves nothing behind."""
    before = await counts(world), await world.stored()
    with pytest.raises(AuthorizationFailed) as raised:
        await world.finish(callback, provider)
    assert (await counts(world), await world.stored()) == before
    return raised.value


def living_grants(world: OAuthWorld) -> list[int]:
    return [grant.portal_id for grant in world.sandbox.oauth.grants if not grant.revoked]


# connecting


async def test_a_first_connect_stores_tokens_a_profile_and_a_full_run_with_its_job(world: OAuthWorld) -> None:
    connection = await world.connected()
    assert connection == await world.stored()
    assert connection.status is ConnectionStatus.ACTIVE
    assert (connection.account.account_id, connection.account.name) == ("101", "Acme")
    run = await latest_run(world, connection)
    assert (run.status, run.mode) == (RunStatus.QUEUED, "full")
    assert await counts(world) == dict.fromkeys(TABLES, 1)
    profile = await world.pool.fetchrow(
        "select name, is_default, industries, naics, countries from icp_profiles"
    )
    assert tuple(profile) == ("Default", True, [], [], [])


async def test_the_stored_token_works_at_the_crm(world: OAuthWorld) -> None:
    connection = await world.connected()
    token = (await world.tokens.valid(connection)).token
    assert world.sandbox.oauth.authenticate(token).grant.portal_id == 101


async def test_the_authorize_url_asks_with_state_and_pkce_and_holds_no_secret(world: OAuthWorld) -> None:
    started = await world.begin()
    query = parse_qs(urlsplit(started.authorize_url).query)
    assert query["code_challenge_method"] == ["S256"]
    assert started.flow == flow_of(query["state"][0])
    assert started.browser_token not in started.authorize_url
    assert world.sandbox.oauth.app.client_secret not in started.authorize_url
    assert started.browser_token not in repr(started)
    assert query["state"][0] not in repr(started)


async def test_two_tabs_can_be_finished_in_any_order(world: OAuthWorld) -> None:
    first, second = await world.begin(), await world.begin()
    assert first.flow != second.flow
    later = await world.finish(await world.consent(second))
    earlier = await world.finish(await world.consent(first))
    assert later.connection.id == earlier.connection.id


async def test_two_first_connects_at_once_make_one_connection(world: OAuthWorld) -> None:
    callbacks = [await world.consent(await world.begin()) for _ in range(3)]
    done = await asyncio.gather(*(world.finish(callback) for callback in callbacks))
    assert len({connected.connection.id for connected in done}) == 1
    assert await counts(world) == dict.fromkeys(TABLES, 1)


async def test_connecting_the_same_account_again_keeps_its_id_and_data(world: OAuthWorld) -> None:
    first = await world.connected()
    await world.pool.execute("update sync_runs set status = 'completed', finished_at = now()")
    again = await world.connected()
    assert again.id == first.id
    assert await world.pool.fetchval("select count(*) from sync_runs where status = 'completed'") == 1


async def test_connecting_again_wakes_the_run_that_waits_for_it(world: OAuthWorld) -> None:
    connection = await world.connected()
    run = await latest_run(world, connection)
    async with world.uow(world.user_id) as tx:
        await tx.runs.save(run.parked("revoked", until=None))
        await tx.connections.save(connection.needing_reauthorization("revoked"))
    connection = await world.connected()
    assert connection.is_active
    assert connection.reason is None
    woken = await latest_run(world, connection)
    assert (woken.id, woken.status) == (run.id, RunStatus.QUEUED)


async def test_a_disconnected_account_is_connected_again_under_its_id(world: OAuthWorld) -> None:
    first = await world.connected()
    await world.disconnect(world.user_id, HUBSPOT)
    again = await world.connected()
    assert (again.id, again.status) == (first.id, ConnectionStatus.ACTIVE)
    assert (await latest_run(world, again)).status is RunStatus.QUEUED


async def test_a_user_keeps_the_profile_there_is(world: OAuthWorld) -> None:
    await world.connected()
    before = await world.pool.fetchval("select id from icp_profiles")
    await world.connected()
    assert await world.pool.fetch("select id from icp_profiles") == [(before,)]


async def test_an_account_name_with_what_no_column_holds_is_cleaned(world: OAuthWorld) -> None:
    details = {"portalId": 101, "portalName": "Ac\x00me" + "x" * 1000, "companyCurrency": "none"}
    world.sandbox.faults.add(Fault(kind="respond", match="/details", status=200, body=details))
    connection = await world.connected()
    assert connection.account.name == "Acme" + "x" * 196
    assert connection.account.currency is None


# already connected


async def test_a_working_connection_starts_nothing(world: OAuthWorld) -> None:
    connection = await world.connected()
    answer = await world.start(world.user_id, HUBSPOT)
    assert isinstance(answer, AlreadyConnected)
    assert answer.connection == connection
    assert await world.pool.fetchval("select count(*) from oauth_states") == 0


async def test_an_old_token_is_refreshed_before_it_counts_as_working(world: OAuthWorld) -> None:
    await world.connected()
    world.clock.advance(1800)
    assert isinstance(await world.start(world.user_id, HUBSPOT), AlreadyConnected)
    assert world.sandbox.oauth.refreshes == 1


async def test_force_starts_anew(world: OAuthWorld) -> None:
    await world.connected()
    await world.begin(force=True)
    assert await world.pool.fetchval("select count(*) from oauth_states") == 1


@pytest.mark.parametrize("ending", ["revoked", "disconnected", "unreadable", "run waits"])
async def test_a_connection_that_does_not_work_is_begun_anew(world: OAuthWorld, ending: str) -> None:
    run = await latest_run(world, await world.connected())
    if ending == "revoked":
        world.sandbox.oauth.uninstall()
        world.clock.advance(1800)
    elif ending == "disconnected":
        await world.disconnect(world.user_id, HUBSPOT)
    elif ending == "run waits":
        # The CRM gives new tokens and refuses them: the run asks for a person, who must get through.
        async with world.uow(world.user_id) as tx:
            await tx.runs.save(run.parked("HubSpot refuses the access token", until=None))
    else:
        world.offer(world.hubspot)
        await world.pool.execute("update crm_tokens set access_token = refresh_token")
    await world.begin(force=False)
    assert await world.pool.fetchval("select count(*) from oauth_states") == 1


async def test_a_crm_that_cannot_say_whether_the_token_works_is_told(world: OAuthWorld) -> None:
    await world.connected()
    world.clock.advance(1800)
    world.sandbox.faults.add(Fault(kind="respond", match="/token", status=503))
    with pytest.raises(CrmUnavailable):
        await world.start(world.user_id, HUBSPOT)


@pytest.mark.parametrize(
    "return_path",
    [
        "https://evil.example/app",
        "//evil.example/app",
        "/\\evil.example",
        "app",
        "/apple",
        "/app@evil.example",
        "/app/../logout",
        "/app?next=//evil.example",
        "/app#x",
        "/app\n",
        "/app/" + "x" * 200,
        "",
    ],
)
async def test_a_return_path_outside_our_pages_is_refused(world: OAuthWorld, return_path: str) -> None:
    with pytest.raises(InvalidInput, match="return_path"):
        await world.start(world.user_id, HUBSPOT, return_path=return_path)


async def test_a_return_path_below_app_comes_back_with_the_connection(world: OAuthWorld) -> None:
    started = await world.start(world.user_id, HUBSPOT, return_path="/app/settings/crm")
    assert not isinstance(started, AlreadyConnected)
    connected = await world.finish(await world.consent(started))
    assert connected.return_path == "/app/settings/crm"


async def test_a_crm_without_credentials_cannot_be_connected(world: OAuthWorld) -> None:
    with pytest.raises(ProviderNotConfigured):
        await world.start(world.user_id, Provider.SALESFORCE)
    error = await refused(world, Callback(state="s", browser_token="b", code="c"), Provider.SALESFORCE)
    assert error.failure is AuthorizationFailure.NOT_CONFIGURED


# bad input: state


async def test_an_unknown_state_is_refused(world: OAuthWorld) -> None:
    callback = await world.consent(await world.begin())
    error = await refused(world, replace(callback, state="never-issued"))
    assert error.failure is AuthorizationFailure.STATE_INVALID


async def test_a_reused_state_is_refused(world: OAuthWorld) -> None:
    callback = await world.consent(await world.begin())
    await world.finish(callback)
    error = await refused(world, callback)
    assert error.failure is AuthorizationFailure.STATE_INVALID


async def test_a_state_used_twice_at_once_connects_once(world: OAuthWorld) -> None:
    callback = await world.consent(await world.begin())
    done = await asyncio.gather(*(world.finish(callback) for _ in range(3)), return_exceptions=True)
    failed = [outcome for outcome in done if isinstance(outcome, AuthorizationFailed)]
    assert [error.failure for error in failed] == [AuthorizationFailure.STATE_INVALID] * 2


async def test_an_expired_state_is_called_expired_even_when_its_cookie_is_gone(world: OAuthWorld) -> None:
    callback = await world.consent(await world.begin())
    world.clock.advance(STATE_LIFETIME.total_seconds())
    error = await refused(world, replace(callback, browser_token=None))
    assert error.failure is AuthorizationFailure.STATE_EXPIRED


async def test_a_foreign_state_of_another_browser_is_refused_and_used_up(world: OAuthWorld) -> None:
    callback = await world.consent(await world.begin())
    stranger = await world.begin()
    error = await refused(world, replace(callback, browser_token=stranger.browser_token))
    assert error.failure is AuthorizationFailure.STATE_INVALID
    assert (await refused(world, callback)).failure is AuthorizationFailure.STATE_INVALID
    assert world.sandbox.oauth.grants == []


async def test_a_foreign_state_of_another_user_is_refused(world: OAuthWorld) -> None:
    callback = await world.consent(await world.begin())
    error = await refused(world, replace(callback, session_user=UserId(uuid4())))
    assert error.failure is AuthorizationFailure.STATE_INVALID


async def test_the_users_own_session_is_welcome(world: OAuthWorld) -> None:
    callback = await world.consent(await world.begin())
    connected = await world.finish(replace(callback, session_user=world.user_id))
    assert connected.connection == await world.stored()


async def test_a_foreign_state_of_another_crm_is_refused(world: OAuthWorld) -> None:
    world.offer(world.hubspot, ScriptedCrm(name=Provider.SALESFORCE))
    callback = await world.consent(await world.begin())
    error = await refused(world, callback, Provider.SALESFORCE)
    assert error.failure is AuthorizationFailure.STATE_INVALID


@pytest.mark.parametrize("state", [None, "", "\ud800", "\x00", "s" * 10_000])
async def test_a_missing_or_misshapen_state_is_refused(world: OAuthWorld, state: str | None) -> None:
    error = await refused(world, Callback(state=state, browser_token="b", code="c"))
    assert error.failure is AuthorizationFailure.STATE_INVALID


# bad input: what the CRM says


async def test_denied_consent_is_told_as_such(world: OAuthWorld) -> None:
    callback = await world.consent(await world.begin(), decision="deny")
    error = await refused(world, callback)
    assert error.failure is AuthorizationFailure.DENIED


@pytest.mark.parametrize(
    ("told", "shown"),
    [("server_error", "server_error"), ("<script>", "an unknown error"), ("", "an unknown error")],
)
async def test_another_error_of_the_crm_is_named_only_when_it_is_a_code(
    world: OAuthWorld, told: str, shown: str
) -> None:
    callback = await world.consent(await world.begin())
    error = await refused(world, replace(callback, code=None, error=told))
    assert error.failure is AuthorizationFailure.FAILED
    assert error.detail == f"HubSpot ended the sign-in: {shown}."


@pytest.mark.parametrize("code", [None, "", "\x00", "\ud800", "c" * 5000])
async def test_a_callback_without_a_code_that_can_be_one_fails(world: OAuthWorld, code: str | None) -> None:
    callback = await world.consent(await world.begin())
    error = await refused(world, replace(callback, code=code))
    assert error.failure is AuthorizationFailure.FAILED


async def test_a_code_the_provider_refuses_fails(world: OAuthWorld) -> None:
    callback = await world.consent(await world.begin())
    error = await refused(world, replace(callback, code="na1-never-issued"))
    assert error.failure is AuthorizationFailure.FAILED
    assert error.detail == "HubSpot refused the authorization code (BAD_AUTH_CODE); start again."


async def test_a_code_of_another_flow_fails_by_its_verifier(world: OAuthWorld) -> None:
    mine = await world.consent(await world.begin())
    stolen = await world.consent(await world.begin())
    error = await refused(world, replace(mine, code=stolen.code))
    assert error.failure is AuthorizationFailure.FAILED


@dataclass(frozen=True)
class Broken:
    """An answer of the token endpoint, and a word that what the user is told must hold."""

    fault: Fault
    told: str


BROKEN = {
    "a token response without fields": Broken(
        Fault(kind="respond", match="/token", status=200, body={"token_type": "bearer"}), "do not understand"
    ),
    "HTML instead of JSON": Broken(
        Fault(kind="respond", match="/token", status=200, body="<html>hello</html>"), "do not understand"
    ),
    "a server error": Broken(Fault(kind="respond", match="/token", status=502), "try again"),
    "a rate limit": Broken(Fault(kind="respond", match="/token", status=429), "try again"),
    "a dropped connection": Broken(Fault(kind="drop", match="/token"), "try again"),
    "our client secret refused": Broken(
        Fault(
            kind="respond",
            match="/token",
            status=400,
            body={"status": "BAD_CLIENT_SECRET", "error": "invalid_client"},
        ),
        "the fault is ours",
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_token_endpoint_fails_with_what_to_do(world: OAuthWorld, broken: Broken) -> None:
    callback = await world.consent(await world.begin())
    world.sandbox.faults.add(broken.fault)
    error = await refused(world, callback)
    assert error.failure is AuthorizationFailure.FAILED
    assert broken.told in error.detail


async def test_no_secret_reaches_a_log_line_or_an_error(world: OAuthWorld) -> None:
    with capture_logs() as logs:
        callbacks = [await world.consent(await world.begin()) for _ in range(3)]
        await world.finish(callbacks[0])
        world.sandbox.faults.add(BROKEN["a token response without fields"].fault)
        errors = [await refused(world, callback) for callback in callbacks[1:2]]
        errors.append(await refused(world, replace(callbacks[2], code=callbacks[1].code)))
        await world.disconnect(world.user_id, HUBSPOT)
    told = repr(logs) + repr(errors) + repr([str(error) for error in errors])
    secrets = [secret.value for secret in world.sandbox.oauth.issued]
    secrets += [part for callback in callbacks for part in (callback.state, callback.browser_token) if part]
    assert not [secret for secret in secrets if secret in told]


async def test_missing_scopes_are_named_and_the_grant_is_revoked(world: OAuthWorld) -> None:
    callback = world.permit(await world.begin(), "oauth", "crm.objects.companies.read")
    error = await refused(world, callback)
    assert error.failure is AuthorizationFailure.SCOPE_MISSING
    assert "crm.objects.contacts.read" in error.detail
    assert "crm.objects.companies.read" not in error.detail
    assert living_grants(world) == []


async def test_a_refused_grant_that_shares_its_token_with_the_connection_is_not_revoked(
    world: OAuthWorld,
) -> None:
    connection = await world.connected()
    callback = await world.consent(await world.begin())
    async with world.uow(world.user_id) as tx:
        stored = await tx.tokens.get(connection.id)
    crm = SameTokenCrm(
        grant=Grant(tokens=replace(stored.tokens, scopes=frozenset()), account=connection.account)
    )
    world.offer(crm)
    error = await refused(world, callback)
    assert error.failure is AuthorizationFailure.SCOPE_MISSING
    assert crm.revoked == []


# another account


async def test_another_account_is_refused_and_nothing_changes(world: OAuthWorld) -> None:
    connection = await world.connected()
    callback = await world.consent(await world.begin(), OTHER_PORTAL)
    error = await refused(world, callback)
    assert error.failure is AuthorizationFailure.ACCOUNT_MISMATCH
    assert "Other (202)" in error.detail
    assert "Acme (101)" in error.detail
    assert living_grants(world) == [101]
    assert await world.tokens.valid(connection)


async def test_another_account_is_refused_even_after_a_disconnect(world: OAuthWorld) -> None:
    await world.connected()
    await world.disconnect(world.user_id, HUBSPOT)
    error = await refused(world, await world.consent(await world.begin(), OTHER_PORTAL))
    assert error.failure is AuthorizationFailure.ACCOUNT_MISMATCH


async def test_replacing_purges_the_old_account_and_connects_the_new_one(world: OAuthWorld) -> None:
    old = await world.connected()
    await world.sync_some_records()
    new = await world.connected(OTHER_PORTAL, replace=True)
    assert new.id != old.id
    assert new.account.account_id == "202"
    assert await world.stored() == new
    assert living_grants(world) == [202]
    assert await counts(world) == dict.fromkeys(TABLES, 1) | {"pgqueuer": 2}
    assert await world.pool.fetchval("select count(*) from companies") == 0
    assert (await latest_run(world, new)).status is RunStatus.QUEUED


async def test_replacing_with_the_same_account_keeps_it(world: OAuthWorld) -> None:
    old = await world.connected()
    await world.sync_some_records()
    again = await world.connected(replace=True)
    assert again.id == old.id
    assert await world.pool.fetchval("select count(*) from companies") == 1


async def test_replacing_fences_the_old_accounts_worker_off(world: OAuthWorld) -> None:
    old = await world.connected()
    run = await take_up(world, old)
    await world.connected(OTHER_PORTAL, replace=True)
    with pytest.raises(RunTakenOver):
        async with world.uow(world.user_id) as tx:
            await tx.runs.advance(run.id, run.step(ObjectType.COMPANIES))


# disconnecting


async def test_disconnecting_revokes_deletes_the_tokens_and_keeps_the_records(world: OAuthWorld) -> None:
    connection = await world.connected()
    await world.sync_some_records()
    await world.disconnect(world.user_id, HUBSPOT)
    stored = await world.stored()
    assert stored is not None
    assert (stored.id, stored.status) == (connection.id, ConnectionStatus.DISCONNECTED)
    assert living_grants(world) == []
    assert await world.pool.fetchval("select count(*) from crm_tokens") == 0
    for table in RECORD_TABLES:
        assert await world.pool.fetchval(f"select count(*) from {table}") == 1


async def test_disconnecting_cancels_the_run_and_fences_its_worker_off(world: OAuthWorld) -> None:
    run = await take_up(world, await world.connected())
    await world.disconnect(world.user_id, HUBSPOT)
    async with world.uow(world.user_id) as tx:
        assert (await tx.runs.get(run.id)).status is RunStatus.CANCELLED
    with pytest.raises(RunTakenOver):
        async with world.uow(world.user_id) as tx:
            await tx.runs.advance(run.id, run.step(ObjectType.COMPANIES))


async def test_disconnecting_leaves_a_finished_run_as_it_ended(world: OAuthWorld) -> None:
    run = await take_up(world, await world.connected())
    async with world.uow(world.user_id) as tx:
        await tx.runs.save(run.failed("the CRM was down", world.clock.now()))
    await world.disconnect(world.user_id, HUBSPOT)
    async with world.uow(world.user_id) as tx:
        assert (await tx.runs.get(run.id)).status is RunStatus.FAILED


async def test_disconnecting_twice_is_harmless(world: OAuthWorld) -> None:
    await world.connected()
    await world.disconnect(world.user_id, HUBSPOT)
    await world.disconnect(world.user_id, HUBSPOT)
    stored = await world.stored()
    assert stored is not None
    assert stored.status is ConnectionStatus.DISCONNECTED


async def test_a_purge_leaves_nothing_of_the_crm(world: OAuthWorld) -> None:
    await world.connected()
    await world.sync_some_records()
    await world.disconnect(world.user_id, HUBSPOT, purge=True)
    assert await world.stored() is None
    for table in (*RECORD_TABLES, "crm_tokens", "sync_runs", "sync_steps"):
        assert await world.pool.fetchval(f"select count(*) from {table}") == 0
    with pytest.raises(NotFound):
        await world.disconnect(world.user_id, HUBSPOT, purge=True)


async def test_a_purge_may_come_after_the_disconnect(world: OAuthWorld) -> None:
    await world.connected()
    await world.disconnect(world.user_id, HUBSPOT)
    await world.disconnect(world.user_id, HUBSPOT, purge=True)
    assert await world.stored() is None


@pytest.mark.parametrize("obstacle", ["the CRM is down", "the tokens cannot be read", "not configured"])
async def test_an_obstacle_to_revoking_does_not_keep_a_user_connected(
    world: OAuthWorld, obstacle: str
) -> None:
    await world.connected()
    if obstacle == "the CRM is down":
        world.sandbox.faults.add(Fault(kind="respond", match="/revoke", status=503))
    elif obstacle == "the tokens cannot be read":
        await world.pool.execute("update crm_tokens set refresh_token = access_token")
    else:
        world.offer()
    await world.disconnect(world.user_id, HUBSPOT)
    stored = await world.stored()
    assert stored is not None
    assert stored.status is ConnectionStatus.DISCONNECTED
    assert await world.pool.fetchval("select count(*) from crm_tokens") == 0


async def test_another_users_connection_is_neither_seen_nor_ended(world: OAuthWorld) -> None:
    await world.connected()
    with pytest.raises(NotFound):
        await world.disconnect(UserId(uuid4()), HUBSPOT, purge=True)
    stored = await world.stored()
    assert stored is not None
    assert stored.is_active


async def take_up(world: OAuthWorld, connection: CrmConnection) -> SyncRun:
    """Begin the connection's run, as a worker does."""
    run = (await latest_run(world, connection)).taken_up(world.clock.now())
    async with world.uow(world.user_id) as tx:
        await tx.runs.save(run)
    return run


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
