import json
from collections import Counter
from pathlib import Path
from typing import get_args

import httpx
import pytest

from crm_sandbox import Association, Dataset, SandboxTransport
from crm_sandbox.hubspot import MutationScript, RecordChange, Sandbox, create_sandbox
from crm_sandbox.hubspot.mutations import Kind
from tests.hubspot.builders import NOW, company, contact

pytestmark = pytest.mark.anyio

COMPANIES = "/crm/objects/2026-09/companies"
CONTACTS = "/crm/objects/2026-09/contacts"


def still(dataset: Dataset) -> Sandbox:
    return create_sandbox(dataset, clock=lambda: NOW)


async def batch(client: httpx.AsyncClient, *ids: str, archived: bool = False) -> list[str]:
    body = {"inputs": [{"id": one} for one in ids], "properties": [], "propertiesWithHistory": []}
    params = {"archived": str(archived).lower()}
    answer = await client.post(f"{CONTACTS}/batch/read", json=body, params=params)
    return [found["id"] for found in answer.json()["results"]]


async def test_equal_seeds_change_equal_accounts_equally() -> None:
    one, other = (still(Dataset.generate(60)) for _ in range(2))
    assert MutationScript(5).run(one.account, 300) == MutationScript(5).run(other.account, 300)
    assert one.account.snapshot().lines() == other.account.snapshot().lines()


async def test_another_seed_makes_other_changes() -> None:
    one, other = (still(Dataset.generate(60)) for _ in range(2))
    assert MutationScript(1).run(one.account, 20) != MutationScript(2).run(other.account, 20)


async def test_every_kind_of_change_comes_up() -> None:
    done = MutationScript(3).run(still(Dataset.generate(60)).account, 500)
    assert set(Counter(mutation.kind for mutation in done if mutation.ids)) == set(get_args(Kind))


async def test_an_empty_account_can_be_mutated() -> None:
    assert MutationScript(0).run(still(Dataset.from_records([], name="Empty")).account, 50)


@pytest.mark.parametrize("seed", range(5))
async def test_a_snapshot_starts_the_same_account(seed: int, tmp_path: Path) -> None:
    account = still(Dataset.generate(40)).account
    MutationScript(seed).run(account, 400)
    first = account.snapshot()
    first.save(tmp_path / "end.jsonl.gz")
    again = still(Dataset.load(tmp_path / "end.jsonl.gz")).account.snapshot()
    assert again.lines() == first.lines()
    assert still(first).account.portal_id == account.portal_id


async def test_a_snapshot_still_knows_the_ids_that_merges_took_over(sandbox: Sandbox) -> None:
    first = sandbox.account.merge("companies", "1", "2")
    last = sandbox.account.merge("companies", "3", first)
    again = still(sandbox.account.snapshot())
    for known in (sandbox, again):
        table = known.account.store.tables["companies"]
        assert [found.id for old in ("1", "2", "3", first) if (found := table.find(old))] == [last] * 4


async def test_reassociating_leaves_the_modified_date(sandbox: Sandbox) -> None:
    before = sandbox.account.store.tables["contacts"].find("1001")
    sandbox.account.associate("contacts", "1001", "companies", [Association(id="9", primary=True)])
    assert sandbox.account.store.tables["contacts"].find("1001") == before
    assert dict(sandbox.account.store.links.of("companies", "9", "contacts")) == {"1001": True}


async def test_a_privacy_deletion_reaches_the_archive_too(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.account.archive("contacts", "1002")
    assert await batch(client, "1002", archived=True) == ["1002"]
    response = await client.post("/_sandbox/gdpr-delete", json={"ids": ["1001", "1002", "5"]})
    assert response.json() == {"deleted": ["1001", "1002"]}
    assert [await batch(client, "1001", "1002", archived=archived) for archived in (False, True)] == [[], []]
    assert (await client.get(CONTACTS, params={"archived": "true"})).json()["results"] == []


async def test_a_restored_record_is_live_again_with_its_associations(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.account.archive("contacts", "1001")
    response = await client.post("/_sandbox/restore", json={"object": "contacts", "ids": ["1001", "1002"]})
    assert response.json() == {"restored": ["1001"]}
    found = (await client.get(f"{CONTACTS}/1001", params={"associations": "companies"})).json()
    assert (found["archived"], "archivedAt" in found) == (False, False)
    assert found["associations"]["companies"]["results"]


async def test_an_id_is_never_given_twice(sandbox: Sandbox) -> None:
    first = sandbox.account.upsert(RecordChange(object_name="contacts"))
    sandbox.account.gdpr_delete(first)
    assert sandbox.account.upsert(RecordChange(object_name="contacts")) != first


async def test_mutations_are_stepped_and_exported_by_calls() -> None:
    dataset = Dataset.from_records(
        [company(number) for number in range(1, 30)] + [contact(99, company_ids=(1,))]
    )
    sandbox = still(dataset)
    async with httpx.AsyncClient(transport=SandboxTransport(sandbox), base_url="https://crm.test") as http:
        mutations = (await http.post("/_sandbox/mutate", json={"steps": 30, "seed": 8})).json()["mutations"]
        lines = (await http.post("/_sandbox/export", json={})).text.splitlines()
    same = still(dataset)
    assert len(mutations) == 30
    assert MutationScript(8).run(same.account, 30)[-1].kind == mutations[-1]["kind"]
    assert {json.loads(line)["object"] for line in lines} >= {"companies"}
    assert same.account.snapshot().lines().decode().splitlines() == lines


async def test_mutations_come_with_the_requests_when_the_switch_says_so(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    await client.post("/_sandbox/flags", json={"mutate_every": 2})
    before = sandbox.account.snapshot().lines()
    await client.get(COMPANIES)
    assert sandbox.account.snapshot().lines() == before
    for _ in range(19):
        await client.get(COMPANIES)
    assert sandbox.account.snapshot().lines() != before
