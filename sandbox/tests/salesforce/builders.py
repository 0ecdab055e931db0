"""Records and requests that the Salesforce sandbox's tests are made of."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from crm_sandbox import Association, DatasetRecord
from crm_sandbox.oauth import compute_challenge
from crm_sandbox.salesforce import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, record_id

NOW = 1_790_000_000.0
CREATED = "2025-01-01T00:00:00.000Z"
UPDATED = "2025-02-01T12:00:00.000Z"
CALLBACK = "http://localhost:8000/api/integrations/salesforce/callback"
SCOPE = "api refresh_token openid id"
VERIFIER = "v" * 43
LOGIN = "https://login.salesforce.com"
AUTHORIZE = f"{LOGIN}/services/oauth2/authorize"
TOKEN = f"{LOGIN}/services/oauth2/token"
FORM = {"client_id": DEFAULT_CLIENT_ID, "client_secret": DEFAULT_CLIENT_SECRET}
DATA = "/services/data/v68.0"


def record(
    object_name: str,
    number: int,
    properties: Mapping[str, str | None],
    *,
    archived: bool = False,
    updated_at: str = UPDATED,
    contacts: Sequence[int] = (),
) -> DatasetRecord:
    roles = [
        Association(id=record_id("Contact", one), primary=index == 0) for index, one in enumerate(contacts)
    ]
    return DatasetRecord(
        object=object_name,
        id=record_id(object_name, number),
        properties=dict(properties),
        created_at=CREATED,
        updated_at=updated_at,
        archived=archived,
        associations={"Contact": roles} if roles else {},
    )


def authorization(**changed: str | None) -> dict[str, str]:
    """The query of a good authorization request, with parts changed or (None) left out."""
    query = {
        "response_type": "code",
        "client_id": DEFAULT_CLIENT_ID,
        "redirect_uri": CALLBACK,
        "scope": SCOPE,
        "state": "s t/+?&",
        "code_challenge": compute_challenge(VERIFIER),
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (query | changed).items() if value is not None}


async def consent(
    http: httpx.AsyncClient, decision: str = "allow", at: str = AUTHORIZE, **changed: str | None
) -> httpx.QueryParams:
    """Answer the consent form; gives the parameters of the redirect."""
    answer = await http.post(at, params=authorization(**changed), data={"decision": decision})
    assert answer.status_code == 302, answer.text
    return httpx.URL(answer.headers["location"]).params


async def exchange(http: httpx.AsyncClient, code: str, /, at: str = TOKEN, **changed: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    return await http.post(at, data=FORM | form | changed)


async def connect(http: httpx.AsyncClient, scope: str = SCOPE) -> dict[str, str]:
    answer = await exchange(http, (await consent(http, scope=scope))["code"])
    assert answer.status_code == 200, answer.text
    tokens: dict[str, str] = answer.json()
    return tokens


async def refresh(
    http: httpx.AsyncClient, refresh_token: str, at: str = TOKEN, **changed: str
) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return await http.post(at, data=FORM | form | changed)


async def ask(http: httpx.AsyncClient, tokens: Mapping[str, Any], path: str = "/limits") -> httpx.Response:
    """One call at the instance that a token answer names."""
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    return await http.get(f"{tokens['instance_url']}{DATA}{path}", headers=headers)


async def query(client: httpx.AsyncClient, soql: str, every: bool = False) -> list[dict[str, Any]]:
    """Run a query to its end."""
    answer = await client.get(f"{DATA}/{'queryAll' if every else 'query'}", params={"q": soql})
    assert answer.status_code == 200, answer.text
    page = answer.json()
    found: list[dict[str, Any]] = page["records"]
    while not page["done"]:
        page = (await client.get(page["nextRecordsUrl"])).json()
        found += page["records"]
    return found


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal, an array of one at the API and an object at the OAuth endpoints."""
    body = answer.json()
    return answer.status_code, body[0]["errorCode"] if isinstance(body, list) else body["error"]
