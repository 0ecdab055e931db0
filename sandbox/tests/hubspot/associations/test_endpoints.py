from typing import Any

import httpx
import pytest

from crm_sandbox import Association
from crm_sandbox.hubspot import RecordChange, Sandbox

pytestmark = pytest.mark.anyio


async def read(client: httpx.AsyncClient, pair: str, *inputs: dict[str, str]) -> httpx.Response:
    return await client.post(f"/crm/associations/2026-09/{pair}/batch/read", json={"inputs": list(inputs)})


def ids(result: dict[str, Any]) -> list[int | str]:
    return [one["toObjectId"] for one in result["to"]]


TYPES = [
    ("contacts/companies", "1001", 1, 279, 1, "Primary"),
    ("companies/contacts", "1", 1001, 280, 2, "Contact with Primary Company"),
    ("deals/companies", "2001", 1, 341, 5, "Primary"),
    ("companies/deals", "1", 2001, 342, 6, "Deal with Primary Company"),
]


@pytest.mark.parametrize(("pair", "source", "target", "any_type", "primary_type", "label"), TYPES)
async def test_a_primary_link_has_both_types(
    client: httpx.AsyncClient,
    pair: str,
    source: str,
    target: int,
    any_type: int,
    primary_type: int,
    label: str,
) -> None:
    answer = await read(client, pair, {"id": source})
    assert answer.status_code == 200
    assert answer.json()["results"][0]["from"] == {"id": source}
    assert answer.json()["results"][0]["to"][0] == {
        "toObjectId": target,
        "associationTypes": [
            {"category": "HUBSPOT_DEFINED", "typeId": any_type, "label": None},
            {"category": "HUBSPOT_DEFINED", "typeId": primary_type, "label": label},
        ],
    }


@pytest.mark.parametrize(
    ("pair", "source", "type_id"), [("deals/contacts", "2001", 3), ("contacts/deals", "1001", 4)]
)
async def test_deals_and_contacts_know_no_primary(
    client: httpx.AsyncClient, pair: str, source: str, type_id: int
) -> None:
    [first, *_] = (await read(client, pair, {"id": source})).json()["results"][0]["to"]
    assert [one["typeId"] for one in first["associationTypes"]] == [type_id]


async def test_a_record_without_links_is_a_miss_in_a_207(client: httpx.AsyncClient) -> None:
    answer = await read(client, "deals/companies", {"id": "2001"}, {"id": "2002"}, {"id": "999"})
    body = answer.json()
    assert (answer.status_code, body["status"], body["numErrors"]) == (207, "COMPLETE", 2)
    assert [one["from"]["id"] for one in body["results"]] == ["2001"]
    assert body["errors"][0] == {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": "No company is associated with deal 2002.",
        "context": {"fromObjectId": ["2002"], "fromObjectType": ["deal"], "toObjectType": ["company"]},
    }


async def test_a_thousand_ids_are_read_at_once(client: httpx.AsyncClient) -> None:
    answer = await read(client, "contacts/companies", *({"id": str(n)} for n in range(1000, 2000)))
    assert answer.status_code == 207
    assert len(answer.json()["results"]) == 2


async def test_an_entry_with_many_links_is_paged_inside(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.flags.association_page_size = 2
    for number in ("3001", "3002", "3003"):
        sandbox.account.upsert(RecordChange(object_name="contacts", id=number))
    people = [Association(id=number) for number in ("3003", "3001", "1003", "3002")]
    sandbox.account.upsert(RecordChange(object_name="companies", id="5", associations={"contacts": people}))
    found: list[int | str] = []
    entry = {"id": "5"}
    while True:
        [result] = (await read(client, "companies/contacts", entry)).json()["results"]
        found += ids(result)
        if "paging" not in result:
            break
        entry["after"] = result["paging"]["next"]["after"]
    assert found == [1003, 3001, 3002, 3003]


async def test_ids_of_targets_are_text_behind_a_switch(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.flags.string_association_ids = True
    answer = await read(client, "contacts/companies", {"id": "1001"})
    assert answer.json()["results"][0]["to"][0]["toObjectId"] == "1"


async def test_links_to_archived_records_disappear(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.account.archive("contacts", "1001")
    [result] = (await read(client, "companies/contacts", {"id": "1"})).json()["results"]
    assert ids(result) == [1002]
    assert (await read(client, "contacts/companies", {"id": "1001"})).status_code == 207


async def test_a_changed_link_is_seen_from_both_sides(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    moved = {"companies": [Association(id="2", primary=True)]}
    sandbox.account.upsert(RecordChange(object_name="contacts", id="1001", associations=moved))
    [old, new] = (await read(client, "companies/contacts", {"id": "1"}, {"id": "2"})).json()["results"]
    assert (ids(old), ids(new)) == ([1002], [1001])


async def test_any_read_scope_opens_associations(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.oauth.remove_scope("crm.objects.companies.read")
    sandbox.oauth.remove_scope("crm.objects.contacts.read")
    assert (await read(client, "contacts/companies", {"id": "1001"})).status_code == 200
    sandbox.oauth.remove_scope("crm.objects.deals.read")
    assert (await read(client, "contacts/companies", {"id": "1001"})).status_code == 403


async def test_a_batch_takes_numbers_for_ids(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/crm/v4/associations/contacts/companies/batch/read", json={"inputs": [{"id": 1001}]}
    )
    assert ids(answer.json()["results"][0]) == [1]


async def test_the_endpoint_is_exempt_from_the_ten_second_window(client: httpx.AsyncClient) -> None:
    answers = [await read(client, "contacts/companies", {"id": "1001"}) for _ in range(120)]
    assert {answer.status_code for answer in answers} == {200}
    assert "x-hubspot-ratelimit-max" not in answers[0].headers


async def test_the_v4_path_is_the_same(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/crm/v4/associations/contact/company/batch/read", json={"inputs": [{"id": "1001"}]}
    )
    assert ids(answer.json()["results"][0]) == [1]


async def test_an_id_beyond_json_integers_stays_text(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.account.upsert(RecordChange(object_name="companies", id="9" * 30))
    linked = {"companies": [Association(id="9" * 30)]}
    sandbox.account.upsert(RecordChange(object_name="contacts", id="1003", associations=linked))
    [result] = (await read(client, "contacts/companies", {"id": "1003"})).json()["results"]
    assert ids(result) == ["9" * 30]


NAMED = [
    ("contacts/1001", "companies", [("1", "contact_to_company"), ("1", "contact_to_company_unlabeled")]),
    ("deals/2001", "contacts", [("1001", "deal_to_contact"), ("1002", "deal_to_contact")]),
    ("contacts/1003", "companies", []),
]


@pytest.mark.parametrize(("record", "target", "expected"), NAMED)
async def test_v3_names_the_types_of_one_record_and_lists_a_primary_link_twice(
    client: httpx.AsyncClient, record: str, target: str, expected: list[tuple[str, str]]
) -> None:
    answer = await client.get(f"/crm/v3/objects/{record}/associations/{target}")
    assert [(one["id"], one["type"]) for one in answer.json()["results"]] == expected


async def test_a_company_that_is_not_the_primary_one_is_unlabeled_alone(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    linked = {"companies": [Association(id="4")]}
    sandbox.account.upsert(RecordChange(object_name="contacts", id="1003", associations=linked))
    answer = await client.get("/crm/v3/objects/contacts/1003/associations/companies")
    assert answer.json()["results"] == [{"id": "4", "type": "contact_to_company_unlabeled"}]


async def test_v3_reads_the_associations_of_many_records_in_its_own_shape(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/crm/v3/associations/deals/companies/batch/read", json={"inputs": [{"id": "2001"}, {"id": "2002"}]}
    )
    body = answer.json()
    assert (answer.status_code, body["numErrors"]) == (207, 1)
    assert body["results"] == [
        {
            "from": {"id": "2001"},
            "to": [{"id": "1", "type": "deal_to_company"}, {"id": "1", "type": "deal_to_company_unlabeled"}],
        }
    ]


@pytest.mark.parametrize("version", ["v4/objects", "objects/2025-09", "objects/2026-03"])
async def test_one_records_associations_have_labels_behind_v3(
    client: httpx.AsyncClient, version: str
) -> None:
    answer = await client.get(f"/crm/{version}/contacts/1001/associations/companies")
    [one] = answer.json()["results"]
    assert (one["toObjectId"], [kind["typeId"] for kind in one["associationTypes"]]) == (1, [279, 1])
