"""Under which paths HubSpot's endpoints answer, and what is said of those that are not simulated."""

import httpx
import pytest

pytestmark = pytest.mark.anyio

PAGES = {
    "/crm/v3/objects/companies": "/crm/objects/2026-09/companies",
    "/crm/objects/2025-09/companies": "/crm/objects/2026-09/companies",
    "/crm/objects/2026-03/companies": "/crm/objects/2026-09/companies",
    "/crm/objects/2026-09/companies/": "/crm/objects/2026-09/companies",
    "/crm/v3/objects/companies/7/": "/crm/objects/2026-09/companies/7",
    "/crm/v3/owners/": "/crm/owners/2026-09",
    "/crm/owners/2025-09/31": "/crm/owners/2026-09/31",
    "/crm/v3/pipelines/deals/": "/crm/pipelines/2026-09/deals",
    "/crm/pipelines/2025-09/deals": "/crm/pipelines/2026-09/deals",
    "/crm/properties/2025-09/deals/amount/": "/crm/properties/2026-09/deals/amount",
    "/account-info/2025-09/details/": "/account-info/2026-09/details",
}


@pytest.mark.parametrize(("path", "same"), PAGES.items())
async def test_versions_and_a_trailing_slash_make_no_difference(
    client: httpx.AsyncClient, path: str, same: str
) -> None:
    answer, expected = await client.get(path), (await client.get(same)).json()
    found = answer.json()
    found.pop("paging", None), expected.pop("paging", None)  # whose links name the path that was requested
    assert (answer.status_code, found) == (200, expected)


@pytest.mark.parametrize(
    "path",
    ["/crm/v3/objects/companies?limit=100", "/crm/owners/2026-09?limit=1", "/crm/objects/2026-09/companies/"],
)
async def test_the_link_to_the_next_page_leads_to_the_sandbox_itself(
    client: httpx.AsyncClient, path: str
) -> None:
    following = (await client.get(path)).json()["paging"]["next"]
    assert following["link"].startswith("https://api.hubapi.test/")
    by_link = (await client.get(following["link"])).json()
    by_cursor = (
        await client.get(path, params={**httpx.URL(path).params, "after": following["after"]})
    ).json()
    assert by_link["results"] == by_cursor["results"] != []


@pytest.mark.parametrize("version", ["2025-09", "2026-03", "2026-09"])
async def test_each_date_has_search_and_batch_reads(client: httpx.AsyncClient, version: str) -> None:
    search = await client.post(f"/crm/objects/{version}/companies/search/", json={})
    assert search.json()["total"] == 250
    body = {"inputs": [{"id": "1"}], "properties": [], "propertiesWithHistory": []}
    batch = await client.post(f"/crm/objects/{version}/companies/batch/read", json=body)
    assert [one["id"] for one in batch.json()["results"]] == ["1"]
    linked = await client.post(
        f"/crm/associations/{version}/contacts/companies/batch/read", json={"inputs": [{"id": "1"}]}
    )
    assert linked.status_code in {200, 207}


NOT_SIMULATED = [
    "GET /crm/v3/properties/companies/groups",
    "GET /crm/properties/2026-09/companies/groups/information",
    "POST /crm/v3/properties/companies/batch/read",
    "GET /crm/v3/pipelines/deals/default/audit",
    "GET /crm/v4/associations/contacts/companies/labels",
    "GET /crm/objects/2026-09/contacts/1001/associations/companies",
    "GET /crm/v3/schemas",
    "GET /crm/v3/lists/",
    "GET /crm/objects/2027-03-beta/companies",
    "GET /crm/objects/companies",
    "GET /crm/v4/objects/companies",
    "GET /crm/v3/properties/companies?dataSensitivity=sensitive",
    "GET /crm/v3/properties/companies?locale=de",
    "GET /crm/v3/properties/companies/name?properties=label",
    "GET /contacts/v1/lists/all/contacts/all",
    "GET /settings/v3/users",
    "POST /crm/v3/objects/companies",
    "PATCH /crm/objects/2026-09/companies/7",
    "DELETE /crm/objects/2026-09/companies/7",
    "POST /crm/v3/objects/companies/merge",
    "POST /crm/v3/objects/contacts/gdpr-delete",
    "POST /crm/objects/2026-09/companies/batch/create",
    "PUT /crm/v4/objects/contacts/1001/associations/companies/2",
    "DELETE /crm/v3/properties/companies/name",
]


@pytest.mark.parametrize("request_line", NOT_SIMULATED)
async def test_what_is_not_simulated_says_so_and_nothing_else(
    client: httpx.AsyncClient, request_line: str
) -> None:
    method, path = request_line.split()
    answer = await client.request(method, path)
    body = answer.json()
    assert (answer.status_code, body["status"], body["category"]) == (501, "error", "NOT_SIMULATED")
    assert body["message"].startswith("the sandbox does not play ")
    assert body["correlationId"] == answer.headers["x-hubspot-correlation-id"]
