from collections import Counter
from typing import get_args

import httpx
import pytest

from crm_sandbox import Dataset, SandboxTransport
from crm_sandbox.salesforce import MutationScript, Sandbox, create_sandbox
from crm_sandbox.salesforce.org.mutations import Kind
from tests.salesforce.builders import DATA, NOW

pytestmark = pytest.mark.anyio


def still(dataset: Dataset) -> Sandbox:
    return create_sandbox(dataset, clock=lambda: NOW)


def test_equal_seeds_change_equal_orgs_equally() -> None:
    one, other = (still(Dataset.generate(60)) for _ in range(2))
    assert MutationScript(5).run(one.org, 300) == MutationScript(5).run(other.org, 300)
    assert one.org.snapshot().lines() == other.org.snapshot().lines()


def test_another_seed_makes_other_changes() -> None:
    one, other = (still(Dataset.generate(60)) for _ in range(2))
    assert MutationScript(1).run(one.org, 20) != MutationScript(2).run(other.org, 20)


def test_every_kind_of_change_comes_up() -> None:
    done = MutationScript(3).run(still(Dataset.generate(60)).org, 600)
    assert set(Counter(mutation.kind for mutation in done if mutation.ids)) == set(get_args(Kind))


def test_an_empty_org_can_be_mutated() -> None:
    assert MutationScript(0).run(still(Dataset.from_records([], name="Empty")).org, 50)


@pytest.mark.parametrize("seed", range(3))
def test_no_live_record_references_a_deleted_one(seed: int) -> None:
    org = still(Dataset.generate(60)).org
    MutationScript(seed).run(org, 500)
    pointers = (("Contact", "AccountId", "Account"), ("Opportunity", "AccountId", "Account"),
                ("OpportunityContactRole", "ContactId", "Contact"),
                ("OpportunityContactRole", "OpportunityId", "Opportunity"))  # fmt: skip
    for name, field, target in pointers:
        references = {row.fields.get(field) for row in org.tables[name].live_rows()} - {None}
        assert references <= {row.id for row in org.tables[target].live_rows()}


async def test_mutations_are_stepped_by_calls_and_by_requests() -> None:
    sandbox = still(Dataset.generate(30))
    tokens = sandbox.oauth.connect(sandbox.org.org_id)
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    base = str(tokens["instance_url"])
    async with httpx.AsyncClient(transport=SandboxTransport(sandbox), base_url=base, headers=headers) as http:
        mutations = (await http.post("/_sandbox/mutate", json={"steps": 30, "seed": 8})).json()["mutations"]
        lines = (await http.post("/_sandbox/export", json={})).content
        same = still(Dataset.generate(30))
        assert MutationScript(8).run(same.org, 30)[-1].kind == mutations[-1]["kind"]
        assert same.org.snapshot().lines() == lines
        await http.post("/_sandbox/flags", json={"mutate_every": 2})
        for _ in range(20):
            await http.get(f"{DATA}/limits")
    assert sandbox.org.snapshot().lines() != lines
