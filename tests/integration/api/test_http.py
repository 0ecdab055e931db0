"""HTTP itself: what any path allows, how a preflight is answered, the id of a request, errors of the framework."""

from collections.abc import AsyncIterator

import httpx
import pytest

from astrelo.adapters.inbound.http.app import create_app
from astrelo.adapters.inbound.http.config import HttpConfig
from tests.support.harness.api import API, FRONTEND, JWT_SECRET, ApiHarness, api_harness

pytestmark = pytest.mark.anyio

STRANGER = "https://evil.test"
TRACING = "traceparent, tracestate, sentry-trace, baggage"
OURS = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, X-Request-Id"


@pytest.fixture
async def api(database: str) -> AsyncIterator[ApiHarness]:
    async with api_harness(database) as opened:
        yield opened


@pytest.fixture
async def page(api: ApiHarness) -> AsyncIterator[httpx.AsyncClient]:
    """What a page of another origin calls, which the API knows."""
    config = HttpConfig(frontend_url=FRONTEND, jwt_secret=JWT_SECRET, cors_origins=(FRONTEND,))
    transport = httpx.ASGITransport(create_app(api.container, config))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=API) as client:
        yield client


def preflight(method: str = "GET", headers: str = "", origin: str = FRONTEND) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_a_preflight_lets_our_methods_and_headers_and_those_of_tracing_pass(
    page: httpx.AsyncClient, method: str
) -> None:
    for wanted in (TRACING, OURS, OURS.lower(), ""):
        response = await page.options("/api/companies", headers=preflight(method, wanted))
        assert response.status_code == 204, wanted
        assert response.headers["access-control-allow-origin"] == FRONTEND
        assert response.headers["access-control-allow-credentials"] == "true"
        assert method in response.headers["access-control-allow-methods"].split(", ")
        allowed = response.headers["access-control-allow-headers"].lower().split(", ")
        assert set(wanted.lower().split(", ")) - {""} <= set(allowed)


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        (preflight(origin=STRANGER), "Origin"),
        (preflight(headers="x-unheard-of"), "x-unheard-of"),
        (preflight("TRACE"), "Access-Control-Request-Method"),
    ],
)
async def test_a_refused_preflight_is_a_problem_that_names_what_is_refused(
    page: httpx.AsyncClient, headers: dict[str, str], field: str
) -> None:
    response = await page.options("/api/companies", headers=headers)
    assert (response.status_code, response.json()["code"]) == (403, "preflight_refused")
    assert response.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert ("access-control-allow-origin" in response.headers) == (headers["Origin"] == FRONTEND)


async def test_a_page_may_read_what_it_is_answered_also_an_error(page: httpx.AsyncClient) -> None:
    for origin, expected in ((FRONTEND, FRONTEND), (STRANGER, None)):
        response = await page.get("/api/companies", headers={"Origin": origin})
        assert response.status_code == 401
        assert response.headers.get("access-control-allow-origin") == expected
        assert "Origin" in response.headers["vary"]
    assert "X-Request-Id" in (await page.get("/", headers={"Origin": FRONTEND})).headers[
        "access-control-expose-headers"
    ].split(", ")


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/companies", "GET, HEAD, OPTIONS"),
        ("/api/icp-profile", "GET, HEAD, OPTIONS, PUT"),
        ("/api/integrations/hubspot", "DELETE, GET, HEAD, OPTIONS"),
        ("/api/integrations/hubspot/authorize", "GET, HEAD, OPTIONS, POST"),
        ("/api/integrations/hubspot/sync", "OPTIONS, POST"),
    ],
)
async def test_options_and_a_refused_method_list_the_methods_of_the_path(
    api: ApiHarness, path: str, methods: str
) -> None:
    options = await api.client.options(path)
    assert (options.status_code, options.headers["allow"]) == (204, methods)
    refused = await api.ask("PATCH", path)
    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
    assert set(refused.headers["allow"].split(", ")) == set(methods.split(", "))


@pytest.mark.parametrize(
    ("sent", "is_kept"),
    [
        ("4bf92f3577b34da6a3ce929d0e0e4736", True),
        ("req_01J9-a.b", True),
        ("7", False),
        ("x" * 129, False),
        ("two words", False),
        ("<script>alert(1)</script>", False),
    ],
)
async def test_a_request_id_is_taken_over_if_it_looks_like_one(
    api: ApiHarness, sent: str, is_kept: bool
) -> None:
    response = await api.client.get("/health/live", headers={"X-Request-Id": sent})
    returned = response.headers["x-request-id"]
    assert (returned == sent) is is_kept
    assert len(returned) >= 8


@pytest.mark.parametrize("path", ["/nowhere", "/schema/nowhere", "/schema/nowhere.json", "/schema/rapidoc/x"])
async def test_a_path_that_there_is_not_is_a_problem_everywhere(api: ApiHarness, path: str) -> None:
    response = await api.client.get(path)
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


async def test_a_host_that_is_none_is_a_problem(api: ApiHarness) -> None:
    response = await api.client.get("/health/live", headers={"Host": "a b"})
    assert (response.status_code, response.json()["code"]) == (400, "malformed_request")


async def test_lists_are_compressed_for_clients_that_accept_it(api: ApiHarness) -> None:
    for _ in range(3):
        await api.company(company_name="Acme", description="A firm. " * 50)
    response = await api.get("/api/companies")
    assert response.headers["content-encoding"] == "gzip"
    assert len(response.json()["data"]) == 3
