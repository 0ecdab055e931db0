"""What comes to the callback and is refused: states, codes, and a token endpoint that is broken."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from astrelo.domain.connection import STATE_LIFETIME
from astrelo.domain.errors import AuthorizationFailed, AuthorizationFailure
from astrelo.domain.identifiers import Provider, UserId
from crm_sandbox import Fault
from tests.support.harness.connect import Callback, ConnectHarness, connect_harness
from tests.support.harness.sync import ScriptedCrm

pytestmark = pytest.mark.anyio

HUBSPOT = Provider.HUBSPOT


@pytest.fixture
async def world(database: str) -> AsyncIterator[ConnectHarness]:
    async with connect_harness(database) as opened:
        yield opened


async def test_an_unknown_state_is_refused(world: ConnectHarness) -> None:
    callback = await world.consent(await world.begin())
    error = await world.assert_refused(replace(callback, state="never-issued"))
    assert error.failure is AuthorizationFailure.STATE_INVALID


async def test_a_reused_state_is_refused(world: ConnectHarness) -> None:
    callback = await world.consent(await world.begin())
    await world.finish(callback)
    error = await world.assert_refused(callback)
    assert error.failure is AuthorizationFailure.STATE_INVALID


async def test_a_state_used_twice_at_once_connects_once(world: ConnectHarness) -> None:
    callback = await world.consent(await world.begin())
    done = await asyncio.gather(*(world.finish(callback) for _ in range(3)), return_exceptions=True)
    failed = [outcome for outcome in done if isinstance(outcome, AuthorizationFailed)]
    assert [error.failure for error in failed] == [AuthorizationFailure.STATE_INVALID] * 2


async def test_an_expired_state_is_called_expired_even_when_its_cookie_is_gone(world: ConnectHarness) -> None:
    callback = await world.consent(await world.begin())
    world.clock.advance(STATE_LIFETIME.total_seconds())
    error = await world.assert_refused(replace(callback, browser_token=None))
    assert error.failure is AuthorizationFailure.STATE_EXPIRED


async def test_a_foreign_state_of_another_browser_is_refused_and_used_up(world: ConnectHarness) -> None:
    callback = await world.consent(await world.begin())
    stranger = await world.begin()
    error = await world.assert_refused(replace(callback, browser_token=stranger.browser_token))
    assert error.failure is AuthorizationFailure.STATE_INVALID
    assert (await world.assert_refused(callback)).failure is AuthorizationFailure.STATE_INVALID
    assert world.sandbox.oauth.grants == []


async def test_a_foreign_state_of_another_user_is_refused(world: ConnectHarness) -> None:
    callback = await world.consent(await world.begin())
    error = await world.assert_refused(replace(callback, session_user=UserId(uuid4())))
    assert error.failure is AuthorizationFailure.STATE_INVALID


async def test_the_users_own_session_is_welcome(world: ConnectHarness) -> None:
    callback = await world.consent(await world.begin())
    connected = await world.finish(replace(callback, session_user=world.user_id))
    assert connected.connection == await world.load_connection()


async def test_a_foreign_state_of_another_crm_is_refused(world: ConnectHarness) -> None:
    world.offer(world.hubspot, ScriptedCrm(name=Provider.SALESFORCE))
    callback = await world.consent(await world.begin())
    error = await world.assert_refused(callback, Provider.SALESFORCE)
    assert error.failure is AuthorizationFailure.STATE_INVALID


@pytest.mark.parametrize("state", [None, "", "\ud800", "\x00", "s" * 10_000])
async def test_a_missing_or_misshapen_state_is_refused(world: ConnectHarness, state: str | None) -> None:
    error = await world.assert_refused(Callback(state=state, browser_token="b", code="c"))
    assert error.failure is AuthorizationFailure.STATE_INVALID


async def test_denied_consent_is_reported_as_such(world: ConnectHarness) -> None:
    callback = await world.consent(await world.begin(), decision="deny")
    error = await world.assert_refused(callback)
    assert error.failure is AuthorizationFailure.DENIED


@pytest.mark.parametrize(
    ("code", "shown"),
    [("server_error", "server_error"), ("<script>", "an unknown error"), ("", "an unknown error")],
)
async def test_another_error_of_the_crm_is_named_only_when_it_is_a_code(
    world: ConnectHarness, code: str, shown: str
) -> None:
    callback = await world.consent(await world.begin())
    error = await world.assert_refused(replace(callback, code=None, error=code))
    assert error.failure is AuthorizationFailure.FAILED
    assert error.detail == f"HubSpot ended the sign-in: {shown}."


@pytest.mark.parametrize("code", [None, "", "\x00", "\ud800", "c" * 5000])
async def test_a_callback_without_a_code_that_can_be_one_fails(
    world: ConnectHarness, code: str | None
) -> None:
    callback = await world.consent(await world.begin())
    error = await world.assert_refused(replace(callback, code=code))
    assert error.failure is AuthorizationFailure.FAILED


async def test_a_code_the_provider_refuses_fails(world: ConnectHarness) -> None:
    callback = await world.consent(await world.begin())
    error = await world.assert_refused(replace(callback, code="na1-never-issued"))
    assert error.failure is AuthorizationFailure.FAILED
    assert error.detail == "HubSpot refused the authorization code (BAD_AUTH_CODE); start again."


async def test_a_code_of_another_flow_fails_by_its_verifier(world: ConnectHarness) -> None:
    mine = await world.consent(await world.begin())
    stolen = await world.consent(await world.begin())
    error = await world.assert_refused(replace(mine, code=stolen.code))
    assert error.failure is AuthorizationFailure.FAILED


@dataclass(frozen=True)
class Broken:
    """An answer of the token endpoint, and a word that the user must read."""

    fault: Fault
    expected: str


BROKEN = {
    "a token response without fields": Broken(
        Fault(kind="respond", match="/token", status=200, body={"token_type": "bearer"}), "without its fields"
    ),
    "HTML instead of JSON": Broken(
        Fault(kind="respond", match="/token", status=200, body="<html>hello</html>"), "does not answer"
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
async def test_a_broken_token_endpoint_fails_with_what_to_do(world: ConnectHarness, broken: Broken) -> None:
    callback = await world.consent(await world.begin())
    world.sandbox.faults.add(broken.fault)
    error = await world.assert_refused(callback)
    assert error.failure is AuthorizationFailure.FAILED
    assert broken.expected in error.detail


async def test_no_secret_reaches_a_log_line_or_an_error(world: ConnectHarness) -> None:
    with capture_logs() as logs:
        callbacks = [await world.consent(await world.begin()) for _ in range(3)]
        await world.finish(callbacks[0])
        world.sandbox.faults.add(BROKEN["a token response without fields"].fault)
        errors = [await world.assert_refused(callback) for callback in callbacks[1:2]]
        errors.append(await world.assert_refused(replace(callbacks[2], code=callbacks[1].code)))
        await world.disconnect(world.user_id, HUBSPOT)
    output = repr(logs) + repr(errors) + repr([str(error) for error in errors])
    secrets = [secret.value for secret in world.sandbox.oauth.issued]
    secrets += [part for callback in callbacks for part in (callback.state, callback.browser_token) if part]
    assert not [secret for secret in secrets if secret in output]
