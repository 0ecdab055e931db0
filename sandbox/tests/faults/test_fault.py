import json

import httpx
import pytest

from crm_sandbox import Fault
from crm_sandbox.hubspot import Sandbox
from tests.hubspot.builders import consent, exchange, refresh

pytestmark = pytest.mark.anyio

COMPANIES = "/crm/objects/2026-09/companies"


async def test_a_fault_hits_the_next_match_and_is_used_up(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault(kind="respond", match="/companies", status=503))
    assert (await client.get("/crm/objects/2026-09/contacts")).status_code == 200
    assert [(await client.get(COMPANIES)).status_code for _ in range(2)] == [503, 200]


async def test_a_fault_may_skip_and_repeat(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(kind="respond", method="GET", skip=1, times=2, status=500))
    assert [(await client.get(COMPANIES)).status_code for _ in range(4)] == [200, 500, 500, 200]


async def test_5xx_comes_as_html_by_default(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(
        Fault(kind="respond", status=502), Fault(kind="respond", status=502, body={"message": "x"})
    )
    page, document = [await client.get(COMPANIES) for _ in range(2)]
    assert page.headers["content-type"].startswith("text/html")
    assert document.json() == {"message": "x"}


async def test_429_comes_with_the_body_of_its_policy_and_the_headers_asked_for(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault(kind="respond", status=429, policy="DAILY", headers={"retry-after": "7"}))
    answer = await client.get(COMPANIES)
    assert answer.json()["policyName"] == "DAILY"
    assert answer.headers["retry-after"] == "7"


async def test_477_can_say_how_long(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(kind="respond", status=477, headers={"retry-after": "3600"}))
    answer = await client.get(COMPANIES)
    assert (answer.status_code, answer.headers["retry-after"]) == (477, "3600")


async def test_a_lock_comes_with_hubspots_error(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(kind="respond", status=423))
    assert (await client.get(COMPANIES)).json()["category"] == "LOCKED"


@pytest.mark.parametrize("kind", ["drop", "cut", "drop_response"])
async def test_a_broken_connection_is_a_protocol_error(
    client: httpx.AsyncClient, sandbox: Sandbox, kind: str
) -> None:
    sandbox.faults.add(Fault(kind=kind))  # type: ignore[arg-type] # the literals above
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get(COMPANIES)
    assert (await client.get(COMPANIES)).status_code == 200


async def test_a_truncated_answer_is_not_json(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(kind="truncate"))
    answer = await client.get(COMPANIES)
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


async def test_a_slow_answer_meets_the_clients_read_timeout(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault(kind="delay", delay_ms=60_000))
    with pytest.raises(httpx.ReadTimeout):
        await client.get(COMPANIES, timeout=0.01)


async def test_latency_holds_every_answer(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.flags.latency_ms = 60_000
    for _ in range(2):
        with pytest.raises(httpx.ReadTimeout):
            await client.get(COMPANIES, timeout=0.01)


async def test_tokens_may_expire_during_pagination(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(kind="expire_tokens", skip=1))
    assert (await client.get(COMPANIES)).status_code == 200
    assert (await client.get(COMPANIES)).json()["category"] == "EXPIRED_AUTHENTICATION"


async def test_an_account_may_be_revoked_during_pagination(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault(kind="revoke_account"))
    assert (await client.get(COMPANIES)).json()["category"] == "INVALID_AUTHENTICATION"
    renewal = await refresh(client, sandbox.oauth.grants[0].refresh_token)
    assert renewal.json()["status"] == "BAD_REFRESH_TOKEN"


async def test_a_lost_refresh_answer_has_rotated_all_the_same(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.flags.rotate_refresh_tokens = True
    tokens = (await exchange(http, (await consent(http))["code"])).json()
    sandbox.faults.add(Fault(kind="drop_response", match="/token"))
    with pytest.raises(httpx.RemoteProtocolError):
        await refresh(http, tokens["refresh_token"])
    again = await refresh(http, tokens["refresh_token"])
    assert again.json()["status"] == "BAD_REFRESH_TOKEN"


async def test_a_dropped_request_stands_in_the_journal_without_a_status(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault(kind="drop"))
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get(COMPANIES)
    assert [entry.status for entry in sandbox.journal.entries] == [0]
