"""`expand=company`: contacts and deals with their companies, in lists and alone."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.harness.api import WRITTEN_AT, ApiHarness, api_harness

pytestmark = pytest.mark.anyio

EXPAND: dict[str, Any] = {"expand": "company"}


@pytest.fixture
async def api(database: str) -> AsyncIterator[ApiHarness]:
    async with api_harness(database) as opened:
        yield opened


async def lay(api: ApiHarness, kind: str, company_id: UUID | None) -> UUID:
    return await (api.contact if kind == "contacts" else api.deal)(company_id=company_id)


async def get(api: ApiHarness, path: str, **params: Any) -> Any:
    response = await api.get(f"/api/{path}", **params)
    assert response.status_code == 200, response.text
    return response.json()


async def test_contacts_and_deals_come_with_their_companies(api: ApiHarness) -> None:
    acme, archived = await api.company(company_name="Acme"), await api.company(archived_at=WRITTEN_AT)
    shown = {str(one): await get(api, f"companies/{one}") for one in (acme, archived)}
    for kind in ("contacts", "deals"):
        laid = [await lay(api, kind, company) for company in (acme, acme, archived, None)]
        plain = {entry["id"]: entry for entry in (await get(api, kind))["data"]}
        for expanded in (await get(api, kind, **EXPAND))["data"]:
            company = expanded.pop("company")
            assert company == shown.get(expanded["company_id"])
            assert expanded == plain.pop(expanded["id"])
            assert "company" not in expanded
        assert plain == {}
        alone = await get(api, f"{kind}/{laid[0]}", **EXPAND)
        assert alone.pop("company") == shown[str(acme)]
        assert alone == await get(api, f"{kind}/{laid[0]}")
        assert (await get(api, f"{kind}/{laid[3]}", **EXPAND))["company"] is None


async def test_a_company_merged_meanwhile_is_the_one_that_lives(api: ApiHarness) -> None:
    living, merged = await api.company(company_name="Lives"), await api.company()
    await api.insert("company_aliases", {"user_id": api.user_id, "alias_id": merged, "company_id": living})
    contact = await get(api, f"contacts/{await lay(api, 'contacts', merged)}", **EXPAND)
    assert (contact["company_id"], contact["company"]["id"]) == (str(merged), str(living))


async def test_a_cursor_is_good_with_and_without(api: ApiHarness) -> None:
    company = await api.company()
    laid = {str(await lay(api, "deals", company)) for _ in range(3)}
    one = await get(api, "deals", limit="1")
    two = await get(api, "deals", limit="1", cursor=one["next_cursor"], **EXPAND)
    three = await get(api, "deals", limit="1", cursor=two["next_cursor"])
    pages = [one, two, three]
    assert {entry["id"] for page in pages for entry in page["data"]} == laid
    assert [[("company" in entry) for entry in page["data"]] for page in pages] == [[False], [True], [False]]


async def test_the_tag_is_of_the_company_too(api: ApiHarness) -> None:
    company = await api.company(company_name="Acme")
    path = f"/api/contacts/{await lay(api, 'contacts', company)}"
    plain, expanded = await api.get(path), await api.get(path, **EXPAND)
    assert plain.headers["etag"] != expanded.headers["etag"]
    known = {"If-None-Match": expanded.headers["etag"]}
    assert (await api.ask("GET", path, params=EXPAND, headers=known)).status_code == 304
    await api.pool.execute("update companies set company_name = 'Acme Inc.' where id = $1", company)
    assert (await api.ask("GET", path, params=EXPAND, headers=known)).status_code == 200


async def test_what_cannot_be_expanded_is_refused(api: ApiHarness) -> None:
    contact = await lay(api, "contacts", None)
    for path in ("contacts", "deals", f"contacts/{contact}", f"deals/{uuid4()}"):
        for wanted in ("owner", "", "company,owner", "Company"):
            response = await api.get(f"/api/{path}", expand=wanted)
            assert (response.status_code, response.json()["code"]) == (400, "invalid_input"), (path, wanted)
            assert [error["field"] for error in response.json()["errors"]] == ["expand"]
    for path in ("companies", "owners"):
        assert (await api.get(f"/api/{path}", **EXPAND)).json()["code"] == "unknown_parameter"
