import httpx
import pytest

from crm_sandbox import Dataset
from crm_sandbox.hubspot import RecordChange, Sandbox, create_sandbox
from tests.hubspot.builders import NOW, company

pytestmark = pytest.mark.anyio

OWNERS = "/crm/owners/2026-09"


async def test_owners_have_two_kinds_of_id(client: httpx.AsyncClient) -> None:
    [first, second] = (await client.get(OWNERS)).json()["results"]
    assert (first["id"], first["userId"], first["userIdIncludingInactive"]) == ("31", 531, 531)
    assert (first["type"], first["email"], first["archived"]) == ("PERSON", "o31@example.com", False)
    assert second["id"] == "32"


async def test_archived_owners_are_listed_apart_and_have_no_user(client: httpx.AsyncClient) -> None:
    [gone] = (await client.get(OWNERS, params={"archived": "true"})).json()["results"]
    assert (gone["id"], gone["userId"], gone["userIdIncludingInactive"]) == ("33", None, 533)


async def test_owners_are_paged(client: httpx.AsyncClient) -> None:
    first = (await client.get(OWNERS, params={"limit": 1})).json()
    after = first["paging"]["next"]["after"]
    last = (await client.get(OWNERS, params={"limit": 1, "after": after})).json()
    assert [one["id"] for one in first["results"] + last["results"]] == ["31", "32"]
    assert "paging" not in last


async def test_an_owner_is_found_by_email_id_or_user(client: httpx.AsyncClient) -> None:
    assert len((await client.get(OWNERS, params={"email": "o32@example.com"})).json()["results"]) == 1
    assert (await client.get(f"{OWNERS}/32")).json()["id"] == "32"
    assert (await client.get(f"{OWNERS}/532", params={"idProperty": "userId"})).json()["id"] == "32"


async def test_an_owner_can_be_added_and_archived(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    new_id = sandbox.account.upsert(
        RecordChange(object_name="owners", properties={"email": "new@example.com"})
    )
    assert (await client.get(f"{OWNERS}/{new_id}")).json()["email"] == "new@example.com"
    sandbox.account.upsert(RecordChange(object_name="owners", id=new_id, archived=True))
    assert (await client.get(f"{OWNERS}/{new_id}")).status_code == 404


async def test_the_sales_pipeline_has_its_default_stages_with_text_metadata(
    client: httpx.AsyncClient,
) -> None:
    [pipeline] = (await client.get("/crm/pipelines/2026-09/deals")).json()["results"]
    assert (pipeline["id"], pipeline["label"]) == ("default", "Sales Pipeline")
    told = {stage["id"]: stage["metadata"] for stage in pipeline["stages"]}
    assert told["appointmentscheduled"] == {"isClosed": "false", "probability": "0.2"}
    assert told["closedwon"] == {"isClosed": "true", "probability": "1.0"}
    assert told["closedlost"] == {"isClosed": "true", "probability": "0.0"}


async def test_a_pipeline_and_its_stages_are_read_alone(client: httpx.AsyncClient) -> None:
    deals = "/crm/v3/pipelines/deals"
    [pipeline] = (await client.get(deals)).json()["results"]
    assert (await client.get(f"{deals}/default")).json() == pipeline
    assert (await client.get(f"{deals}/default/stages")).json() == {"results": pipeline["stages"]}
    assert (await client.get(f"{deals}/default/stages/closedwon")).json() in pipeline["stages"]
    for missing in ("other", "other/stages", "default/stages/other"):
        assert (await client.get(f"{deals}/{missing}")).status_code == 404


async def test_pipelines_that_deals_are_in_exist(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.account.upsert(
        RecordChange(object_name="deals", properties={"pipeline": "77", "dealstage": "771"})
    )
    pipelines = (await client.get("/crm/pipelines/2026-09/deals")).json()["results"]
    assert [stage["id"] for stage in pipelines[1]["stages"]] == ["771"]


async def test_properties_define_every_name_a_record_has(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.account.upsert(RecordChange(object_name="companies", properties={"our_own_score": "7"}))
    found = (await client.get("/crm/properties/2026-09/companies")).json()["results"]
    named = {one["name"]: one for one in found}
    assert named["numberofemployees"]["type"] == "number"
    assert named["hs_lastmodifieddate"]["modificationMetadata"]["readOnlyValue"] is True
    assert len(named["industry"]["options"]) == 148
    assert named["our_own_score"]["hubspotDefined"] is False
    assert named["hubspot_owner_id"]["referencedObjectType"] == "OWNER"
    one = (await client.get("/crm/properties/2026-09/companies/domain")).json()
    assert one["fieldType"] == "text"


async def test_parameters_that_ask_for_the_default_change_nothing(client: httpx.AsyncClient) -> None:
    url = "/crm/v3/properties/companies"
    assert (await client.get(f"{url}?dataSensitivity=non_sensitive&archived=false")).json() == (
        await client.get(url)
    ).json()


async def test_the_account_tells_its_currency_and_only_v3_its_name(
    client: httpx.AsyncClient, dataset: Dataset
) -> None:
    details = (await client.get("/account-info/2026-09/details")).json()
    assert (details["portalId"], details["companyCurrency"]) == (dataset.account_id, "USD")
    assert {"portalName", "createdAt"}.isdisjoint(details)
    older = (await client.get("/account-info/v3/details")).json()
    assert older.pop("portalName") == "Small account"
    assert older.pop("createdAt") == 1_577_836_800_000
    assert older == details


def test_a_portal_may_be_in_another_currency() -> None:
    sandbox = create_sandbox(Dataset.of([company(1)], account={"companyCurrency": "EUR"}), clock=lambda: NOW)
    assert sandbox.account.details()["companyCurrency"] == "EUR"
