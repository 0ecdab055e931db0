"""One shape for whatever a CRM has and the sandbox does not."""

from collections.abc import Callable

import httpx
import pytest

from crm_sandbox import Dataset, SandboxTransport, hubspot, salesforce
from crm_sandbox.http.application import SandboxApplication
from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import Response
from crm_sandbox.http.routing import HandlerRoute
from crm_sandbox.not_simulated import NotSimulated

MESSAGE = "the sandbox does not play imports of files (see /_sandbox/reference#not-simulated at this address)"
Shape = Callable[[dict[str, str]], object]


def without_imports(_request: Request) -> Response:
    raise NotSimulated("imports of files")


def hubspots(body: dict[str, str]) -> object:
    return {
        "status": "error",
        "message": MESSAGE,
        "category": "NOT_SIMULATED",
        "correlationId": body["correlationId"],
    }


def salesforces(_body: dict[str, str]) -> object:
    return [{"message": MESSAGE, "errorCode": "NOT_SIMULATED"}]


def oauths(_body: dict[str, str]) -> object:
    return {"error": "NOT_SIMULATED", "error_description": MESSAGE}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("create_sandbox", "path", "shape"),
    [
        (hubspot.create_sandbox, "/crm/v3/imports", hubspots),
        (salesforce.create_sandbox, "/services/data/v68.0/jobs/ingest", salesforces),
        (salesforce.create_sandbox, "/services/oauth2/device", oauths),
    ],
)
async def test_what_is_not_simulated_is_501_in_the_shape_of_the_crms_errors(
    monkeypatch: pytest.MonkeyPatch,
    create_sandbox: Callable[[Dataset], SandboxApplication],
    path: str,
    shape: Shape,
) -> None:
    sandbox = create_sandbox(Dataset.generate(1))
    monkeypatch.setattr(sandbox, "crm_routes", lambda: [HandlerRoute("/{path:path}", without_imports)])
    async with httpx.AsyncClient(
        transport=SandboxTransport(sandbox), base_url="http://localhost:8010"
    ) as client:
        answer = await client.post(path, json={})
    assert answer.status_code == 501
    assert answer.json() == shape(answer.json())
    assert answer.links["help"]["url"] == "/_sandbox/reference#not-simulated"
    assert [entry.status for entry in sandbox.journal.entries] == [501]


@pytest.mark.anyio
async def test_its_link_leads_to_a_heading_of_the_reference(http: httpx.AsyncClient) -> None:
    page = await http.get("/_sandbox/reference")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert '<h2 id="not-simulated">Not simulated</h2>' in page.text
    assert '<h2 id="a-plan-of-faults">A plan of faults</h2>' in page.text
    assert "<table>" in page.text
