import httpx
import pytest

from crm_sandbox import Dataset, SandboxTransport
from crm_sandbox.hubspot import Sandbox, create_sandbox
from crm_sandbox.oauth import compute_challenge
from tests.hubspot.builders import (
    CALLBACK,
    FORM,
    NOW,
    SCOPE,
    authorization,
    company,
    consent,
    exchange,
    refresh,
)

pytestmark = pytest.mark.anyio

TOKEN = "/oauth/2026-09/token"
COMPANIES = "/crm/objects/2026-09/companies"


async def bearer(http: httpx.AsyncClient, tokens: dict[str, str]) -> httpx.Response:
    return await http.get(COMPANIES, headers={"authorization": f"Bearer {tokens['access_token']}"})


async def test_the_consent_page_names_the_account_and_every_scope(http: httpx.AsyncClient) -> None:
    page = await http.get("/oauth/authorize", params=authorization())
    assert page.status_code == 200
    assert "Small account" in page.text
    for scope in SCOPE.split():
        assert scope in page.text


async def test_the_consent_page_escapes_what_the_url_brings(http: httpx.AsyncClient) -> None:
    page = await http.get(
        "/oauth/authorize?state=%22%3E%3Cscript%3E", params=authorization(state='"><script>')
    )
    assert "<script>" not in page.text


async def test_allowing_brings_a_code_and_the_state_untouched(http: httpx.AsyncClient) -> None:
    parameters = await consent(http, state="s t/+?&=%20ü")
    assert parameters["state"] == "s t/+?&=%20ü"
    assert parameters["code"]


async def test_denying_brings_access_denied_and_the_state(http: httpx.AsyncClient) -> None:
    parameters = await consent(http, decision="deny")
    assert parameters["error"] == "access_denied"
    assert parameters["error_description"]
    assert parameters["state"] == authorization()["state"]
    assert "code" not in parameters


async def test_any_local_port_may_receive_the_redirect(http: httpx.AsyncClient) -> None:
    for host in ("localhost", "localhost:1234", "127.0.0.1:5"):
        uri = f"http://{host}/api/integrations/hubspot/callback"
        assert (await http.get("/oauth/authorize", params=authorization(redirect_uri=uri))).status_code == 200


async def test_an_optional_scope_is_granted_when_known_and_dropped_when_not(http: httpx.AsyncClient) -> None:
    parameters = await consent(http, optional_scope="crm.schemas.deals.read tickets")
    tokens = (await exchange(http, parameters["code"])).json()
    assert tokens["scopes"] == [*SCOPE.split(), "crm.schemas.deals.read"]


async def test_a_code_brings_tokens_for_half_an_hour(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    parameters = await consent(http)
    answer = await exchange(http, parameters["code"])
    tokens = answer.json()
    assert answer.status_code == 200
    assert tokens["expires_in"] == 1800
    assert (tokens["token_type"], tokens["token_use"]) == ("bearer", "access_token")
    assert tokens["hub_id"] == sandbox.account.portal_id
    assert tokens["scopes"] == SCOPE.split()
    assert tokens["refresh_token"].startswith("na1-")
    assert (await bearer(http, tokens)).status_code == 200


@pytest.mark.parametrize("version", ["2026-09", "2026-03", "v3"])
async def test_each_version_of_the_token_endpoint_is_the_same(http: httpx.AsyncClient, version: str) -> None:
    code = (await consent(http))["code"]
    form = FORM | {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    assert (await http.post(f"/oauth/{version}/token", data=form)).status_code == 200


@pytest.mark.parametrize(
    "unsimulated", [{"grant_type": "client_credentials"}, {"client_assertion": "x", "client_secret": ""}]
)
@pytest.mark.parametrize("version", ["2026-09", "v1"])
async def test_a_token_request_that_is_not_simulated_says_so(
    http: httpx.AsyncClient, version: str, unsimulated: dict[str, str]
) -> None:
    answer = await http.post(f"/oauth/{version}/token", data=FORM | unsimulated)
    assert (answer.status_code, answer.json()["category"]) == (501, "NOT_SIMULATED")


async def test_a_code_works_once(http: httpx.AsyncClient) -> None:
    code = (await consent(http))["code"]
    assert (await exchange(http, code)).status_code == 200
    again = await exchange(http, code)
    assert (again.status_code, again.json()["status"]) == (400, "BAD_AUTH_CODE")


async def test_a_code_expires(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    code = (await consent(http))["code"]
    sandbox.clock.advance(121)
    late = await exchange(http, code)
    assert (late.json()["status"], late.json()["error"]) == ("EXPIRED_AUTH_CODE", "invalid_grant")


async def test_the_redirect_uri_must_be_the_one_of_the_authorization(http: httpx.AsyncClient) -> None:
    code = (await consent(http))["code"]
    other = await exchange(http, code, redirect_uri=CALLBACK.replace("8000", "9000"))
    assert (other.json()["status"], other.json()["error"]) == (
        "MISMATCH_REDIRECT_URI_AUTH_CODE",
        "invalid_grant",
    )


VERIFIER = "v" * 43


async def test_a_challenge_is_met_by_its_verifier(http: httpx.AsyncClient) -> None:
    parameters = await consent(http, code_challenge=compute_challenge(VERIFIER), code_challenge_method="S256")
    assert (await exchange(http, parameters["code"], code_verifier=VERIFIER)).status_code == 200


@pytest.mark.parametrize("sent", [{}, {"code_verifier": ""}, {"code_verifier": "w" * 43}])
async def test_a_challenge_is_not_met_by_anything_else(http: httpx.AsyncClient, sent: dict[str, str]) -> None:
    parameters = await consent(http, code_challenge=compute_challenge(VERIFIER), code_challenge_method="S256")
    answer = await exchange(http, parameters["code"], **sent)
    assert (answer.json()["status"], answer.json()["error"]) == ("BAD_CODE_VERIFIER", "invalid_grant")


async def test_a_verifier_without_a_challenge_is_refused(http: httpx.AsyncClient) -> None:
    answer = await exchange(http, (await consent(http))["code"], code_verifier=VERIFIER)
    assert answer.json()["status"] == "BAD_CODE_VERIFIER"


async def test_an_access_token_dies_with_its_time_and_a_refresh_brings_another(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    tokens = (await exchange(http, (await consent(http))["code"])).json()
    sandbox.clock.advance(1799)
    assert (await bearer(http, tokens)).status_code == 200
    sandbox.clock.advance(1)
    assert (await bearer(http, tokens)).json()["category"] == "EXPIRED_AUTHENTICATION"
    fresh = (await refresh(http, tokens["refresh_token"])).json()
    assert fresh["access_token"] != tokens["access_token"]
    assert fresh["refresh_token"] == tokens["refresh_token"]
    assert (await bearer(http, fresh)).status_code == 200
    assert sandbox.oauth.refreshes == 1


async def test_rotation_gives_a_new_refresh_token_each_time(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.flags.rotate_refresh_tokens = True
    first = (await exchange(http, (await consent(http))["code"])).json()
    second = (await refresh(http, first["refresh_token"])).json()
    third = await refresh(http, second["refresh_token"])
    assert third.status_code == 200
    assert len({first["refresh_token"], second["refresh_token"], third.json()["refresh_token"]}) == 3


async def test_replaying_a_spent_refresh_token_ends_the_whole_family(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.flags.rotate_refresh_tokens = True
    first = (await exchange(http, (await consent(http))["code"])).json()
    second = (await refresh(http, first["refresh_token"])).json()
    replayed = await refresh(http, first["refresh_token"])
    assert (replayed.json()["status"], replayed.json()["error"]) == ("BAD_REFRESH_TOKEN", "invalid_grant")
    assert (await refresh(http, second["refresh_token"])).json()["status"] == "BAD_REFRESH_TOKEN"
    assert (await bearer(http, second)).json()["category"] == "INVALID_AUTHENTICATION"
    assert sandbox.stats()["refresh_token_replays"] == 1


async def test_one_family_ends_without_another(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.flags.rotate_refresh_tokens = True
    one, two = [(await exchange(http, (await consent(http))["code"])).json() for _ in range(2)]
    await refresh(http, one["refresh_token"])
    await refresh(http, one["refresh_token"])
    assert (await bearer(http, two)).status_code == 200


async def test_introspection_knows_a_live_token_of_either_kind(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    tokens = (await exchange(http, (await consent(http))["code"])).json()
    sandbox.clock.advance(100)
    access = await http.post(f"{TOKEN}/introspect", data=FORM | {"token": tokens["access_token"]})
    renewal = await http.post(f"{TOKEN}/introspect", data=FORM | {"token": tokens["refresh_token"]})
    assert access.json()["active"] is True
    assert access.json()["expires_in"] == 1700
    assert access.json()["hub_id"] == sandbox.account.portal_id
    assert renewal.json()["token_use"] == "refresh_token"
    assert "expires_in" not in renewal.json()


async def test_introspection_of_a_dead_or_unknown_token_is_inactive(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    tokens = (await exchange(http, (await consent(http))["code"])).json()
    sandbox.clock.advance(1800)
    for token in ("unknown", tokens["access_token"]):
        answer = await http.post(f"{TOKEN}/introspect", data=FORM | {"token": token})
        assert (answer.status_code, answer.json()) == (200, {"active": False})


async def test_a_revoked_refresh_token_leaves_its_access_tokens_alive(http: httpx.AsyncClient) -> None:
    tokens = (await exchange(http, (await consent(http))["code"])).json()
    revoked = await http.post(f"{TOKEN}/revoke", data=FORM | {"token": tokens["refresh_token"]})
    assert revoked.status_code == 200
    assert (await refresh(http, tokens["refresh_token"])).json()["status"] == "BAD_REFRESH_TOKEN"
    assert (await bearer(http, tokens)).status_code == 200


async def test_an_uninstall_ends_every_token_of_the_account(http: httpx.AsyncClient) -> None:
    tokens = (await exchange(http, (await consent(http))["code"])).json()
    header = {"authorization": f"Bearer {tokens['access_token']}"}
    assert (await http.delete("/appinstalls/2026-09/external-install", headers=header)).status_code == 204
    assert (await refresh(http, tokens["refresh_token"])).json()["status"] == "BAD_REFRESH_TOKEN"
    assert (await bearer(http, tokens)).json()["category"] == "INVALID_AUTHENTICATION"


async def test_every_secret_is_recorded_and_none_is_shown(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    code = (await consent(http))["code"]
    tokens = (await exchange(http, code)).json()
    issued = {secret.value: secret.kind for secret in sandbox.oauth.issued}
    assert issued[code] == "code"
    assert issued[tokens["access_token"]] == "access_token"
    assert issued[tokens["refresh_token"]] == "refresh_token"
    shown = repr((sandbox.oauth.issued, sandbox.oauth.grants, sandbox.oauth.app))
    assert not [secret for secret in (*issued, FORM["client_secret"]) if secret in shown]


async def test_with_several_accounts_the_person_chooses_one() -> None:
    datasets = [Dataset.from_records([company(number)], name=f"Dataset {number}") for number in (1, 2)]
    sandbox = create_sandbox(*datasets, clock=lambda: NOW)
    second = datasets[1].account_id
    async with httpx.AsyncClient(transport=SandboxTransport(sandbox), base_url="http://sandbox.test") as http:
        page = await http.get("/oauth/authorize", params=authorization())
        assert str(second) in page.text
        form = {"decision": "allow", "portal_id": str(second)}
        answer = await http.post("/oauth/authorize", params=authorization(), data=form)
        tokens = (await exchange(http, httpx.URL(answer.headers["location"]).params["code"])).json()
        assert tokens["hub_id"] == second
        preselected = await http.post(
            f"/oauth/{second}/authorize", params=authorization(), data={"decision": "allow"}
        )
        tokens = (await exchange(http, httpx.URL(preselected.headers["location"]).params["code"])).json()
        assert tokens["hub_id"] == second
