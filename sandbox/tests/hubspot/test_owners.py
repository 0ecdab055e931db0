import httpx
import pytest

from crm_sandbox.hubspot import RecordChange, Sandbox

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
