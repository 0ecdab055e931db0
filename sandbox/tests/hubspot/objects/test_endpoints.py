from typing import Any

import httpx
import pytest

from crm_sandbox import Dataset, SandboxTransport
from crm_sandbox.hubspot import RecordChange, Sandbox, create_sandbox
from tests.hubspot.builders import CREATED, NOW, UPDATED, company

pytestmark = pytest.mark.anyio

COMPANIES = "/crm/objects/2026-09/companies"


async def list_pages(
    client: httpx.AsyncClient, url: str = COMPANIES, **params: Any
) -> list[list[dict[str, Any]]]:
    """Every page of a list."""
    pages = []
    after: str | None = None
    while True:
        body = (await client.get(url, params=params | ({"after": after} if after else {}))).json()
        pages.append(body["results"])
        if "paging" not in body:
            return pages
        after = body["paging"]["next"]["after"]


async def test_pagination_gives_every_record_once_in_the_order_of_ids(client: httpx.AsyncClient) -> None:
    pages = await list_pages(client, limit=100)
    assert [len(page) for page in pages] == [100, 100, 50]
    assert [record["id"] for page in pages for record in page] == [str(number) for number in range(1, 251)]


async def test_the_default_page_has_ten_records(client: httpx.AsyncClient) -> None:
    assert len((await client.get(COMPANIES)).json()["results"]) == 10


async def test_the_last_page_has_no_paging_even_when_it_is_full(client: httpx.AsyncClient) -> None:
    pages = await list_pages(client, limit=50)
    assert [len(page) for page in pages] == [50] * 5


async def test_a_cursor_survives_the_removal_of_its_record(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    after = (await client.get(COMPANIES, params={"limit": 100})).json()["paging"]["next"]["after"]
    sandbox.account.delete("companies", after)
    following = (await client.get(COMPANIES, params={"limit": 100, "after": after})).json()["results"]
    assert following[0]["id"] == "102"


async def test_a_record_created_during_pagination_comes_at_its_end(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    new_id = sandbox.account.upsert(RecordChange(object_name="companies"))
    assert (await list_pages(client, limit=100))[-1][-1]["id"] == new_id


async def test_a_record_has_hubspots_shape(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    record = (await client.get(f"{COMPANIES}/7")).json()
    assert record == {
        "id": "7",
        "properties": {
            "createdate": CREATED,
            "hs_lastmodifieddate": UPDATED,
            "hs_object_id": "7",
            "name": "Company 7",
            "domain": "c7.com",
        },
        "createdAt": CREATED,
        "updatedAt": UPDATED,
        "archived": False,
        "url": f"https://app.hubspot.com/contacts/{sandbox.account.portal_id}/record/0-2/7",
    }


async def test_asked_properties_are_null_when_unset_and_absent_when_unknown(
    client: httpx.AsyncClient,
) -> None:
    record = (await client.get(f"{COMPANIES}/7", params={"properties": "industry,nonsense"})).json()
    assert record["properties"] == {
        "createdate": CREATED,
        "hs_lastmodifieddate": UPDATED,
        "hs_object_id": "7",
        "industry": None,
    }


async def test_contacts_bring_their_own_modified_date(client: httpx.AsyncClient) -> None:
    record = (await client.get("/crm/objects/2026-09/contacts/1001")).json()
    assert sorted(record["properties"]) == ["createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"]  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        COMPANIES,
        "/crm/objects/2026-03/companies",
        "/crm/v3/objects/companies",
        "/crm/objects/2026-09/0-2",
        "/crm/objects/2026-09/company",
    ],
)
async def test_every_version_and_name_is_the_same_list(client: httpx.AsyncClient, url: str) -> None:
    assert (await client.get(url)).json()["results"] == (await client.get(COMPANIES)).json()["results"]


async def test_archived_records_are_listed_apart(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.account.archive("companies", "9")
    [[archived]] = await list_pages(client, limit=100, archived="true")
    assert (archived["id"], archived["archived"]) == ("9", True)
    assert archived["archivedAt"] == archived["updatedAt"] == "2026-09-21T14:13:20.000Z"
    assert sum(map(len, await list_pages(client, limit=100))) == 249
    assert (await client.get(f"{COMPANIES}/9", params={"archived": "true"})).status_code == 200


async def test_history_shows_the_value_and_its_time(client: httpx.AsyncClient) -> None:
    record = (await client.get(f"{COMPANIES}/7", params={"propertiesWithHistory": "name,industry"})).json()
    assert record["propertiesWithHistory"]["name"][0]["value"] == "Company 7"
    assert record["propertiesWithHistory"]["industry"] == []


async def test_inline_associations_list_a_primary_link_twice(client: httpx.AsyncClient) -> None:
    record = (await client.get(f"{COMPANIES}/1", params={"associations": "contacts,deals"})).json()
    assert record["associations"]["contacts"]["results"] == [
        {"id": "1001", "type": "company_to_contact"},
        {"id": "1001", "type": "company_to_contact_unlabeled"},
        {"id": "1002", "type": "company_to_contact"},
        {"id": "1002", "type": "company_to_contact_unlabeled"},
    ]
    assert [one["id"] for one in record["associations"]["deals"]["results"]] == ["2001", "2001"]
    other = (await client.get(f"{COMPANIES}/2", params={"associations": "contacts"})).json()
    assert "associations" not in other


async def test_a_batch_read_finds_the_rest_and_names_the_misses(client: httpx.AsyncClient) -> None:
    body = {
        "inputs": [{"id": "1"}, {"id": "999"}, {"id": "998"}],
        "properties": ["name"],
        "propertiesWithHistory": [],
    }
    answer = await client.post(f"{COMPANIES}/batch/read", json=body)
    body = answer.json()
    assert (answer.status_code, body["status"], body["numErrors"]) == (207, "COMPLETE", 1)
    assert [record["id"] for record in body["results"]] == ["1"]
    assert body["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert body["errors"][0]["context"] == {"ids": ["999", "998"]}


async def test_a_batch_needs_inputs_alone(client: httpx.AsyncClient) -> None:
    bare = await client.post(f"{COMPANIES}/batch/read", json={"inputs": [{"id": "1"}]})
    assert bare.json()["results"] == [(await client.get(f"{COMPANIES}/1")).json()]
    body = {"inputs": [{"id": "1"}], "properties": ["industry"], "propertiesWithHistory": None}
    named = await client.post(f"{COMPANIES}/batch/read", json=body)
    assert named.json()["results"][0]["properties"]["industry"] is None


async def test_a_batch_takes_numbers_for_ids(client: httpx.AsyncClient) -> None:
    body = {"inputs": [{"id": 1}, {"id": 2}], "properties": ["name"], "propertiesWithHistory": []}
    answer = await client.post(f"{COMPANIES}/batch/read", json=body)
    assert [record["id"] for record in answer.json()["results"]] == ["1", "2"]


async def test_a_batch_read_of_a_hundred_is_complete(client: httpx.AsyncClient) -> None:
    body = {"inputs": [{"id": str(n)} for n in range(1, 101)], "properties": [], "propertiesWithHistory": []}
    answer = await client.post(f"{COMPANIES}/batch/read", json=body)
    assert answer.status_code == 200
    assert len(answer.json()["results"]) == 100
    assert "errors" not in answer.json()


async def test_contacts_are_found_by_email_in_any_case(client: httpx.AsyncClient) -> None:
    body = {
        "inputs": [{"id": "BO@c1.com"}],
        "properties": [],
        "propertiesWithHistory": [],
        "idProperty": "email",
    }
    answer = await client.post("/crm/objects/2026-09/contacts/batch/read", json=body)
    assert [record["id"] for record in answer.json()["results"]] == ["1002"]


async def test_a_merge_makes_a_third_record_that_both_old_ids_find(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    new_id = sandbox.account.merge("companies", "1", "2")
    for old in ("1", "2"):
        record = (
            await client.get(f"{COMPANIES}/{old}", params={"properties": "hs_merged_object_ids,name"})
        ).json()
        assert record["id"] == new_id
        assert record["properties"]["hs_merged_object_ids"] == "1;2"
        assert record["properties"]["name"] == "Company 1"
    ids = [record["id"] for page in await list_pages(client, limit=100) for record in page]
    assert {"1", "2"}.isdisjoint(ids)
    assert new_id in ids
    linked = await client.get(f"/crm/v4/objects/companies/{new_id}/associations/contacts")
    assert [one["toObjectId"] for one in linked.json()["results"]] == [1001, 1002]


async def test_a_page_may_repeat_the_record_before_it(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.flags.duplicate_across_pages = True
    pages = await list_pages(client, limit=100)
    assert pages[1][0]["id"] == pages[0][-1]["id"] == "100"
    assert len(pages[1]) == 101


async def test_raw_json_stands_in_for_a_record(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.account.upsert(RecordChange(object_name="companies", id="2", raw=None))
    sandbox.account.upsert(RecordChange(object_name="companies", id="3", raw={"id": 3}))
    results = (await client.get(COMPANIES)).json()["results"]
    assert results[1:3] == [None, {"id": 3}]


async def test_lone_surrogates_and_nul_are_escaped_in_the_json(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.account.upsert(
        RecordChange(object_name="companies", id="2", properties={"name": "a\ud800b\x00c"})
    )
    answer = await client.get(COMPANIES)
    assert b'"a\\ud800b\\u0000c"' in answer.content


async def test_each_token_sees_its_own_account_only() -> None:
    datasets = [Dataset.from_records([company(1, name=name)], name=name) for name in ("One", "Two")]
    sandbox = create_sandbox(*datasets, clock=lambda: NOW)
    async with httpx.AsyncClient(transport=SandboxTransport(sandbox), base_url="http://sandbox.test") as http:
        for dataset in datasets:
            token = sandbox.oauth.connect(dataset.account_id)["access_token"]
            record = await http.get(f"{COMPANIES}/1", headers={"authorization": f"Bearer {token}"})
            assert record.json()["properties"]["name"] == dataset.name
