import httpx
import pytest

from crm_sandbox import Dataset, SandboxTransport
from crm_sandbox.hubspot import Sandbox, create_sandbox
from tests.hubspot.builders import NOW, company, consent, exchange

pytestmark = pytest.mark.anyio

COMPANIES = "/crm/objects/2026-09/companies"
SEARCH = f"{COMPANIES}/search"


async def test_the_headers_announce_the_window(client: httpx.AsyncClient) -> None:
    headers = (await client.get(COMPANIES)).headers
    assert headers["x-hubspot-ratelimit-max"] == "110"
    assert headers["x-hubspot-ratelimit-remaining"] == "109"
    assert headers["x-hubspot-ratelimit-interval-milliseconds"] == "10000"
    assert headers["x-hubspot-ratelimit-secondly"] == "11"
    assert headers["x-hubspot-correlation-id"]
    assert not [name for name in headers if "daily" in name]


async def test_the_111th_request_in_ten_seconds_is_refused(client: httpx.AsyncClient) -> None:
    answers = [await client.get(COMPANIES) for _ in range(111)]
    assert [answer.status_code for answer in answers] == [200] * 110 + [429]
    refused = answers[-1]
    assert refused.headers["x-hubspot-ratelimit-remaining"] == "0"
    assert "retry-after" not in refused.headers
    body = refused.json()
    assert body.pop("correlationId") == refused.headers["x-hubspot-correlation-id"]
    assert body == {
        "status": "error",
        "message": "You have reached your ten_secondly_rolling limit.",
        "errorType": "RATE_LIMIT",
        "policyName": "TEN_SECONDLY_ROLLING",
    }


async def test_the_window_rolls(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    for _ in range(60):
        await client.get(COMPANIES)
    sandbox.clock.advance(6)
    answers = [await client.get(COMPANIES) for _ in range(51)]
    assert [answer.status_code for answer in answers] == [200] * 50 + [429]
    sandbox.clock.advance(4)
    answers = [await client.get(COMPANIES) for _ in range(61)]
    assert [answer.status_code for answer in answers] == [200] * 60 + [429]


async def test_searches_have_five_a_second_of_their_own_and_no_headers(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    answers = [await client.post(SEARCH, json={}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1].json()["policyName"] == "SECONDLY"
    assert answers[-1].json()["message"] == "You have reached your secondly limit."
    assert not [name for name in answers[0].headers if "ratelimit" in name]
    assert (await client.get(COMPANIES)).headers["x-hubspot-ratelimit-remaining"] == "109"
    sandbox.clock.advance(1)
    assert (await client.post(SEARCH, json={})).status_code == 200


async def test_oauth_calls_are_counted_apart(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    tokens = (await exchange(http, (await consent(http))["code"])).json()
    answer = await http.get(COMPANIES, headers={"authorization": f"Bearer {tokens['access_token']}"})
    assert answer.headers["x-hubspot-ratelimit-remaining"] == "109"
    stats = sandbox.stats()
    assert (stats["crm_requests"], stats["oauth_requests"]) == (1, 1)


async def test_without_a_rate_limit_a_very_high_one_is_announced() -> None:
    sandbox = create_sandbox(Dataset.from_records([company(1)]), clock=lambda: NOW, rate_limit=False)
    token = sandbox.oauth.connect(sandbox.account.portal_id)["access_token"]
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        transport=SandboxTransport(sandbox), base_url="http://sandbox.test", headers=headers
    ) as client:
        answers = [await client.get(COMPANIES) for _ in range(150)]
    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].headers["x-hubspot-ratelimit-max"] == "1000000"


async def test_the_journal_proves_the_busiest_window(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    for seconds in (0, 5, 4, 1, 20):
        sandbox.clock.advance(seconds)
        await client.get(COMPANIES)
        await client.get(f"{COMPANIES}/1")
    assert sandbox.journal.count_busiest_window() == 6
    assert sandbox.stats()["by_endpoint"] == {
        "GET /crm/objects/companies": 5,
        "GET /crm/objects/companies/{id}": 5,
    }
