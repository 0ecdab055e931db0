import httpx
import pytest

from crm_sandbox.hubspot import RecordChange, Sandbox

pytestmark = pytest.mark.anyio


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
