import re
from importlib.resources import files
from typing import Any, get_args

import httpx
import pytest

from crm_sandbox import Fault, FaultPlan, Rule
from crm_sandbox.salesforce import Flags, Sandbox, record_id
from crm_sandbox.salesforce.admin_api import ACTIONS
from crm_sandbox.salesforce.errors import _LOGIN_REFUSALS
from crm_sandbox.salesforce.org.mutations import Kind
from tests.salesforce.builders import DATA, FORM, NOW, TOKEN, query, refusal

pytestmark = pytest.mark.anyio

FIRST, SECOND = record_id("Account", 1), record_id("Account", 2)
LIMITS = f"{DATA}/limits"


async def call(http: httpx.AsyncClient, name: str, body: object) -> Any:
    answer = await http.post(f"/_sandbox/{name}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_about_describes_the_orgs(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    about = (await http.get("/_sandbox/about")).json()
    domain = f"{sandbox.org.my_domain}.my.salesforce.com"
    assert about["accounts"] == [{"id": sandbox.org.org_id, "name": "Small org", "my_domain": domain}]
    assert (about["now"], about["flags"]["session_seconds"]) == (NOW, 7200)


async def test_records_are_upserted_deleted_restored_erased_and_merged(client: httpx.AsyncClient) -> None:
    properties = {"Name": "New", "NumberOfEmployees": 12, "AnnualRevenue": "7.5", "Website": None}
    put = {"object": "Account", "id": FIRST, "properties": properties, "updatedAt": "2026-01-01T00:00:00.9Z"}
    assert await call(client, "records", {"records": [put]}) == {"ids": [FIRST]}
    columns = "Name, NumberOfEmployees, AnnualRevenue, SystemModstamp"
    [row] = await query(client, f"SELECT {columns} FROM Account WHERE Id = '{FIRST}'")
    assert (row["Name"], row["NumberOfEmployees"], row["AnnualRevenue"]) == ("New", 12, 7.5)
    assert row["SystemModstamp"] == "2026-01-01T00:00:00.000+0000"
    ids = {"object": "Account", "ids": [FIRST, record_id("Account", 9999)]}
    assert await call(client, "touch", ids) == {"touched": [FIRST]}
    assert await call(client, "archive", ids) == {"archived": [FIRST]}
    assert await call(client, "restore", ids) == {"restored": [FIRST]}
    assert await call(client, "merge", {"object": "Account", "primary": SECOND, "other": FIRST}) == {
        "id": SECOND
    }
    assert await call(client, "erase", ids) == {"erased": [FIRST]}


async def test_contact_roles_are_set_with_their_opportunity(client: httpx.AsyncClient) -> None:
    deal = record_id("Opportunity", 2)
    contacts = [{"id": record_id("Contact", 3), "primary": True}]
    put = {"object": "Opportunity", "id": deal, "associations": {"Contact": contacts}}
    await call(client, "records", {"records": [put]})
    soql = f"SELECT ContactId, IsPrimary FROM OpportunityContactRole WHERE OpportunityId = '{deal}'"
    [role] = await query(client, soql)
    assert (role["ContactId"], role["IsPrimary"]) == (record_id("Contact", 3), True)


async def test_tokens_are_expired_and_revoked(client: httpx.AsyncClient) -> None:
    assert (await client.get(LIMITS)).status_code == 200
    await call(client, "tokens", {"expire": True})
    assert (await client.get(LIMITS)).status_code == 401
    tokens = await call(client, "connect", {})
    await call(client, "tokens", {"revoke": True})
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert refusal(await client.post(TOKEN, data=FORM | form)) == (400, "invalid_grant")


async def test_requests_are_listed_with_their_family(
    client: httpx.AsyncClient, http: httpx.AsyncClient
) -> None:
    await client.get(f"{DATA}/query", params={"q": "SELECT Id FROM Account"})
    await client.get(f"{DATA}/sobjects/Contact/describe")
    await http.post(TOKEN)
    await http.get("https://login.salesforce.com/services/oauth2/authorize")
    requests = (await http.get("/_sandbox/requests")).json()
    assert [(one["family"], one["endpoint"]) for one in requests] == [
        ("crm", "GET /query Account"),
        ("crm", "GET /sobjects/Contact/describe"),
        ("oauth", "POST /services/oauth2/token"),
        ("browser", "GET /services/oauth2/authorize"),
    ]
    stats = (await http.get("/_sandbox/stats")).json()
    assert (stats["crm_requests"], stats["oauth_requests"], stats["token_refreshes"]) == (2, 1, 0)


DEFAULTS = [(400, "QUERY_TIMEOUT"), (401, "INVALID_SESSION_ID"), (403, "REQUEST_LIMIT_EXCEEDED")]
DEFAULTS += [(404, "NOT_FOUND"), (500, "UNKNOWN_EXCEPTION"), (503, "SERVER_UNAVAILABLE")]


@pytest.mark.parametrize(("status", "code"), DEFAULTS)
async def test_a_fault_has_the_shape_of_salesforces_errors(
    client: httpx.AsyncClient, sandbox: Sandbox, status: int, code: str
) -> None:
    sandbox.faults.add(Fault(kind="respond", status=status, match="/limits"))
    assert refusal(await client.get(LIMITS)) == (status, code)
    assert (await client.get(LIMITS)).status_code == 200


async def test_a_fault_with_an_unusual_status_is_an_html_page(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault(kind="respond", status=502))
    assert (await client.get(LIMITS)).headers["content-type"].startswith("text/html")


async def test_a_fault_at_the_token_endpoint_is_an_object(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(kind="respond", status=400), Fault(kind="respond", status=503))
    assert refusal(await http.post(TOKEN)) == (400, "rate_limit_exceeded")
    assert (await http.post(TOKEN)).json()["error"] == "server_unavailable"


@pytest.mark.parametrize("kind", ["drop", "cut", "drop_response"])
async def test_a_fault_breaks_the_connection(client: httpx.AsyncClient, sandbox: Sandbox, kind: str) -> None:
    sandbox.faults.add(Fault(kind=kind))  # type: ignore[arg-type] # the literals above
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get(LIMITS)
    assert (await client.get(LIMITS)).status_code == 200


async def test_faults_end_sessions_and_grants(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(kind="expire_tokens", skip=1))
    assert [(await client.get(LIMITS)).status_code for _ in range(2)] == [200, 401]
    sandbox.faults.add(Fault(kind="revoke_account"))
    await client.get(LIMITS)
    assert all(grant.revoked for grant in sandbox.oauth.grants)


async def test_a_fault_plan_strikes(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.set_plan(FaultPlan(rules=[Rule(kind="respond", status=503, probability=1, most=2)]))
    assert [(await client.get(LIMITS)).status_code for _ in range(3)] == [503, 503, 200]
    assert sandbox.planned.hits == [2]


MISTAKES: list[tuple[str, object, str]] = [
    ("flags", {"rotate": True}, "rotate"),
    ("flags", {"login_refusal": "unknown"}, "unknown"),
    ("records", {"records": [{"object": "Widget"}]}, "Widget"),
    ("records", {"records": [{"object": "Account", "id": "1"}]}, "15 or 18"),
    ("archive", {"object": "Account", "ids": [FIRST], "org_id": "00D"}, "org 00D"),
    ("merge", {"object": "Account", "primary": FIRST, "other": FIRST}, "two live"),
]


@pytest.mark.parametrize(("name", "body", "says"), MISTAKES)
async def test_a_wrong_body_is_400_with_the_reason(
    http: httpx.AsyncClient, name: str, body: object, says: str
) -> None:
    answer = await http.post(f"/_sandbox/{name}", json=body)
    assert answer.status_code == 400
    assert says in answer.json()["message"]


def test_the_reference_names_every_call_flag_and_login_refusal() -> None:
    page = (files("crm_sandbox") / "reference.md").read_text(encoding="utf-8")
    assert not [name for _, name in ACTIONS if not re.search(rf"(GET|POST) {name}\b", page)]
    words = {*Flags.__dataclass_fields__, *_LOGIN_REFUSALS}
    assert not [name for name in words if f"`{name}`" not in page]
    assert not [name for name in get_args(Kind) if name not in page]
