"""Values that Python's own readers refuse get Salesforce's 400, not a broken server."""

import httpx
import pytest

pytestmark = pytest.mark.anyio

DATA = "/services/data/v60.0"
LONG = "9" * 4_301
NESTED = "(" * 1_000
DEEP = "[" * 100_000

QUERIES = {
    "a limit of 4,301 digits": f"SELECT Id FROM Account LIMIT {LONG}",
    "a literal of 4,301 digits": f"SELECT Id FROM Account WHERE NumberOfEmployees = {LONG}",
    "an exponent": "SELECT Id FROM Account WHERE NumberOfEmployees = 1e999999999",
    "1,000 parentheses": f"SELECT Id FROM Account WHERE {NESTED}Name = 'x'{')' * 1_000}",
    "a lone surrogate": "SELECT Id FROM Account WHERE Name = '\\ud800'",
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
async def test_a_query_that_cannot_be_read_is_refused(client: httpx.AsyncClient, query: str) -> None:
    response = await client.get(f"{DATA}/query", params={"q": query})
    assert response.status_code in {200, 400}
    if response.status_code == 400:
        assert response.json()[0]["errorCode"]


@pytest.mark.parametrize(
    "path", [f"/services/data/v{LONG}.0/query", f"{DATA}/recent?limit={LONG}", f"{DATA}/query/{LONG}-2000"]
)
async def test_a_target_that_cannot_be_read_is_refused(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code in {400, 404, 501}
    assert response.json()[0]["errorCode"]


@pytest.mark.parametrize("body", [DEEP, LONG, '{"operation": "query", "query": "\\ud800"}', "\udcff"])
async def test_a_body_that_cannot_be_read_is_refused(client: httpx.AsyncClient, body: str) -> None:
    response = await client.post(
        f"{DATA}/jobs/query",
        content=body.encode(errors="surrogateescape"),
        headers={"content-type": "application/json"},
    )
    assert response.status_code == 400
    assert response.json()[0]["errorCode"]


async def test_oauth_refuses_in_its_own_shape(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/services/oauth2/token",
        content=f"grant_type={LONG}&client_id=%ED%A0%80",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert response.status_code == 400
    assert response.json()["error"]
