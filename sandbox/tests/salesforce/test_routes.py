"""Which requests reach which endpoint, and what the others get."""

import httpx
import pytest

from crm_sandbox.http.requests import MAX_BODY_SIZE
from crm_sandbox.salesforce import Sandbox
from tests.salesforce.builders import DATA, LOGIN, TOKEN, refusal

pytestmark = pytest.mark.anyio

WRONG = [
    ("GET", f"{DATA}/query", 400, "MALFORMED_QUERY"),
    ("POST", f"{DATA}/query?q=SELECT+Id+FROM+Account", 405, "METHOD_NOT_ALLOWED"),
    ("POST", "/services/data", 405, "METHOD_NOT_ALLOWED"),
    ("GET", f"{DATA}/nothing", 404, "NOT_FOUND"),
    ("GET", "/services/data/v69.0/limits", 404, "NOT_FOUND"),
    ("GET", "/services/data/v68/limits", 404, "NOT_FOUND"),
    ("GET", "/services/data/v30.0/limits", 410, "GONE"),
    ("GET", f"{DATA}/query?q={'x' * 16_400}", 414, "URI_TOO_LONG"),
    ("GET", f"{DATA}/query?q={'x' * 16_200}", 431, "HEADERS_TOO_LONG"),
]


@pytest.mark.parametrize(("method", "path", "status", "code"), WRONG)
async def test_a_wrong_request_is_refused(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    assert refusal(await client.request(method, path)) == (status, code)


@pytest.mark.parametrize(
    ("method", "url", "allowed"),
    [
        ("PUT", f"{DATA}/jobs/query", "GET, POST"),
        ("POST", f"{DATA}/jobs/query/750000000000001AAA", "GET, PATCH, DELETE"),
        ("PUT", f"{DATA}/sobjects/Account", "GET"),
        ("POST", f"{DATA}/sobjects/Account/describe", "GET"),
        ("DELETE", f"{LOGIN}/services/oauth2/userinfo", "GET, POST"),
        ("GET", TOKEN, "POST"),
    ],
)
async def test_another_method_is_405_with_the_allowed_ones(
    client: httpx.AsyncClient, method: str, url: str, allowed: str
) -> None:
    answer = await client.request(method, url)
    assert refusal(answer) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["", "/limits", "/sobjects", "/sobjects/Account/describe", "/jobs/query"])
async def test_a_slash_at_the_end_of_a_path_changes_nothing(client: httpx.AsyncClient, path: str) -> None:
    plain, slashed = [await client.get(f"{DATA}{path}{end}") for end in ("", "/")]
    assert (plain.status_code, slashed.status_code) == (200, 200)
    assert plain.json().keys() == slashed.json().keys()


async def test_a_body_above_the_limit_is_413_in_the_apis_shape(client: httpx.AsyncClient) -> None:
    body = b"x" * (MAX_BODY_SIZE + 1)
    assert refusal(await client.post(f"{DATA}/jobs/query", content=body)) == (
        413,
        "REQUEST_ENTITY_TOO_LARGE",
    )
    assert refusal(await client.post(TOKEN, content=body)) == (413, "invalid_request")


async def test_requests_are_counted_by_endpoint_and_object(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    for path in (
        "/query?q=SELECT+Id+FROM+Account",
        "/query/01g000000000000000-2000",
        "/sobjects/Contact/003000000000001AAA/",
        "/nothing/here",
    ):
        await client.get(f"{DATA}{path}")
    assert [entry.endpoint for entry in sandbox.journal.entries] == [
        "GET /query Account",
        "GET /query/{locator}",
        "GET /sobjects/Contact/{id}",
        "GET /nothing/here",
    ]
