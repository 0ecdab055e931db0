import httpx
import pytest

from crm_sandbox import Fault
from crm_sandbox.salesforce import Sandbox
from crm_sandbox.salesforce.errors import _LOGIN_REFUSALS
from tests.salesforce.builders import FORM, ask, connect, consent, exchange, refresh, refusal

pytestmark = pytest.mark.anyio


async def test_an_idle_session_expires_with_an_array_body(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    tokens = await connect(http)
    sandbox.clock.advance(sandbox.flags.session_seconds)
    answer = await ask(http, tokens)
    assert answer.status_code == 401
    assert answer.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


async def test_use_in_the_second_half_of_a_session_extends_it(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    tokens = await connect(http)
    life = sandbox.flags.session_seconds
    sandbox.clock.advance(life * 0.6)
    assert (await ask(http, tokens)).status_code == 200
    sandbox.clock.advance(life * 0.6)
    assert (await ask(http, tokens)).status_code == 200


async def test_a_refresh_rotates_the_refresh_token(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    first = await connect(http)
    second = (await refresh(http, first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert (await ask(http, second)).status_code == 200
    assert sandbox.oauth.refreshes == 1


async def test_without_rotation_a_refresh_brings_no_refresh_token(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.flags.rotate_refresh_tokens = False
    first = await connect(http)
    second = (await refresh(http, first["refresh_token"])).json()
    assert "refresh_token" not in second
    assert (await refresh(http, first["refresh_token"])).status_code == 200


async def test_reuse_of_an_old_refresh_token_revokes_the_grant(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    first, stranger = await connect(http), await connect(http)
    second = (await refresh(http, first["refresh_token"])).json()
    replayed = await refresh(http, first["refresh_token"])
    assert replayed.json() == {
        "error": "invalid_grant",
        "error_description": "expired access/refresh token",
    }
    assert (await refresh(http, second["refresh_token"])).status_code == 400
    assert (await ask(http, second)).status_code == 401
    assert (await ask(http, stranger)).status_code == 200
    assert sandbox.oauth.replays == 1


async def test_the_sixth_grant_of_a_user_revokes_the_oldest(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    grants = [await connect(http) for _ in range(sandbox.flags.max_grants_per_user)]
    assert (await ask(http, grants[0])).status_code == 200
    newest = await connect(http)
    assert refusal(await refresh(http, grants[0]["refresh_token"])) == (400, "invalid_grant")
    assert (await ask(http, grants[0])).status_code == 401
    for tokens in (*grants[1:], newest):
        assert (await refresh(http, tokens["refresh_token"])).status_code == 200


async def test_a_lost_response_has_rotated_the_refresh_token(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    tokens = await connect(http)
    sandbox.faults.add(Fault(kind="drop_response", match="/oauth2/token"))
    with pytest.raises(httpx.RemoteProtocolError):
        await refresh(http, tokens["refresh_token"])
    assert refusal(await refresh(http, tokens["refresh_token"])) == (400, "invalid_grant")
    assert (await ask(http, tokens)).status_code == 401


@pytest.mark.parametrize("reason", _LOGIN_REFUSALS)
async def test_every_login_refusal_keeps_the_refresh_token(
    http: httpx.AsyncClient, sandbox: Sandbox, reason: str
) -> None:
    tokens = await connect(http)
    await http.post("/_sandbox/flags", json={"login_refusal": reason})
    answer = await refresh(http, tokens["refresh_token"])
    error, description = _LOGIN_REFUSALS[reason]  # type: ignore[index] # a key of that table
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": error, "error_description": description},
    )
    sandbox.flags.login_refusal = None
    assert (await refresh(http, tokens["refresh_token"])).status_code == 200


async def test_the_api_needs_its_scope(http: httpx.AsyncClient) -> None:
    tokens = await connect(http, scope="refresh_token openid")
    assert refusal(await ask(http, tokens)) == (401, "INVALID_SESSION_ID")


async def test_every_secret_is_recorded_and_none_is_shown(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    code = (await consent(http))["code"]
    tokens = (await exchange(http, code)).json()
    issued = {secret.value: secret.kind for secret in sandbox.oauth.issued}
    assert issued[code] == "code"
    assert [issued[tokens[kind]] for kind in ("access_token", "refresh_token", "id_token")]
    shown = repr((sandbox.oauth.issued, sandbox.oauth.grants, sandbox.oauth.app))
    assert not [secret for secret in (*issued, FORM["client_secret"]) if secret in shown]
