import datetime as dt

import httpx
import pytest

from crm_sandbox.salesforce import RecordChange, Sandbox, record_id
from crm_sandbox.salesforce.flags import DAY_SECONDS
from tests.salesforce.builders import DATA, NOW, query, refusal

pytestmark = pytest.mark.anyio

FIRST, SECOND = record_id("Account", 1), record_id("Account", 2)
ADA = record_id("Contact", 1)
ROWS = f"{DATA}/sobjects/Account"


async def test_a_record_is_read_by_its_id_with_every_field(client: httpx.AsyncClient) -> None:
    described = (await client.get(f"{ROWS}/describe")).json()
    columns = ", ".join(field["name"] for field in described["fields"])
    [row] = await query(client, f"SELECT {columns} FROM Account WHERE Id = '{FIRST}'")
    assert (await client.get(f"{ROWS}/{FIRST}")).json() == row
    assert (await client.get(f"{ROWS}/{FIRST[:15]}/")).json() == row


async def test_the_fields_parameter_selects_fields_and_id_is_always_included(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get(f"{ROWS}/{FIRST}", params={"fields": "name,Website"})
    assert answer.json() == {
        "attributes": {"type": "Account", "url": f"{ROWS}/{FIRST}"},
        "Name": "Account 1",
        "Website": "a1.com",
        "Id": FIRST,
    }


@pytest.mark.parametrize("name", ["Organization", "OpportunityStage", "User"])
async def test_a_setup_record_is_read_by_its_id(client: httpx.AsyncClient, name: str) -> None:
    row = (await query(client, f"SELECT Id FROM {name}"))[0]
    assert (await client.get(f"{DATA}/sobjects/{name}/{row['Id']}")).json()["Id"] == row["Id"]


MISSING = [
    (f"{ROWS}/{record_id('Account', 9_999)}", 404, "NOT_FOUND"),
    (f"{ROWS}/{ADA}", 404, "NOT_FOUND"),
    (f"{ROWS}/nothing", 404, "NOT_FOUND"),
    (f"{DATA}/sobjects/Widget/{FIRST}", 404, "NOT_FOUND"),
    (f"{DATA}/sobjects/Widget", 404, "NOT_FOUND"),
    (f"{DATA}/sobjects/Widget/updated", 404, "NOT_FOUND"),
    (f"{ROWS}/{FIRST}?fields=Name,Nothing", 400, "INVALID_FIELD"),
    (f"{ROWS}/{FIRST}?fields=Owner.Name", 501, "NOT_SIMULATED"),
    (f"{ROWS}/{FIRST}/Contacts", 501, "NOT_SIMULATED"),
    (f"{ROWS}/listviews", 501, "NOT_SIMULATED"),
    (f"{DATA}/recent?limit=some", 400, "INVALID_PARAMETER"),
]


@pytest.mark.parametrize(("path", "status", "code"), MISSING)
async def test_an_unknown_record_or_object_is_404(
    client: httpx.AsyncClient, path: str, status: int, code: str
) -> None:
    assert refusal(await client.get(path)) == (status, code)


async def test_several_records_are_retrieved_by_their_ids(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.org.delete("Account", SECOND)
    wanted = [record_id("Account", 4), SECOND, FIRST, "nothing"]
    collection = f"{DATA}/composite/sobjects/Account"
    posted = (await client.post(collection, json={"ids": wanted, "fields": ["Name"]})).json()
    assert [row and row["Name"] for row in posted] == ["Account 4", None, "Account 1", None]
    got = (await client.get(collection, params={"ids": ",".join(wanted), "fields": "Name"})).json()
    assert got == posted
    without_fields = await client.get(collection, params={"ids": FIRST})
    assert refusal(without_fields) == (400, "MISSING_ARGUMENT")
    too_many = await client.post(collection, json={"ids": [FIRST] * 2001, "fields": ["Id"]})
    assert refusal(too_many) == (400, "EXCEEDED_ID_LIMIT")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_write_is_not_simulated(client: httpx.AsyncClient, method: str) -> None:
    assert refusal(await client.request(method, f"{ROWS}/{FIRST}")) == (501, "NOT_SIMULATED")
    assert refusal(await client.post(ROWS, json={"Name": "x"})) == (501, "NOT_SIMULATED")


async def test_a_deleted_record_is_not_read_by_its_id(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.org.delete("Account", FIRST)
    assert refusal(await client.get(f"{ROWS}/{FIRST}")) == (404, "ENTITY_IS_DELETED")
    sandbox.org.erase("Account", FIRST)
    assert refusal(await client.get(f"{ROWS}/{FIRST}")) == (404, "NOT_FOUND")


async def test_a_hidden_record_is_not_read_by_its_id(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.flags.hidden_records = [FIRST]
    assert refusal(await client.get(f"{ROWS}/{FIRST}")) == (404, "NOT_FOUND")


async def changed(client: httpx.AsyncClient, resource: str, before: float, after: float) -> httpx.Response:
    start, end = (
        dt.datetime.fromtimestamp(NOW + seconds, tz=dt.UTC).isoformat() for seconds in (-before, after)
    )
    return await client.get(f"{ROWS}/{resource}/", params={"start": start, "end": end})


async def test_updated_lists_live_records_that_changed(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    third = record_id("Account", 3)
    sandbox.org.upsert(RecordChange(object_name="Account", id=FIRST, properties={"Name": "x"}))
    sandbox.org.touch("Account", SECOND)
    sandbox.org.delete("Account", third)
    sandbox.clock.advance(120)
    answer = (await changed(client, "updated", 3600, 600)).json()
    assert set(answer["ids"]) == {FIRST, SECOND}
    assert answer["latestDateCovered"] == "2026-09-21T14:15:20.000+0000"
    assert (await changed(client, "updated", 3600, -60)).json()["ids"] == []


async def test_updated_goes_back_thirty_days(client: httpx.AsyncClient) -> None:
    assert (await changed(client, "updated", 29 * DAY_SECONDS, 0)).status_code == 200
    refused = await changed(client, "updated", 31 * DAY_SECONDS, 0)
    assert refusal(refused) == (400, "INVALID_REPLICATION_DATE")


async def test_a_hidden_record_is_in_no_replication_log(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.org.touch("Account", SECOND)
    sandbox.org.delete("Account", FIRST)
    sandbox.flags.hidden_records = [FIRST, SECOND]
    sandbox.clock.advance(120)
    assert (await changed(client, "deleted", 3600, 600)).json()["deletedRecords"] == []
    assert (await changed(client, "updated", 3600, 600)).json()["ids"] == []


async def test_recent_records_are_those_that_changed_last(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.org.upsert(RecordChange(object_name="Account", id=FIRST, properties={"Name": "New"}))
    sandbox.clock.advance(60)
    sandbox.org.upsert(RecordChange(object_name="Contact", id=ADA, properties={"LastName": "Love"}))
    account = {"attributes": {"type": "Account", "url": f"{ROWS}/{FIRST}"}, "Id": FIRST, "Name": "New"}
    found = (await client.get(f"{DATA}/recent", params={"limit": 2})).json()
    assert [row["Id"] for row in found] == [ADA, FIRST]
    assert found[1] == account
    assert len((await client.get(f"{DATA}/recent")).json()) == 200
    information = (await client.get(f"{ROWS}/")).json()
    assert information["recentItems"][0] == account
    assert information["objectDescribe"]["name"] == "Account"
    stages = (await client.get(f"{DATA}/sobjects/OpportunityStage")).json()
    assert stages["recentItems"] == []


async def test_the_resources_name_the_identity_url(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    found = (await client.get(f"{DATA}/")).json()
    assert found["recent"] == f"{DATA}/recent"
    assert found["identity"].startswith(f"https://login.salesforce.com/id/{sandbox.org.org_id}/005")
