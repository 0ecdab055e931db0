from html.parser import HTMLParser

import httpx
import pytest

from crm_sandbox import Dataset, Fault, SandboxTransport, serve
from crm_sandbox.oauth import compute_challenge
from crm_sandbox.salesforce import App, Sandbox, create_sandbox
from crm_sandbox.salesforce.errors import _LOGIN_REFUSALS
from tests.salesforce.builders import (
    AUTHORIZE,
    CALLBACK,
    DATA,
    FORM,
    LOGIN,
    NOW,
    SCOPE,
    TOKEN,
    VERIFIER,
    ask,
    authorization,
    consent,
    exchange,
    record,
    refresh,
    refusal,
)

pytestmark = pytest.mark.anyio

INTROSPECT = f"{LOGIN}/services/oauth2/introspect"
REVOKE = f"{LOGIN}/services/oauth2/revoke"
USERINFO = f"{LOGIN}/services/oauth2/userinfo"


async def tokens_of(http: httpx.AsyncClient, scope: str = SCOPE) -> dict[str, str]:
    answer = await exchange(http, (await consent(http, scope=scope))["code"])
    assert answer.status_code == 200, answer.text
    tokens: dict[str, str] = answer.json()
    return tokens


async def test_a_code_brings_everything_but_an_expiry(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    tokens = await tokens_of(http)
    assert set(tokens) == {
        "access_token", "refresh_token", "signature", "scope", "id_token", "instance_url", "id", "token_type",
        "issued_at",
    }  # fmt: skip
    assert tokens["scope"] == SCOPE
    assert tokens["access_token"].startswith(sandbox.org.org_id[:15] + "!")
    assert tokens["instance_url"] == f"https://{sandbox.org.my_domain}.my.salesforce.com"
    assert tokens["id"].startswith(f"{LOGIN}/id/{sandbox.org.org_id}/005")
    assert tokens["issued_at"] == str(int(NOW * 1000))
    assert (await ask(http, tokens)).status_code == 200


async def test_the_consent_form_can_be_walked(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    actions: list[str] = []
    fields: list[dict[str, str | None]] = []

    class Forms(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag == "form":
                actions.append(str(dict(attrs)["action"]))
                fields.append({})
            if tag == "input":
                fields[-1][str(dict(attrs)["name"])] = dict(attrs)["value"]

    page = await http.get(AUTHORIZE, params=authorization(state='"><script>'))
    assert "Small org" in page.text
    assert "<script>" not in page.text
    Forms().feed(page.text)
    assert fields[0] == {"decision": "allow", "org_id": sandbox.org.org_id}
    landed = await http.post(page.url.join(actions[0]), data=fields[0])
    assert httpx.URL(landed.headers["location"]).params["state"] == '"><script>'


async def test_denying_brings_access_denied_and_the_state(http: httpx.AsyncClient) -> None:
    parameters = await consent(http, decision="deny")
    assert (parameters["error"], parameters["state"]) == ("access_denied", "s t/+?&")
    assert parameters["error_description"] == "end-user denied authorization"


NO_CHALLENGE: dict[str, str | None] = {"code_challenge": None}
PLAIN: dict[str, str | None] = {"code_challenge_method": "plain"}


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        (NO_CHALLENGE, "invalid_request"),
        (PLAIN, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": "api everything"}, "invalid_scope"),
        ({"response_type": "nothing"}, "unsupported_response_type"),
    ],
)
async def test_a_bad_request_is_told_by_redirect(
    http: httpx.AsyncClient, changed: dict[str, str | None], error: str
) -> None:
    answer = await http.get(AUTHORIZE, params=authorization(**changed))
    assert httpx.URL(answer.headers["location"]).params["error"] == error


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"client_id": "nobody"}, "invalid_client_id"),
        ({"redirect_uri": "https://evil.example/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": None}, "redirect_uri_missing"),
    ],
)
async def test_a_request_that_cannot_be_trusted_gets_a_page(
    http: httpx.AsyncClient, changed: dict[str, str | None], says: str
) -> None:
    answer = await http.get(AUTHORIZE, params=authorization(**changed))
    assert answer.status_code == 400
    assert says in answer.text


async def test_an_app_that_is_not_installed_never_calls_back(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.flags.app_installed = False
    assert (await http.get(AUTHORIZE, params=authorization())).status_code == 200
    answer = await http.post(AUTHORIZE, params=authorization(), data={"decision": "allow"})
    assert "location" not in answer.headers
    assert "OAUTH_EC_APP_NOT_FOUND" in answer.text


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"code_verifier": "v" * 42}, "invalid_request"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_secret": ""}, "invalid_client"),
        ({"client_id": "nobody"}, "invalid_client_id"),
        ({"redirect_uri": CALLBACK.replace("8000", "9000")}, "redirect_uri_mismatch"),
        ({"redirect_uri": ""}, "redirect_uri_missing"),
        ({"grant_type": "nothing"}, "unsupported_grant_type"),
        ({"code": "unknown"}, "invalid_grant"),
        ({"code": ""}, "invalid_request"),
    ],
)
async def test_an_exchange_needs_everything(
    http: httpx.AsyncClient, changed: dict[str, str], error: str
) -> None:
    code = (await consent(http))["code"]
    assert refusal(await exchange(http, code, **changed)) == (400, error)


async def test_a_challenge_without_a_method_is_s256(http: httpx.AsyncClient) -> None:
    code = (await consent(http, code_challenge_method=None))["code"]
    assert (await exchange(http, code)).status_code == 200


async def test_a_verifier_may_be_longer_than_rfc_7636_has_it(http: httpx.AsyncClient) -> None:
    verifier = "v" * 171
    code = (await consent(http, code_challenge=compute_challenge(verifier)))["code"]
    assert (await exchange(http, code, code_verifier=verifier)).status_code == 200


async def test_a_verifier_and_a_secret_are_both_needed(http: httpx.AsyncClient) -> None:
    code = (await consent(http))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    assert refusal(await http.post(TOKEN, data=FORM | form)) == (400, "invalid_grant")
    code = (await consent(http))["code"]
    form = {**form, "code": code, "code_verifier": VERIFIER, "client_id": FORM["client_id"]}
    assert refusal(await http.post(TOKEN, data=form)) == (400, "invalid_client")


async def test_the_client_may_authenticate_by_basic(http: httpx.AsyncClient) -> None:
    code = (await consent(http))["code"]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    auth = (FORM["client_id"], FORM["client_secret"])
    assert (await http.post(TOKEN, data=form, auth=auth)).status_code == 200


async def test_a_code_works_once(http: httpx.AsyncClient) -> None:
    code = (await consent(http))["code"]
    assert (await exchange(http, code)).status_code == 200
    assert refusal(await exchange(http, code)) == (400, "invalid_grant")


async def test_a_code_expires(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    code = (await consent(http))["code"]
    sandbox.clock.advance(sandbox.flags.code_seconds)
    answer = await exchange(http, code)
    assert answer.json()["error_description"] == "expired authorization code"


async def test_secrets_in_a_url_are_refused(http: httpx.AsyncClient) -> None:
    assert refusal(await http.post(TOKEN, params=FORM)) == (400, "invalid_request")


async def test_a_session_dies_of_disuse_with_an_array_body(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    tokens = await tokens_of(http)
    sandbox.clock.advance(sandbox.flags.session_seconds)
    answer = await ask(http, tokens)
    assert answer.status_code == 401
    assert answer.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


async def test_use_in_the_second_half_of_a_session_extends_it(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    tokens = await tokens_of(http)
    life = sandbox.flags.session_seconds
    sandbox.clock.advance(life * 0.6)
    assert (await ask(http, tokens)).status_code == 200
    sandbox.clock.advance(life * 0.6)
    assert (await ask(http, tokens)).status_code == 200


async def test_a_refresh_rotates_the_refresh_token(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    first = await tokens_of(http)
    second = (await refresh(http, first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert (await ask(http, second)).status_code == 200
    assert sandbox.oauth.refreshes == 1


async def test_without_rotation_a_refresh_brings_no_refresh_token(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.flags.rotate_refresh_tokens = False
    first = await tokens_of(http)
    second = (await refresh(http, first["refresh_token"])).json()
    assert "refresh_token" not in second
    assert (await refresh(http, first["refresh_token"])).status_code == 200


async def test_replaying_a_spent_refresh_token_ends_the_whole_family(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    first, stranger = await tokens_of(http), await tokens_of(http)
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


async def test_a_lost_answer_has_rotated_all_the_same(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    tokens = await tokens_of(http)
    sandbox.faults.add(Fault(kind="drop_response", match="/oauth2/token"))
    with pytest.raises(httpx.RemoteProtocolError):
        await refresh(http, tokens["refresh_token"])
    assert refusal(await refresh(http, tokens["refresh_token"])) == (400, "invalid_grant")
    assert (await ask(http, tokens)).status_code == 401


@pytest.mark.parametrize("reason", _LOGIN_REFUSALS)
async def test_a_login_is_refused_in_each_of_its_ways(
    http: httpx.AsyncClient, sandbox: Sandbox, reason: str
) -> None:
    tokens = await tokens_of(http)
    await http.post("/_sandbox/flags", json={"login_refusal": reason})
    answer = await refresh(http, tokens["refresh_token"])
    error, description = _LOGIN_REFUSALS[reason]  # type: ignore[index] # a key of that table
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": error, "error_description": description},
    )
    sandbox.flags.login_refusal = None
    assert (await refresh(http, tokens["refresh_token"])).status_code == 200


async def test_introspection_tells_how_long_a_session_has(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    tokens = await tokens_of(http)
    told = (await http.post(INTROSPECT, data=FORM | {"token": tokens["access_token"]})).json()
    assert (told["active"], told["scope"], told["exp"] - told["iat"]) == (True, SCOPE, 7200)
    assert (told["token_type"], told["sub"]) == ("access_token", tokens["id"])
    renewal = (await http.post(INTROSPECT, data=FORM | {"token": tokens["refresh_token"]})).json()
    assert (renewal["active"], renewal["token_type"], "exp" in renewal) == (True, "refresh_token", False)
    sandbox.clock.advance(7200)
    dead = await http.post(INTROSPECT, data=FORM | {"token": tokens["access_token"]})
    assert dead.json() == {"active": False}


async def test_a_revoked_refresh_token_takes_its_sessions_along(http: httpx.AsyncClient) -> None:
    tokens = await tokens_of(http)
    answer = await http.post(REVOKE, data={"token": tokens["refresh_token"]})
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await ask(http, tokens)).status_code == 401
    assert (await refresh(http, tokens["refresh_token"])).status_code == 400
    assert refusal(await http.post(REVOKE, data={"token": "unknown"})) == (400, "invalid_token")


async def test_who_consented_is_told_in_two_places(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    tokens = await tokens_of(http)
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    for url in (USERINFO, tokens["id"]):
        told = (await http.get(url, headers=headers)).json()
        assert told["organization_id"] == sandbox.org.org_id
        assert told["user_id"].startswith("005")
        assert (await http.get(url, params={"oauth_token": tokens["access_token"]})).json() == told
    assert (await http.get(USERINFO)).text == "Missing_OAuth_Token"
    headers["authorization"] += "x"
    assert (await http.get(USERINFO, headers=headers)).text == "Bad_OAuth_Token"


async def test_openid_opens_userinfo_and_not_the_identity(http: httpx.AsyncClient) -> None:
    tokens = await tokens_of(http, scope="api openid")
    assert "refresh_token" not in tokens
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    assert (await http.get(USERINFO, headers=headers)).status_code == 200
    assert (await http.get(tokens["id"], headers=headers)).status_code == 403


async def test_the_api_scope_opens_userinfo_too(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    tokens = await tokens_of(http, scope="refresh_token api")
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    answer = await http.get(USERINFO, headers=headers)
    assert answer.json()["organization_id"] == sandbox.org.org_id


async def test_the_api_needs_its_scope(http: httpx.AsyncClient) -> None:
    tokens = await tokens_of(http, scope="refresh_token openid")
    assert refusal(await ask(http, tokens)) == (401, "INVALID_SESSION_ID")


async def test_the_api_answers_at_the_instance_alone(http: httpx.AsyncClient) -> None:
    tokens = await tokens_of(http)
    elsewhere = {**tokens, "instance_url": LOGIN}
    assert refusal(await ask(http, elsewhere)) == (401, "INVALID_SESSION_ID")


async def test_the_instance_moves_with_a_refresh(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    first = await tokens_of(http)
    await http.post("/_sandbox/flags", json={"instance_number": 2})
    assert (await ask(http, first)).status_code == 200
    second = (await refresh(http, first["refresh_token"])).json()
    assert second["instance_url"] == f"https://{sandbox.org.my_domain}--na2.my.salesforce.com"
    assert (await ask(http, second)).status_code == 200
    assert (await ask(http, second | {"instance_url": first["instance_url"]})).status_code == 401


async def test_an_org_may_forbid_all_but_its_my_domain(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.flags.my_domain_only = True
    page = await http.get(AUTHORIZE, params=authorization())
    assert page.status_code == 400
    assert "My Domain" in page.text
    domain = f"https://{sandbox.org.my_domain}.my.salesforce.com/services/oauth2"
    code = (await consent(http, at=f"{domain}/authorize"))["code"]
    tokens = (await exchange(http, code, at=f"{domain}/token")).json()
    assert tokens["id"].startswith(f"https://{sandbox.org.my_domain}.my.salesforce.com/id/")
    assert refusal(await refresh(http, tokens["refresh_token"])) == (400, "invalid_grant")
    assert (await refresh(http, tokens["refresh_token"], at=f"{domain}/token")).status_code == 200


async def test_an_unknown_my_domain_is_nobody(http: httpx.AsyncClient) -> None:
    nowhere = "https://nowhere.my.salesforce.com/services/oauth2"
    assert "no My Domain" in (await http.get(f"{nowhere}/authorize", params=authorization())).text
    assert (await refresh(http, "any", at=f"{nowhere}/token")).status_code == 404


async def test_a_sandbox_login_works_too(http: httpx.AsyncClient) -> None:
    test = "https://test.salesforce.com/services/oauth2"
    code = (await consent(http, at=f"{test}/authorize"))["code"]
    tokens = (await exchange(http, code, at=f"{test}/token")).json()
    assert tokens["id"].startswith("https://test.salesforce.com/id/")


async def test_with_several_orgs_the_person_chooses_one() -> None:
    datasets = [
        Dataset.from_records([record("Account", number, {"Name": "One"})], name=f"Org {number}")
        for number in (1, 2)
    ]
    sandbox = create_sandbox(*datasets, clock=lambda: NOW)
    second = list(sandbox.orgs)[1]
    async with httpx.AsyncClient(transport=SandboxTransport(sandbox)) as http:
        assert second in (await http.get(AUTHORIZE, params=authorization())).text
        form = {"decision": "allow", "org_id": second}
        answer = await http.post(AUTHORIZE, params=authorization(), data=form)
        tokens = (await exchange(http, httpx.URL(answer.headers["location"]).params["code"])).json()
    assert second in tokens["id"]


async def test_every_secret_is_recorded_and_none_is_shown(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    code = (await consent(http))["code"]
    tokens = (await exchange(http, code)).json()
    issued = {secret.value: secret.kind for secret in sandbox.oauth.issued}
    assert issued[code] == "code"
    assert [issued[tokens[kind]] for kind in ("access_token", "refresh_token", "id_token")]
    shown = repr((sandbox.oauth.issued, sandbox.oauth.grants, sandbox.oauth.app))
    assert not [secret for secret in (*issued, FORM["client_secret"]) if secret in shown]


async def test_another_app_may_be_registered() -> None:
    sandbox = create_sandbox(
        Dataset.from_records([], name="Empty"), app=App(client_id="other"), clock=lambda: NOW
    )
    async with httpx.AsyncClient(transport=SandboxTransport(sandbox)) as http:
        assert (await http.get(AUTHORIZE, params=authorization(client_id="other"))).status_code == 200
        assert (await http.get(AUTHORIZE, params=authorization())).status_code == 400


async def test_on_a_socket_login_host_and_instance_differ_too(sandbox: Sandbox) -> None:
    async with serve(sandbox) as url, httpx.AsyncClient(timeout=5) as http:
        oauth = f"{url}/services/oauth2"
        code = (await consent(http, at=f"{oauth}/authorize"))["code"]
        tokens = (await exchange(http, code, at=f"{oauth}/token")).json()
        assert tokens["instance_url"] == url.replace("127.0.0.1", "localhost")
        assert tokens["id"].startswith(f"{url}/id/")
        assert (await ask(http, tokens)).status_code == 200
        assert (await ask(http, tokens | {"instance_url": url})).status_code == 401
        told = (await http.post(f"{url}/_sandbox/connect", json={})).json()
        headers = {"authorization": f"Bearer {told['access_token']}"}
        assert (await http.get(f"{url}{DATA}/limits", headers=headers)).status_code == 200
