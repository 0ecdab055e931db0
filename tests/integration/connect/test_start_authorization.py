"""Beginning a connect flow, and when there is nothing to begin."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest

from astrelo.application.connect.start_authorization import AlreadyConnected, flow_id
from astrelo.domain.errors import (
    AuthorizationFailure,
    CrmUnavailable,
    InvalidInput,
    ProviderNotConfigured,
    ReauthorizationRequired,
)
from astrelo.domain.identifiers import ObjectType, Provider
from crm_sandbox import Fault
from tests.support.harness.connect import Callback, ConnectHarness, connect_harness
from tests.support.harness.sync import ScriptedCrm

pytestmark = pytest.mark.anyio

HUBSPOT = Provider.HUBSPOT


@pytest.fixture
async def world(database: str) -> AsyncIterator[ConnectHarness]:
    async with connect_harness(database) as opened:
        yield opened


async def test_the_authorize_url_asks_with_state_and_pkce_and_holds_no_secret(world: ConnectHarness) -> None:
    started = await world.begin()
    query = parse_qs(urlsplit(started.authorize_url).query)
    assert query["code_challenge_method"] == ["S256"]
    assert started.flow == flow_id(query["state"][0])
    assert started.browser_token not in started.authorize_url
    assert world.sandbox.oauth.app.client_secret not in started.authorize_url
    assert started.browser_token not in repr(started)
    assert query["state"][0] not in repr(started)


async def test_a_working_connection_starts_nothing(world: ConnectHarness) -> None:
    connection = await world.connect_account()
    response = await world.start(world.user_id, HUBSPOT)
    assert isinstance(response, AlreadyConnected)
    assert response.connection == connection
    assert await world.pool.fetchval("select count(*) from oauth_states") == 0


async def test_an_old_token_is_refreshed_before_it_counts_as_working(world: ConnectHarness) -> None:
    await world.connect_account()
    world.clock.advance(1800)
    assert isinstance(await world.start(world.user_id, HUBSPOT), AlreadyConnected)
    assert world.sandbox.oauth.refreshes == 1


async def test_force_starts_anew(world: ConnectHarness) -> None:
    await world.connect_account()
    await world.begin(force=True)
    assert await world.pool.fetchval("select count(*) from oauth_states") == 1


@pytest.mark.parametrize("ending", ["revoked", "disconnected", "unreadable", "run waits"])
async def test_a_connection_that_does_not_work_is_begun_anew(world: ConnectHarness, ending: str) -> None:
    await world.connect_account()
    if ending == "revoked":
        world.sandbox.oauth.uninstall()
        world.clock.advance(1800)
    elif ending == "disconnected":
        await world.disconnect(world.user_id, HUBSPOT)
    elif ending == "run waits":
        # The CRM gives new tokens and refuses them: the run asks for a person, who must get through.
        refusal = ReauthorizationRequired(HUBSPOT, "HubSpot refuses the access token")
        await world.sync_from(ScriptedCrm(pages={ObjectType.COMPANIES: [refusal]}))
    else:
        world.offer(world.hubspot)
        await world.pool.execute("update crm_tokens set access_token = refresh_token")
    await world.begin(force=False)
    assert await world.pool.fetchval("select count(*) from oauth_states") == 1


async def test_a_crm_that_cannot_say_whether_the_token_works_is_reported(world: ConnectHarness) -> None:
    await world.connect_account()
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
async def test_a_return_path_outside_our_pages_is_refused(world: ConnectHarness, return_path: str) -> None:
    with pytest.raises(InvalidInput, match="return_path"):
        await world.start(world.user_id, HUBSPOT, return_path=return_path)


async def test_a_return_path_below_app_comes_back_with_the_connection(world: ConnectHarness) -> None:
    started = await world.start(world.user_id, HUBSPOT, return_path="/app/settings/crm")
    assert not isinstance(started, AlreadyConnected)
    connected = await world.finish(await world.consent(started))
    assert connected.return_path == "/app/settings/crm"


async def test_a_crm_without_credentials_cannot_be_connected(world: ConnectHarness) -> None:
    with pytest.raises(ProviderNotConfigured):
        await world.start(world.user_id, Provider.SALESFORCE)
    error = await world.assert_refused(Callback(state="s", browser_token="b", code="c"), Provider.SALESFORCE)
    assert error.failure is AuthorizationFailure.NOT_CONFIGURED
