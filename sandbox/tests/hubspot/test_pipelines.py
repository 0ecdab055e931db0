import httpx
import pytest

from crm_sandbox.hubspot import RecordChange, Sandbox

pytestmark = pytest.mark.anyio


async def test_the_sales_pipeline_has_its_default_stages_with_text_metadata(
    client: httpx.AsyncClient,
) -> None:
    [pipeline] = (await client.get("/crm/pipelines/2026-09/deals")).json()["results"]
    assert (pipeline["id"], pipeline["label"]) == ("default", "Sales Pipeline")
    metadata = {stage["id"]: stage["metadata"] for stage in pipeline["stages"]}
    assert metadata["appointmentscheduled"] == {"isClosed": "false", "probability": "0.2"}
    assert metadata["closedwon"] == {"isClosed": "true", "probability": "1.0"}
    assert metadata["closedlost"] == {"isClosed": "true", "probability": "0.0"}


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
