"""What HubSpot refuses, one line each: the request, and the status and category (or OAuth word and error) it gets."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from crm_sandbox.hubspot import Sandbox
from tests.hubspot.builders import CALLBACK, FORM, authorization

pytestmark = pytest.mark.anyio

COMPANIES = "/crm/objects/2026-09/companies"
BATCH = f"{COMPANIES}/batch/read"
SEARCH = f"{COMPANIES}/search"
LINKS = "/crm/associations/2026-09/companies/contacts/batch/read"
TOKEN = "/oauth/2026-09/token"


@dataclass(frozen=True, kw_only=True)
class Refused:
    name: str
    method: str = "GET"
    url: str = COMPANIES
    status: int = 400
    category: str | None = "VALIDATION_ERROR"
    says: str = ""
    request: dict[str, Any] = field(default_factory=dict)


def get(
    name: str,
    url: str,
    *,
    method: str = "GET",
    status: int = 400,
    category: str | None = "VALIDATION_ERROR",
    says: str = "",
) -> Refused:
    return Refused(name=name, method=method, url=url, status=status, category=category, says=says)


def post(name: str, url: str, body: object, *, says: str = "") -> Refused:
    return Refused(name=name, method="POST", url=url, says=says, request={"json": body})


def search(name: str, body: dict[str, object], *, says: str = "") -> Refused:
    return post(name, SEARCH, body, says=says)


def filters(*found: dict[str, object]) -> dict[str, object]:
    return {"filterGroups": [{"filters": list(found)}]}


HAS_NAME: dict[str, object] = {"propertyName": "name", "operator": "HAS_PROPERTY"}
READ = {"properties": ["name"], "propertiesWithHistory": []}

CRM = [
    get("limit 101", f"{COMPANIES}?limit=101", says="100"),
    get("limit 0", f"{COMPANIES}?limit=0"),
    get("a limit that is no number", f"{COMPANIES}?limit=ten"),
    get("limit 51 with history", f"{COMPANIES}?limit=51&propertiesWithHistory=name", says="50"),
    get("a cursor of another kind", f"{COMPANIES}?after=abc"),
    get("archived that is neither true nor false", f"{COMPANIES}?archived=maybe"),
    get("a record that is missing", f"{COMPANIES}/999999", status=404, category="OBJECT_NOT_FOUND"),
    get("an archived record asked for as a live one", f"{COMPANIES}/250", status=404, category="OBJECT_NOT_FOUND"),
    get("an idProperty that is not unique", f"{COMPANIES}/c1.com?idProperty=domain"),
    get("an unknown property definition", "/crm/properties/2026-09/companies/nope", status=404, category="OBJECT_NOT_FOUND"),
    get("an owner that is missing", "/crm/owners/2026-09/77", status=404, category="OBJECT_NOT_FOUND"),
    get("an archived owner asked for as a live one", "/crm/owners/2026-09/33", status=404, category="OBJECT_NOT_FOUND"),
    get("an owner by an unknown idProperty", "/crm/owners/2026-09/31?idProperty=email"),
    get("501 owners", "/crm/owners/2026-09?limit=501"),
    get("a version that is not served", "/crm/objects/2025-03/companies", status=404, category="OBJECT_NOT_FOUND"),
    get("a date before the first", "/oauth/2025-09/token", status=404, category="OBJECT_NOT_FOUND"),
    get("the associations of a missing record", "/crm/v4/objects/companies/999/associations/contacts", status=404, category="OBJECT_NOT_FOUND"),
    get("GET of search", SEARCH, status=405, category="METHOD_NOT_ALLOWED"),
    get("HEAD", COMPANIES, method="HEAD", status=405, category=None),
    get("DELETE of a list", COMPANIES, method="DELETE", status=405, category="METHOD_NOT_ALLOWED"),
    get("a URL over 8,000 characters", f"{COMPANIES}?properties={'x' * 8000}", status=414, category=None),
    post("101 inputs", BATCH, {**READ, "inputs": [{"id": str(n)} for n in range(101)]}, says="100"),
    post("a batch without inputs", BATCH, READ, says="inputs"),
    post("a batch whose inputs have no ids", BATCH, {**READ, "inputs": [{"name": "1"}]}),
    post("a batch whose id is a list", BATCH, {**READ, "inputs": [{"id": ["1"]}]}, says="inputs[0].id"),
    post("a batch with an unknown field", BATCH, {**READ, "inputs": [], "idProperties": "email"}, says="idProperties"),
    post("an input with an unknown field", BATCH, {**READ, "inputs": [{"id": "1", "object": "companies"}]}, says="object"),
    post("associations with an unknown field", LINKS, {"inputs": [{"id": "1"}], "limit": 5}, says="limit"),
    post("a batch that is a list", BATCH, []),
    post("1,001 ids", LINKS, {"inputs": [{"id": str(n)} for n in range(1001)]}, says="1000"),
    post("associations without inputs", LINKS, {}, says="inputs"),
    Refused(name="broken JSON", method="POST", url=BATCH, says="Invalid input JSON", request={"content": b'{"inputs": [', "headers": {"content-type": "application/json"}}),
    Refused(name="a body that is not UTF-8", method="POST", url=BATCH, says="Invalid input JSON", request={"content": b'{"inputs": "\xff"}', "headers": {"content-type": "application/json"}}),
    Refused(name="a form where JSON is due", method="POST", url=BATCH, status=415, request={"data": {"inputs": "1"}}),
    search("limit 201 in a search", {"limit": 201}, says="200"),
    search("limit 0 in a search", {"limit": 0}),
    search("a search past 10,000", {"after": "10000"}, says="10000"),
    search("a search whose page ends past 10,000", {"after": "9950", "limit": 100}),
    search("a search cursor that is no number", {"after": "abc"}),
    search("six filter groups", {"filterGroups": [{"filters": [HAS_NAME]}] * 6}, says="5"),
    search("seven filters in a group", filters(*[HAS_NAME] * 7)),
    search("nineteen filters in all", {"filterGroups": [{"filters": [HAS_NAME] * 5}] * 4}),
    search("seven filters without groups", {"filters": [HAS_NAME] * 7}),
    search("an unknown field in a search", {"filter": [HAS_NAME]}, says="filter"),
    search("an unknown field in a filter", filters({**HAS_NAME, "property": "name"}), says="property"),
    search("a limit that is no whole number", {"limit": 1.5}),
    search("a token filter without a value", filters({"propertyName": "name", "operator": "CONTAINS_TOKEN"}), says="CONTAINS_TOKEN"),
    search("two sorts", {"sorts": [{"propertyName": "name"}, {"propertyName": "domain"}]}),
    search("a sort in an unknown direction", {"sorts": [{"propertyName": "name", "direction": "UP"}]}),
    search("a filter on an unknown property", filters({"propertyName": "nope", "operator": "EQ", "value": "1"}), says="nope"),
    search("an unknown operator", filters({"propertyName": "name", "operator": "LIKE", "value": "1"})),
    search("a filter without a value", filters({"propertyName": "name", "operator": "EQ"})),
    search("a date filter that is no date", filters({"propertyName": "createdate", "operator": "GT", "value": "soon"})),
    search("IN without values", filters({"propertyName": "name", "operator": "IN"})),
    search("BETWEEN without a high value", filters({"propertyName": "createdate", "operator": "BETWEEN", "value": "1"})),
    search("a search body over 3,000 characters", {"query": "x" * 3000}, says="3000"),
]  # fmt: skip


@pytest.mark.parametrize("case", CRM, ids=lambda case: case.name)
async def test_the_crm_refuses(client: httpx.AsyncClient, sandbox: Sandbox, case: Refused) -> None:
    sandbox.account.archive("companies", "250")
    answer = await client.request(case.method, case.url, **case.request)
    assert answer.status_code == case.status, answer.text
    if case.category is not None:
        body = answer.json()
        assert (body["status"], body["category"]) == ("error", case.category)
        assert body["correlationId"] == answer.headers["x-hubspot-correlation-id"]
        assert case.says in body["message"]


@pytest.mark.parametrize(
    "header", [None, "", "Bearer ", "Bearer stranger", "Basic abc", "CJ-token-without-a-scheme"]
)
async def test_a_missing_or_foreign_token_is_invalid_authentication(
    http: httpx.AsyncClient, header: str | None
) -> None:
    answer = await http.get(COMPANIES, headers={} if header is None else {"authorization": header})
    assert (answer.status_code, answer.json()["category"]) == (401, "INVALID_AUTHENTICATION")


async def test_a_token_in_the_url_is_no_token(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    token = str(sandbox.oauth.connect(sandbox.account.portal_id)["access_token"])
    answer = await http.get(COMPANIES, params={"access_token": token})
    assert (answer.status_code, answer.json()["category"]) == (401, "INVALID_AUTHENTICATION")


async def test_an_expired_token_is_expired_authentication_and_says_when(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.clock.advance(1812)
    answer = await client.get(COMPANIES)
    body = answer.json()
    assert (answer.status_code, body["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert "expired 12 second(s) ago" in body["message"]
    assert body["context"] == {"expire time": ["2026-09-21T14:43:20.000Z"]}


SCOPED = [
    (COMPANIES, "crm.objects.companies.read"),
    ("/crm/objects/2026-09/contacts", "crm.objects.contacts.read"),
    ("/crm/objects/2026-09/deals/2001", "crm.objects.deals.read"),
    ("/crm/owners/2026-09", "crm.objects.owners.read"),
    ("/crm/pipelines/2026-09/deals", "crm.objects.deals.read"),
    ("/crm/properties/2026-09/companies", "crm.objects.companies.read"),
    ("/account-info/2026-09/details", "oauth"),
]


@pytest.mark.parametrize(("url", "scope"), SCOPED)
async def test_a_missing_scope_is_named(
    client: httpx.AsyncClient, sandbox: Sandbox, url: str, scope: str
) -> None:
    sandbox.oauth.remove_scope(scope)
    answer = await client.get(url)
    body = answer.json()
    assert (answer.status_code, body["category"]) == (403, "MISSING_SCOPES")
    assert body["errors"][0]["context"] == {"requiredGranularScopes": [scope]}
    assert body["links"]["scopes"]


AUTHORIZE = [
    ("an unknown client", {"client_id": "somebody"}),
    ("no client", {"client_id": None}),
    ("no redirect", {"redirect_uri": None}),
    ("a redirect elsewhere", {"redirect_uri": "https://evil.example.com/api/integrations/hubspot/callback"}),
    ("a redirect with another path", {"redirect_uri": f"{CALLBACK}/more"}),
    (
        "a redirect with a user part",
        {"redirect_uri": CALLBACK.replace("localhost", "localhost:1@evil.example.com")},
    ),
    ("a redirect over https that is not registered", {"redirect_uri": CALLBACK.replace("http:", "https:")}),
    ("no scope", {"scope": None}),
    ("a required scope left out", {"scope": "oauth crm.objects.companies.read"}),
    ("a scope the app does not have", {"scope": authorization()["scope"] + " tickets"}),
    ("another response type", {"response_type": "token"}),
    ("a plain code challenge", {"code_challenge": "x" * 43, "code_challenge_method": "plain"}),
    ("a code challenge that is too short", {"code_challenge": "x" * 42, "code_challenge_method": "S256"}),
]


@pytest.mark.parametrize(("_name", "changed"), AUTHORIZE, ids=[name for name, _ in AUTHORIZE])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_authorize_page_refuses_without_redirecting(
    http: httpx.AsyncClient, method: str, _name: str, changed: dict[str, str | None]
) -> None:
    data = {"decision": "allow"} if method == "POST" else None
    answer = await http.request(method, "/oauth/authorize", params=authorization(**changed), data=data)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert answer.headers["content-type"].startswith("text/html")


async def test_the_authorize_page_refuses_an_unknown_account(http: httpx.AsyncClient) -> None:
    for dataset in ("12", "abc"):
        answer = await http.get(f"/oauth/{dataset}/authorize", params=authorization())
        assert answer.status_code == 400


async def test_the_consent_form_needs_a_decision(http: httpx.AsyncClient) -> None:
    assert (await http.post("/oauth/authorize", params=authorization(), data={})).status_code == 400


CODE = {"grant_type": "authorization_code", "code": "unknown", "redirect_uri": CALLBACK}
REFRESH = {"grant_type": "refresh_token", "refresh_token": "unknown"}
OAUTH: list[tuple[str, dict[str, Any], int, str, str]] = [
    ("a JSON body", {"json": FORM | REFRESH}, 415, "BAD_REQUEST", "invalid_request"),
    ("no body", {}, 415, "BAD_REQUEST", "invalid_request"),
    ("secrets in the query", {"params": FORM | REFRESH, "data": {}}, 400, "BAD_REQUEST", "invalid_request"),
    ("a secret in the query beside a good form", {"params": {"client_secret": "x"}, "data": FORM | REFRESH}, 400, "BAD_REQUEST", "invalid_request"),
    ("a parameter sent twice", {"content": "client_id=a&client_id=b", "headers": {"content-type": "application/x-www-form-urlencoded"}}, 400, "BAD_REQUEST", "invalid_request"),
    ("no client id", {"data": REFRESH}, 400, "BAD_CLIENT_ID", "invalid_client"),
    ("another client id", {"data": FORM | REFRESH | {"client_id": "x"}}, 400, "BAD_CLIENT_ID", "invalid_client"),
    ("another client secret", {"data": FORM | REFRESH | {"client_secret": "x"}}, 400, "BAD_CLIENT_SECRET", "invalid_client"),
    ("no grant type", {"data": FORM}, 400, "BAD_GRANT_TYPE", "unsupported_grant_type"),
    ("the password grant", {"data": FORM | {"grant_type": "password"}}, 400, "BAD_GRANT_TYPE", "unsupported_grant_type"),
    ("an unknown code", {"data": FORM | CODE}, 400, "BAD_AUTH_CODE", "invalid_grant"),
    ("a code without a redirect uri", {"data": FORM | CODE | {"redirect_uri": ""}}, 400, "BAD_REDIRECT_URI", "invalid_request"),
    ("an unregistered redirect uri", {"data": FORM | CODE | {"redirect_uri": "https://x.example"}}, 400, "BAD_REDIRECT_URI", "invalid_request"),
    ("an unknown refresh token", {"data": FORM | REFRESH}, 400, "BAD_REFRESH_TOKEN", "invalid_grant"),
    ("no refresh token", {"data": FORM | {"grant_type": "refresh_token"}}, 400, "BAD_REFRESH_TOKEN", "invalid_grant"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("_name", "request_", "status", "word", "error"), OAUTH, ids=[case[0] for case in OAUTH]
)
async def test_the_token_endpoint_refuses(
    http: httpx.AsyncClient, _name: str, request_: dict[str, Any], status: int, word: str, error: str
) -> None:
    answer = await http.post(TOKEN, **request_)
    body = json.loads(answer.content)
    assert (answer.status_code, body["status"], body["error"]) == (status, word, error)
    assert body["message"] == body["error_description"] != ""


@pytest.mark.parametrize("url", [TOKEN, f"{TOKEN}/introspect", f"{TOKEN}/revoke"])
async def test_the_oauth_endpoints_refuse_GET(http: httpx.AsyncClient, url: str) -> None:  # noqa: N802 - HTTP's name
    answer = await http.get(url)
    assert (answer.status_code, answer.json()["category"]) == (405, "METHOD_NOT_ALLOWED")


async def test_an_uninstall_needs_a_token(http: httpx.AsyncClient) -> None:
    assert (await http.delete("/appinstalls/2026-09/external-install")).status_code == 401
