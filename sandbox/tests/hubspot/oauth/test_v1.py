"""OAuth v1, until HubSpot ends it."""

import datetime as dt
from typing import Any

import httpx
import pytest

from crm_sandbox.hubspot import DEFAULT_CLIENT_ID, Sandbox
from tests.hubspot.builders import CALLBACK, FORM, NOW, SCOPE, consent

pytestmark = pytest.mark.anyio

TOKEN = "/oauth/v1/token"
SUNSET = dt.datetime(2027, 2, 16, tzinfo=dt.UTC).timestamp()


async def exchanged(http: httpx.AsyncClient) -> dict[str, Any]:
    code = (await consent(http))["code"]
    form = FORM | {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    tokens: dict[str, Any] = (await http.post(TOKEN, data=form)).json()
    return tokens


async def refreshed(http: httpx.AsyncClient, refresh_token: str, where: str) -> httpx.Response:
    form = FORM | {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return await http.post(TOKEN, **{where: form})  # type: ignore[arg-type]


async def test_a_code_brings_the_tokens_that_the_dated_endpoints_give(http: httpx.AsyncClient) -> None:
    tokens = await exchanged(http)
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 1800)
    header = {"authorization": f"Bearer {tokens['access_token']}"}
    assert (await http.get("/crm/v3/objects/companies", headers=header)).status_code == 200


@pytest.mark.parametrize("where", ["data", "params"])
async def test_a_refresh_takes_its_parameters_from_the_form_or_the_url(
    http: httpx.AsyncClient, sandbox: Sandbox, where: str
) -> None:
    tokens = await exchanged(http)
    answer = await refreshed(http, tokens["refresh_token"], where)
    assert (answer.status_code, answer.json()["refresh_token"]) == (200, tokens["refresh_token"])
    assert sandbox.oauth.refreshes == 1


async def test_a_token_is_refreshed_by_either_version(http: httpx.AsyncClient) -> None:
    tokens = await exchanged(http)
    form = FORM | {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert (await http.post("/oauth/2026-09/token", data=form)).status_code == 200


async def test_an_access_token_names_its_user(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    token = (await exchanged(http))["access_token"]
    sandbox.clock.advance(100)
    answer = await http.get(f"/oauth/v1/access-tokens/{token}")
    assert answer.json() == {
        "token": token,
        "token_type": "access",
        "hub_id": sandbox.account.portal_id,
        "hub_domain": "sandbox.example.com",
        "user_id": 7001,
        "user": "admin@sandbox.example.com",
        "scopes": SCOPE.split(),
        "app_id": 1000001,
        "expires_in": 1700,
        "is_private_distribution": False,
    }


async def test_a_refresh_token_names_its_client_and_is_deleted(http: httpx.AsyncClient) -> None:
    tokens = await exchanged(http)
    url = f"/oauth/v1/refresh-tokens/{tokens['refresh_token']}"
    found = (await http.get(url)).json()
    assert (found["token_type"], found["client_id"]) == ("refresh", DEFAULT_CLIENT_ID)
    assert "expires_in" not in found
    assert (await http.delete(url)).status_code == 204
    assert (await http.get(url)).status_code == 404
    assert (await refreshed(http, tokens["refresh_token"], "data")).json()["status"] == "BAD_REFRESH_TOKEN"


@pytest.mark.parametrize(
    ("method", "kind", "word"),
    [
        ("GET", "access", "BAD_ACCESS_TOKEN"),
        ("GET", "refresh", "BAD_REFRESH_TOKEN"),
        ("DELETE", "refresh", "BAD_REFRESH_TOKEN"),
    ],
)
async def test_an_unknown_token_is_404(http: httpx.AsyncClient, method: str, kind: str, word: str) -> None:
    answer = await http.request(method, f"/oauth/v1/{kind}-tokens/unknown")
    assert (answer.status_code, answer.json()["status"]) == (404, word)


async def test_a_token_of_the_other_kind_is_unknown(http: httpx.AsyncClient) -> None:
    tokens = await exchanged(http)
    assert (await http.get(f"/oauth/v1/refresh-tokens/{tokens['access_token']}")).status_code == 404
    assert (await http.get(f"/oauth/v1/access-tokens/{tokens['refresh_token']}")).status_code == 404


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"data": FORM | {"grant_type": "refresh_token"}}, 400, "BAD_REFRESH_TOKEN"),
    ({"data": FORM | {"grant_type": "password"}}, 400, "BAD_GRANT_TYPE"),
    ({"params": FORM | {"grant_type": "refresh_token", "client_secret": "x"}}, 400, "BAD_CLIENT_SECRET"),
    ({"json": FORM}, 415, "BAD_REQUEST"),
    ({}, 400, "BAD_CLIENT_ID"),
]


@pytest.mark.parametrize(("request_", "status", "word"), REFUSED)
async def test_it_refuses_in_the_words_of_the_dated_endpoints(
    http: httpx.AsyncClient, request_: dict[str, Any], status: int, word: str
) -> None:
    answer = await http.post(TOKEN, **request_)
    assert (answer.status_code, answer.json()["status"]) == (status, word)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "token"),
        ("POST", "access-tokens/x"),
        ("DELETE", "access-tokens/x"),
        ("PUT", "refresh-tokens/x"),
    ],
)
async def test_other_verbs_are_refused(http: httpx.AsyncClient, method: str, path: str) -> None:
    assert (await http.request(method, f"/oauth/v1/{path}")).status_code == 405


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "token"),
        ("GET", "access-tokens/{}"),
        ("GET", "refresh-tokens/x"),
        ("DELETE", "refresh-tokens/x"),
    ],
)
async def test_it_is_gone_from_its_sunset_on(
    http: httpx.AsyncClient, sandbox: Sandbox, method: str, path: str
) -> None:
    token = (await exchanged(http))["access_token"]
    sandbox.clock.advance(SUNSET - NOW - 1)
    before = await http.request(method, f"/oauth/v1/{path.format(token)}", data=FORM)
    sandbox.clock.advance(1)
    after = await http.request(method, f"/oauth/v1/{path.format(token)}", data=FORM)
    assert (before.status_code != 410, after.status_code, after.json()["category"]) == (True, 410, "GONE")


async def test_a_token_in_a_path_is_shown_nowhere(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    tokens = await exchanged(http)
    await http.get(f"/oauth/v1/access-tokens/{tokens['access_token']}")
    await http.get(f"/oauth/v1/refresh-tokens/{tokens['refresh_token']}/")
    shown = str(sandbox.journal.entries) + str(sandbox.stats())
    assert tokens["access_token"] not in shown
    assert tokens["refresh_token"] not in shown
    assert "GET /oauth/v1/access-tokens/{token}" in shown
