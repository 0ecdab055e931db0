"""Input that makes no sense gets a clear 4xx, in our own words, and never a 5xx."""

import re
from collections.abc import AsyncIterator
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from tests.support.harness.api import ApiHarness, api_harness, token_of

pytestmark = pytest.mark.anyio

LISTS = ("companies", "contacts", "deals", "owners")
SENSELESS = (
    "companies?name=%00",
    "companies?name=",
    f"companies?name={'x' * 201}",
    "companies?industry=a%00b",
    "companies?domain=not+a+domain",
    "companies?naics=4",
    "companies?naics=44-99",
    "companies?naics=%25",
    "companies?naics=54%0A",
    "companies?country=us",
    "companies?country=US%0A",
    "companies?region=California",
    "companies?region=US-CA%0A",
    "companies?revenue_range=1M",
    "companies?revenue_range=null",
    "companies?updated_since=yesterday",
    "companies?updated_since=2026-01-01T00:00:00",
    "companies?updated_since=2026-01-01T00:00:00+02:00",
    "companies?updated_since=0001-01-01T00:00:00%2B14:00",
    "companies?updated_since=null",
    "companies?updated_since=2026",
    "companies?updated_since=1767225600",
    "companies?updated_since=-1.5",
    "companies?include_archived=perhaps",
    "contacts?company_id=7",
    "contacts?company_id=null",
    "contacts?linked=2",
    "contacts?linked=null",
    "contacts?unlinked_reason=because",
    "contacts?email=%00",
    "deals?company_id=100000000000000000000",
    "deals?is_won=",
    "deals?stage=%00",
    "companies?limit=1&limit=2",
    "companies?nam=acme",
    "companies?limit=1&page=2",
    "owners?name=x",
    "icp-profile?x=1",
    "integrations?x=1",
    "integrations/hubspot?purge=true",
)
ODD = (
    "companies?name=%ff",
    "companies?name=%ED%A0%80",
    "companies?name=null",
    "companies?name=%27%3B+drop+table+companies%3B--",
    "companies?name=%5C",
    "companies?updated_since=0001-01-01T00:00:00Z",
    "companies?updated_since=9999-12-31T23:59:59Z",
    "contacts?name=%F0%9F%A6%86",
)
BODIES = (
    (b"", "invalid_input"),
    (b"{", "malformed_request"),
    (b"\xff\xfe", "malformed_request"),
    (b'{"name": "\xff"}', "malformed_request"),
    (b'{"name": "\\ud800"}', "malformed_request"),
    (b"[]", "invalid_input"),
    (b"null", "invalid_input"),
    (b"{}", "invalid_input"),
    (b'{"name": ""}', "invalid_input"),
    (b'{"name": "\\u0000"}', "invalid_input"),
    (b'{"name": 7}', "invalid_input"),
    (b'{"name": "x", "colour": "red"}', "invalid_input"),
    (b'{"name": "x", "employee_min": 100000000000000000000}', "invalid_input"),
    (b'{"name": "x", "employee_min": 2147483648}', "invalid_input"),
    (b'{"name": "x", "employee_min": -1}', "invalid_input"),
    (b'{"name": "x", "employee_min": "5"}', "invalid_input"),
    (b'{"name": "x", "employee_min": "null"}', "invalid_input"),
    (b'{"name": "x", "employee_max": true}', "invalid_input"),
    (b'{"name": "x", "countries": "US"}', "invalid_input"),
    (b'{"name": "x", "countries": ["Germany"]}', "invalid_input"),
    (b'{"name": "x", "countries": ["US\\n"]}', "invalid_input"),
    (b'{"name": "x", "naics": ["x"]}', "invalid_input"),
    (b'{"name": "x", "naics": ["54\\n"]}', "invalid_input"),
    (b'{"name": "x", "revenue_ranges": ["big"]}', "invalid_input"),
    (b'{"name": "x", "industries": ["' + b"y" * 201 + b'"]}', "invalid_input"),
    (b'{"name": ' + b"[" * 2000 + b"]" * 2000 + b"}", "malformed_request"),
)
NOWHERE = (
    "/api/companies/7",
    "/api/companies/%00",
    f"/api/companies/{uuid4()}/contacts",
    "/api/integrations/pipedrive",
    "/api/integrations/%00",
    "/api/integrations/hubspot/runs/latest",
    "/api",
    "/",
    "/%ff",
    "/app",
)


@pytest.fixture
async def api(database: str) -> AsyncIterator[ApiHarness]:
    async with api_harness(database) as opened:
        yield opened


async def test_a_bad_page_cursor_and_a_limit_out_of_range_are_refused(api: ApiHarness) -> None:
    pages: tuple[dict[str, str], ...] = (
        {"cursor": "x"},
        {"cursor": str(uuid4())},
        {"cursor": "9" * 1000},
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "-1"},
        {"limit": "100000000000000000000"},
        {"limit": "many"},
        {"limit": ""},
        {"limit": "null"},
    )
    for kind, params in product(LISTS, pages):
        response = await api.ask("GET", f"/api/{kind}", params=params)
        assert response.status_code == 400, (kind, params)
        assert response.headers["content-type"] == "application/problem+json"
        (error,) = response.json()["errors"]
        assert error["field"] in params


async def test_a_parameter_that_makes_no_sense_is_refused_not_dropped(api: ApiHarness) -> None:
    for query in SENSELESS:
        response = await api.ask("GET", f"/api/{query}")
        assert response.status_code == 400, query
        assert response.json()["code"] in {"invalid_input", "unknown_parameter"}
        assert response.json()["errors"], query


async def test_odd_but_possible_text_simply_finds_nothing(api: ApiHarness) -> None:
    for query in ODD:
        response = await api.ask("GET", f"/api/{query}")
        assert (response.status_code, response.json()["data"]) == (200, []), query


async def test_malformed_json_and_bodies_of_another_shape_are_refused(api: ApiHarness) -> None:
    headers = {"Content-Type": "application/json"}
    for content, code in BODIES:
        response = await api.ask("PUT", "/api/icp-profile", content=content, headers=headers)
        assert (response.status_code, response.json()["code"]) == (400, code), content


async def test_a_body_that_is_too_large_or_not_json_is_refused(api: ApiHarness) -> None:
    for content_type, size, status, code in (
        ("application/json", 1_000_001, 413, "body_too_large"),
        ("text/plain", 10, 415, "unsupported_media_type"),
        ("application/x-www-form-urlencoded", 10, 415, "unsupported_media_type"),
    ):
        headers = {"Content-Type": content_type}
        response = await api.ask("PUT", "/api/icp-profile", content=b"x" * size, headers=headers)
        assert (response.status_code, response.json()["code"]) == (status, code)


async def test_a_client_that_hangs_up_in_the_middle_of_its_body_is_no_alarm(api: ApiHarness) -> None:
    """Answers of 500 and errors in the log are what operators are woken for."""
    said = [
        {"type": "http.request", "body": b'{"name": ', "more_body": True},
        {"type": "http.disconnect"},
    ]
    answered: list[Any] = []

    async def receive() -> Any:
        return said.pop(0)

    async def send(message: Any) -> None:
        answered.append(message)

    headers = {"authorization": f"Bearer {token_of(api.user_id)}", "content-type": "application/json"}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "PUT",
        "scheme": "http",
        "path": "/api/icp-profile",
        "raw_path": b"/api/icp-profile",
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    with capture_logs() as logs:
        await api.app(scope, receive, send)  # type: ignore[arg-type] # a plain dictionary is what servers give
    assert answered[0]["status"] == 400
    assert [entry for entry in logs if entry["log_level"] == "error"] == []


async def test_a_path_that_names_nothing_is_not_found(api: ApiHarness) -> None:
    for path in NOWHERE:
        response = await api.ask("GET", path)
        assert (response.status_code, response.json()["code"]) == (404, "not_found"), path


async def test_the_response_to_a_method_that_a_path_does_not_take_names_those_it_does(
    api: ApiHarness,
) -> None:
    response = await api.ask("PATCH", "/api/icp-profile")
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert {"GET", "PUT"} <= set(response.headers["allow"].split(", "))


async def test_head_answers_as_get_does_without_a_body(api: ApiHarness) -> None:
    get, head = [await api.ask(method, "/api/companies") for method in ("GET", "HEAD")]
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


async def test_every_api_route_refuses_a_stranger(api: ApiHarness) -> None:
    paths = api.app.openapi_schema.paths or {}
    open_to_all = {"/health/live", "/health/ready", "/metrics", "/api/integrations/{provider}/callback"}
    by_signature = {"/api/webhooks/{provider}"}
    for path in sorted(set(paths) - open_to_all - by_signature):
        concrete = path.replace("{provider}", "hubspot")
        concrete = re.sub(r"\{\w+_id\}", str(uuid4()), concrete)
        answers = [
            await api.client.request(method, concrete) for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        ]
        assert {answer.status_code for answer in answers} <= {401, 405}, path
