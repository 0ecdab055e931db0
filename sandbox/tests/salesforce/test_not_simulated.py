"""What Salesforce has and the sandbox does not play says so, and never looks like an error of Salesforce."""

import httpx
import pytest

from tests.salesforce.builders import AUTHORIZE, DATA, FORM, LOGIN, TOKEN, authorization, refusal

pytestmark = pytest.mark.anyio

REQUESTS = [
    ("GET", f"{DATA}/search?q=FIND+x", "GET /search"),
    ("POST", f"{DATA}/composite", "POST /composite"),
    ("PATCH", f"{DATA}/composite/sobjects/Account", "PATCH /composite/sobjects/{object}"),
    ("GET", f"{DATA}/tooling/query?q=x", "GET /tooling/query"),
    ("GET", f"{DATA}/tabs", "GET /tabs"),
    ("POST", f"{DATA}/jobs/ingest", "POST /jobs/ingest"),
    ("GET", f"{DATA}/sobjects/Account/describe/layouts", "GET /sobjects/Account/describe/layouts"),
    ("GET", f"{DATA}/sobjects/Lead/describe", "the object Lead"),
    ("GET", f"{DATA}/limits?sort=x", "the query parameter sort here"),
    ("GET", f"{DATA}/query?explain=SELECT+Id+FROM+Account", "the query parameter explain here"),
    ("GET", f"{DATA}/query?q=x&q=y", "a query parameter that is sent twice: q"),
]


@pytest.mark.parametrize(("method", "path", "what"), REQUESTS)
async def test_a_rest_resource_that_is_not_simulated_is_501(
    client: httpx.AsyncClient, method: str, path: str, what: str
) -> None:
    answer = await client.request(method, path)
    assert refusal(answer) == (501, "NOT_SIMULATED")
    assert answer.json()[0]["message"].startswith(f"the sandbox does not play {what}")


async def test_xml_responses_are_not_simulated(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{DATA}/limits", headers={"accept": "application/xml"})
    assert refusal(answer) == (501, "NOT_SIMULATED")


OTHER_APIS = [
    ("POST", "/services/async/59.0/job", "the Bulk API 1.0"),
    ("POST", "/services/Soap/u/59.0", "the SOAP API"),
    ("GET", "/services/apexrest/mine", "Apex REST"),
    ("GET", "/services/later", "/services/later"),
    ("GET", "/.well-known/openid-configuration", "/.well-known/openid-configuration"),
    ("GET", "/id/keys", "/id/keys"),
    ("GET", "/lightning/page/home", "/lightning/page/home"),
]


@pytest.mark.parametrize(("method", "path", "what"), OTHER_APIS)
async def test_another_api_is_501_instead_of_401(
    http: httpx.AsyncClient, method: str, path: str, what: str
) -> None:
    answer = await http.request(method, path, headers={"x-sfdc-session": "any"})
    assert refusal(answer) == (501, "NOT_SIMULATED")
    assert answer.json()[0]["message"].startswith(f"the sandbox does not play {what}")


@pytest.mark.parametrize("path", ["/services/data", f"{DATA}/limits"])
async def test_head_is_501(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.head(path)
    assert (answer.status_code, answer.content) == (501, b"")
    assert 'rel="help"' in answer.headers["link"]


async def test_another_oauth_flow_is_501(http: httpx.AsyncClient) -> None:
    for grant_type in ("password", "client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer"):
        answer = await http.post(TOKEN, data=FORM | {"grant_type": grant_type})
        assert refusal(answer) == (501, "NOT_SIMULATED")
    device = {"response_type": "device_code", "client_id": "any"}
    assert refusal(await http.post(TOKEN, data=device)) == (501, "NOT_SIMULATED")
    answer = await http.get(AUTHORIZE, params=authorization(response_type="token"))
    assert refusal(answer) == (501, "NOT_SIMULATED")
    assert refusal(await http.post(f"{LOGIN}/services/oauth2/register")) == (501, "NOT_SIMULATED")


async def test_a_missing_token_is_401_before_501(http: httpx.AsyncClient) -> None:
    assert refusal(await http.get(f"{DATA}/tooling/query")) == (401, "INVALID_SESSION_ID")
