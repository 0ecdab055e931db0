import re
from importlib.resources import files
from typing import Any, get_args, get_type_hints

import httpx
import msgspec
import pytest

from crm_sandbox import FailureProfile, Fault, FaultPlan
from crm_sandbox.hubspot import Flags, Sandbox, WebhookSettings
from crm_sandbox.hubspot.admin_api import ACTIONS
from crm_sandbox.hubspot.mutations import Kind
from tests.hubspot.builders import NOW

pytestmark = pytest.mark.anyio

COMPANIES = "/crm/objects/2026-09/companies"


async def call(http: httpx.AsyncClient, name: str, body: object) -> Any:
    answer = await http.post(f"/_sandbox/{name}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_clock_is_advanced(client: httpx.AsyncClient) -> None:
    assert await call(client, "clock", {"advance_seconds": 1800}) == {"now": NOW + 1800}
    assert (await client.get(COMPANIES)).json()["category"] == "EXPIRED_AUTHENTICATION"


async def test_it_reports_what_is_there(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    about = (await http.get("/_sandbox/about")).json()
    portal_id = sandbox.account.portal_id
    assert about["accounts"] == [{"id": str(portal_id), "portal_id": portal_id, "name": "Small account"}]
    assert about["flags"]["requests_per_window"] == 110


async def test_a_connection_can_be_had_without_a_browser(http: httpx.AsyncClient) -> None:
    tokens = await call(http, "connect", {"scopes": ["oauth", "crm.objects.companies.read"]})
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    assert (await http.get(COMPANIES, headers=headers)).status_code == 200
    assert (await http.get("/crm/owners/2026-09", headers=headers)).status_code == 403


async def test_switches_are_set_one_by_one(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    body = await call(client, "flags", {"rotate_refresh_tokens": True, "requests_per_window": 2})
    assert (body["rotate_refresh_tokens"], body["association_page_size"]) == (True, 500)
    assert sandbox.flags.rotate_refresh_tokens
    assert [(await client.get(COMPANIES)).status_code for _ in range(3)] == [200, 200, 429]


async def test_faults_are_queued_listed_and_cleared(client: httpx.AsyncClient) -> None:
    body = await call(client, "faults", {"faults": [{"kind": "respond", "status": 500, "times": 9}]})
    assert [fault["times"] for fault in body["waiting"]] == [9]
    assert (await client.get(COMPANIES)).status_code == 500
    assert (await client.get("/_sandbox/faults")).json()["waiting"][0]["times"] == 8
    await client.delete("/_sandbox/faults")
    assert (await client.get(COMPANIES)).status_code == 200


async def test_records_are_put_changed_archived_and_deleted(client: httpx.AsyncClient) -> None:
    put = {
        "object": "companies",
        "id": "900",
        "properties": {"name": "New", "domain": None},
        "associations": {"contacts": [{"id": "1003", "primary": True}]},
        "updatedAt": "2026-01-01T00:00:00.000Z",
    }
    assert await call(client, "records", {"records": [put]}) == {"ids": ["900"]}
    change = {"object": "companies", "id": "900", "properties": {"domain": "new.com"}}
    await call(client, "records", {"records": [change]})
    record = (await client.get(f"{COMPANIES}/900", params={"associations": "contacts"})).json()
    assert (record["properties"]["name"], record["properties"]["domain"]) == ("New", "new.com")
    assert record["createdAt"] == "2026-01-01T00:00:00.000Z"
    assert record["associations"]["contacts"]["results"][0]["id"] == "1003"
    assert await call(client, "archive", {"object": "companies", "ids": ["900", "901"]}) == {
        "archived": ["900"]
    }
    assert (await client.get(f"{COMPANIES}/900")).status_code == 404
    assert await call(client, "delete", {"object": "companies", "ids": ["900", "901"]}) == {
        "deleted": ["900"]
    }


async def test_records_may_hold_what_utf8_cannot(client: httpx.AsyncClient) -> None:
    body = b'{"records": [{"object": "companies", "id": "1", "properties": {"name": "\\ud800"}}]}'
    assert (await client.post("/_sandbox/records", content=body)).status_code == 200
    assert b'"\\ud800"' in (await client.get(COMPANIES)).content


async def test_records_are_merged(client: httpx.AsyncClient) -> None:
    body = await call(client, "merge", {"object": "companies", "primary": "1", "other": "2"})
    assert (await client.get(f"{COMPANIES}/2")).json()["id"] == body["id"]


async def test_scopes_and_tokens_are_taken_away(client: httpx.AsyncClient) -> None:
    await call(client, "scopes", {"remove": ["crm.objects.companies.read"]})
    assert (await client.get(COMPANIES)).json()["category"] == "MISSING_SCOPES"
    await call(client, "tokens", {"expire": True})
    assert (await client.get(COMPANIES)).json()["category"] == "EXPIRED_AUTHENTICATION"
    await call(client, "tokens", {"revoke": True})
    assert (await client.get(COMPANIES)).json()["category"] == "INVALID_AUTHENTICATION"


async def test_the_secrets_and_the_requests_are_reported(client: httpx.AsyncClient) -> None:
    await client.get(COMPANIES)
    secrets = (await client.get("/_sandbox/secrets")).json()
    assert client.headers["authorization"].removeprefix("Bearer ") in {secret["value"] for secret in secrets}
    [request] = (await client.get("/_sandbox/requests")).json()
    assert (request["method"], request["path"], request["status"], request["time"]) == (
        "GET",
        COMPANIES,
        200,
        NOW,
    )
    stats = (await client.get("/_sandbox/stats")).json()
    assert stats["statuses"] == {"200": 1}
    assert stats["max_requests_in_window"] == 1


MISTAKES: list[tuple[str, object, str]] = [
    ("clock", {"seconds": 1}, "seconds"),
    ("flags", {"rotate": True}, "rotate"),
    ("faults", {"faults": [{"kind": "explode"}]}, "explode"),
    ("records", {"records": [{"object": "widgets"}]}, "widgets"),
    ("records", {"records": [{"object": "companies", "id": "x"}]}, "ids are digits"),
    ("archive", {"object": "companies", "ids": ["1"], "portal_id": 1}, "account 1"),
    ("merge", {"object": "companies", "primary": "1", "other": "1"}, "two live companies"),
]


@pytest.mark.parametrize(("name", "body", "says"), MISTAKES)
async def test_a_mistake_is_reported(http: httpx.AsyncClient, name: str, body: object, says: str) -> None:
    answer = await http.post(f"/_sandbox/{name}", json=body)
    assert answer.status_code == 400
    assert says in answer.json()["message"]


async def test_an_unknown_call_is_reported(http: httpx.AsyncClient) -> None:
    assert (await http.get("/_sandbox/nothing")).status_code == 404


def test_the_documentation_names_every_call_switch_and_fault() -> None:
    page = (files("crm_sandbox") / "reference.md").read_text(encoding="utf-8")
    calls = {name for _, name in ACTIONS}
    flags = set(Flags.__dataclass_fields__)
    faults = set(get_args(get_type_hints(Fault)["kind"]))
    profile = {*FailureProfile.__struct_fields__, *WebhookSettings.__struct_fields__}
    assert not [name for name in calls if not re.search(rf"(GET|POST) {name}\b", page)]
    assert not [name for name in flags | faults if f"`{name}`" not in page]
    assert not [name for name in profile if f"`{name}`" not in page and f'"{name}"' not in page]
    assert not [name for name in get_args(Kind) if name not in page]


def test_the_plan_in_the_documentation_is_one() -> None:
    page = (files("crm_sandbox") / "reference.md").read_text(encoding="utf-8")
    [example] = re.findall(r'```json\n(\{"seed".*?)```', page, flags=re.DOTALL)
    plan = msgspec.json.decode(example, type=FaultPlan)
    assert {429, 423, 477, 502} <= {rule.status for rule in plan.rules}
