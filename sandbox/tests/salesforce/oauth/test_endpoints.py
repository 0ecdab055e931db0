from html.parser import HTMLParser

import httpx
import pytest

from crm_sandbox import Dataset, SandboxTransport
from crm_sandbox.oauth import compute_challenge
from crm_sandbox.salesforce import App, Sandbox, create_sandbox
from tests.salesforce.builders import (
    AUTHORIZE,
    CALLBACK,
    FORM,
    LOGIN,
    NOW,
    SCOPE,
    TOKEN,
    VERIFIER,
    ask,
    authorization,
    connect,
    consent,
    exchange,
    record,
    refresh,
    refusal,
)

pytestmark = pytest.mark.anyio

INTROSPECT = f"{LOGIN}/services/oauth2/introspect"
REVOKE = f"{LOGIN}/services/oauth2/revoke"


async def test_a_code_exchange_returns_everything_but_expires_in(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    tokens = await connect(http)
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


async def test_the_consent_form_can_be_submitted(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
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


async def test_denying_redirects_with_access_denied_and_the_state(http: httpx.AsyncClient) -> None:
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
async def test_an_authorization_error_is_redirected(
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
async def test_an_untrusted_authorization_request_gets_a_page(
    http: httpx.AsyncClient, changed: dict[str, str | None], says: str
) -> None:
    answer = await http.get(AUTHORIZE, params=authorization(**changed))
    assert answer.status_code == 400
    assert says in answer.text


async def test_an_app_that_is_not_installed_is_never_redirected_to(
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
async def test_a_code_exchange_requires_every_parameter(
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


async def test_introspection_returns_the_expiry_of_a_session(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    tokens = await connect(http)
    introspection = (await http.post(INTROSPECT, data=FORM | {"token": tokens["access_token"]})).json()
    assert (introspection["active"], introspection["scope"], introspection["exp"] - introspection["iat"]) == (
        True,
        SCOPE,
        7200,
    )
    assert (introspection["token_type"], introspection["sub"]) == ("access_token", tokens["id"])
    renewal = (await http.post(INTROSPECT, data=FORM | {"token": tokens["refresh_token"]})).json()
    assert (renewal["active"], renewal["token_type"], "exp" in renewal) == (True, "refresh_token", False)
    sandbox.clock.advance(7200)
    dead = await http.post(INTROSPECT, data=FORM | {"token": tokens["access_token"]})
    assert dead.json() == {"active": False}


async def test_revoking_a_refresh_token_ends_its_sessions(http: httpx.AsyncClient) -> None:
    tokens = await connect(http)
    answer = await http.post(REVOKE, data={"token": tokens["refresh_token"]})
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await ask(http, tokens)).status_code == 401
    assert (await refresh(http, tokens["refresh_token"])).status_code == 400
    assert refusal(await http.post(REVOKE, data={"token": "unknown"})) == (400, "invalid_token")


async def test_the_consent_page_offers_every_org() -> None:
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


async def test_another_app_may_be_registered() -> None:
    sandbox = create_sandbox(
        Dataset.from_records([], name="Empty"), app=App(client_id="other"), clock=lambda: NOW
    )
    async with httpx.AsyncClient(transport=SandboxTransport(sandbox)) as http:
        assert (await http.get(AUTHORIZE, params=authorization(client_id="other"))).status_code == 200
        assert (await http.get(AUTHORIZE, params=authorization())).status_code == 400
