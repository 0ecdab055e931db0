import httpx
import pytest

from crm_sandbox import FailureProfile, FaultPlan
from crm_sandbox.salesforce import RecordChange, Sandbox, record_id
from crm_sandbox.salesforce.flags import DAY_SECONDS
from tests.salesforce.builders import DATA, query, refusal

pytestmark = pytest.mark.anyio

ALL = "SELECT Id FROM Account ORDER BY Id"
SIZE = "Sforce-Query-Options"


async def page(client: httpx.AsyncClient, soql: str = ALL, size: str | None = None) -> httpx.Response:
    headers = {} if size is None else {SIZE: size}
    return await client.get(f"{DATA}/query", params={"q": soql}, headers=headers)


@pytest.mark.parametrize(
    ("batch_size", "rows"),
    [(None, 450), ("batchSize=250", 250), ("batchSize=1", 200), ("batchSize=99999", 450)],
)
async def test_a_batch_size_is_bounded(client: httpx.AsyncClient, batch_size: str | None, rows: int) -> None:
    first = (await page(client, size=batch_size)).json()
    assert len(first["records"]) == rows
    assert first["totalSize"] == 450
    assert first["done"] is (rows == 450)
    assert ("nextRecordsUrl" in first) is (rows < 450)


async def test_a_batch_size_must_be_a_number(client: httpx.AsyncClient) -> None:
    assert refusal(await page(client, size="batchSize=many"))[0] == 400


async def test_pagination_returns_every_row_once(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.flags.rows_per_page = 70
    sandbox.flags.short_page_every = 2
    found = [row["Id"] for row in await query(client, ALL)]
    assert found == [record_id("Account", number) for number in range(1, 451)]


async def test_pages_are_short_now_and_then(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.flags.short_page_every = 2
    first = (await page(client, size="batchSize=200")).json()
    second = (await client.get(first["nextRecordsUrl"])).json()
    assert (len(first["records"]), len(second["records"]), second["done"]) == (200, 100, False)


async def test_a_fault_plan_can_shorten_pages(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.set_plan(FaultPlan(index=FailureProfile(short_pages=1)))
    assert len((await page(client, size="batchSize=200")).json()["records"]) < 200
    assert len(await query(client, ALL)) == 450


async def test_a_page_can_be_read_again(client: httpx.AsyncClient) -> None:
    following = (await page(client, size="batchSize=200")).json()["nextRecordsUrl"]
    one, again = [(await client.get(following)).json() for _ in range(2)]
    assert one == again


async def test_the_rows_of_a_query_are_fixed_at_its_start(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    first = (await page(client, size="batchSize=200")).json()
    sandbox.org.upsert(
        RecordChange(object_name="Account", id=record_id("Account", 999), properties={"Name": "Late"})
    )
    sandbox.org.delete("Account", record_id("Account", 300))
    sandbox.org.upsert(
        RecordChange(object_name="Account", id=record_id("Account", 301), properties={"Name": "New"})
    )
    seen = first["records"]
    while not first["done"]:
        first = (await client.get(first["nextRecordsUrl"])).json()
        seen = seen + first["records"]
    ids = {row["Id"] for row in seen}
    assert record_id("Account", 999) not in ids
    assert record_id("Account", 300) not in ids
    assert record_id("Account", 301) in ids
    assert first["totalSize"] == 450


async def test_a_locator_expires_after_two_days(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.flags.session_seconds = 9 * DAY_SECONDS
    following = (await page(client, size="batchSize=200")).json()["nextRecordsUrl"]
    sandbox.clock.advance(sandbox.flags.locator_seconds - 1)
    tokens = sandbox.oauth.connect(sandbox.org.org_id)
    client.headers["authorization"] = f"Bearer {tokens['access_token']}"
    assert (await client.get(following)).status_code == 200
    sandbox.clock.advance(1)
    assert refusal(await client.get(following)) == (400, "INVALID_QUERY_LOCATOR")


async def test_the_eleventh_open_cursor_closes_the_oldest(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    limit = sandbox.flags.max_open_cursors
    oldest, *later = [(await page(client, size="batchSize=250")).json() for _ in range(limit)]
    assert (await client.get(later[0]["nextRecordsUrl"])).json()["done"]
    await page(client, size="batchSize=250")
    assert (await client.get(oldest["nextRecordsUrl"])).json()["done"]
    await page(client, size="batchSize=250")
    await page(client, size="batchSize=250")
    assert refusal(await client.get(later[1]["nextRecordsUrl"])) == (400, "INVALID_QUERY_LOCATOR")
    for read in (oldest, later[0], later[2]):
        assert (await client.get(read["nextRecordsUrl"])).status_code == 200


@pytest.mark.parametrize("locator", ["nothing", "01g000000000000AAA-200"])
async def test_an_unknown_locator_is_refused(client: httpx.AsyncClient, locator: str) -> None:
    assert refusal(await client.get(f"{DATA}/query/{locator}")) == (400, "INVALID_QUERY_LOCATOR")


async def test_rows_become_visible_after_the_publication_lag(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.flags.publish_lag_seconds = 60
    first = record_id("Account", 1)
    new = sandbox.org.upsert(RecordChange(object_name="Account", properties={"Name": "New"}))
    sandbox.org.upsert(RecordChange(object_name="Account", id=first, properties={"Name": "Changed"}))
    soql = f"SELECT Id, Name FROM Account WHERE Id IN ('{first}', '{new}') ORDER BY Id"
    sandbox.clock.advance(59)
    assert [row["Name"] for row in await query(client, soql)] == ["Account 1"]
    sandbox.clock.advance(1)
    assert [row["Name"] for row in await query(client, soql)] == ["Changed", "New"]


async def test_a_late_row_is_published_in_the_end(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.set_plan(FaultPlan(index=FailureProfile(late=1, late_seconds=(5, 10))))
    sandbox.org.delete("Account", record_id("Account", 1))
    assert len(await query(client, ALL)) == 450
    sandbox.clock.advance(11)
    assert len(await query(client, ALL)) == 449


async def test_a_raw_value_replaces_a_record(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.org.upsert(RecordChange(object_name="Account", id=record_id("Account", 1), raw={"Id": 5}))
    assert (await query(client, ALL))[0] == {"Id": 5}


async def test_the_limits_header_counts_requests(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.flags.daily_used = 700
    assert (await page(client)).headers["sforce-limit-info"] == "api-usage=701/100000"
    assert (await page(client, "SELECT")).headers["sforce-limit-info"] == "api-usage=702/100000"
    versions = await client.get("/services/data")
    assert "sforce-limit-info" not in versions.headers
    limits = (await client.get(f"{DATA}/limits")).json()
    assert limits["DailyApiRequests"] == {"Max": 100_000, "Remaining": 100_000 - 703}


async def test_requests_beyond_the_daily_limit_are_403_until_the_window_rolls(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.flags.daily_limit = 2
    sandbox.flags.session_seconds = 9 * DAY_SECONDS
    assert [(await page(client)).status_code for _ in range(2)] == [200, 200]
    answer = await page(client)
    assert refusal(answer) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert answer.json()[0]["message"] == "TotalRequests Limit exceeded."
    sandbox.clock.advance(DAY_SECONDS)
    tokens = sandbox.oauth.connect(sandbox.org.org_id)
    client.headers["authorization"] = f"Bearer {tokens['access_token']}"
    assert (await page(client)).status_code == 200


async def test_the_api_can_be_disabled(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.flags.api_enabled = False
    assert refusal(await page(client)) == (403, "API_DISABLED_FOR_ORG")


async def test_a_request_without_a_token_is_refused(http: httpx.AsyncClient) -> None:
    assert refusal(await http.get(f"{DATA}/limits")) == (401, "INVALID_SESSION_ID")


async def test_the_versions_need_no_token(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    versions = (await http.get("/services/data")).json()
    assert versions[-1] == {"label": "Winter '27", "url": "/services/data/v68.0", "version": "68.0"}
    assert {one["label"] for one in versions} >= {"Spring '26", "Summer '26", "Winter '26"}
    sandbox.flags.newest_version = 67
    assert (await http.get("/services/data")).json()[-1]["version"] == "67.0"
