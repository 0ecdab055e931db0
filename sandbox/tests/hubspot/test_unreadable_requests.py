"""Values that Python's own readers refuse get HubSpot's 400, not a broken server."""

import httpx
import pytest

from crm_sandbox import serve_in_thread
from crm_sandbox.hubspot import Sandbox

pytestmark = pytest.mark.anyio

COMPANIES = "/crm/objects/2026-09/companies"
LONG = "9" * 4_301
DEEP = "[" * 100_000
JSON = {"content-type": "application/json"}


def search(value: str) -> str:
    filters = f'[{{"propertyName": "name", "operator": "EQ", "value": {value}}}]'
    return f'{{"filterGroups": [{{"filters": {filters}}}]}}'


BODIES = {
    "a number of 4,301 digits": search(LONG),
    "a lone surrogate": search('"\\ud800"'),
    "deep nesting": DEEP,
    "deep nesting inside": search("[" * 5_000 + "]" * 5_000),
    "a page from a long number on": f'{{"after": "{LONG}"}}',
    "not UTF-8": "\udcff",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_a_search_that_cannot_be_read_is_refused(client: httpx.AsyncClient, body: str) -> None:
    content = body.encode(errors="surrogateescape")
    response = await client.post(f"{COMPANIES}/search", content=content, headers=JSON)
    assert response.status_code in {200, 400}
    if response.status_code == 400:
        assert response.json()["category"] == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    "target",
    [f"?limit={LONG}", f"?after={LONG}", f"/{LONG}", f"?archived={LONG}", "?limit=10&after=%ED%A0%80"],
)
async def test_a_target_that_cannot_be_read_is_refused(client: httpx.AsyncClient, target: str) -> None:
    response = await client.get(f"{COMPANIES}{target}")
    assert response.status_code in {200, 400, 404}
    assert response.json()


async def test_oauth_refuses_in_its_own_shape(http: httpx.AsyncClient) -> None:
    for body in (f"grant_type={LONG}", "grant_type=%ED%A0%80&client_id=%FF", f"portal_id={LONG}"):
        response = await http.post(
            "/oauth/v1/token", content=body, headers={"content-type": "application/x-www-form-urlencoded"}
        )
        assert response.status_code == 400
        assert response.json()["message"]


@pytest.mark.parametrize("call", ["clock", "flags", "faults", "fault-plan"])
async def test_the_admin_api_refuses_what_it_cannot_read(client: httpx.AsyncClient, call: str) -> None:
    for body in (DEEP, LONG, f'{{"advance_seconds": {LONG}}}', '{"latency_ms": NaN}', "\udcff"):
        response = await client.post(f"/_sandbox/{call}", content=body.encode(errors="surrogateescape"))
        assert response.status_code == 400, body[:40]
        assert response.json()["message"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e300", "-1e11"])
async def test_times_are_finite(client: httpx.AsyncClient, number: str) -> None:
    for call, body in {
        "clock": f'{{"advance_seconds": {number}}}',
        "flags": f'{{"latency_ms": {number}}}',
        "faults": f'{{"faults": [{{"kind": "delay", "delay_ms": {number}}}]}}',
    }.items():
        assert (await client.post(f"/_sandbox/{call}", content=body)).status_code == 400, call
    assert (await client.get(f"{COMPANIES}?limit=1")).status_code == 200


def test_over_a_socket_it_is_the_same(sandbox: Sandbox) -> None:
    with serve_in_thread(sandbox) as url, httpx.Client(base_url=url) as client:
        assert client.post("/_sandbox/clock", content=DEEP).status_code == 400
        assert client.get("/oauth/v1/access-tokens/" + "%ED%A0%80").status_code in {400, 404}
