"""Person accounts: an Account and its one Contact that say the same, in an org that has the feature."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from crm_sandbox import Dataset, DatasetError, SandboxTransport
from crm_sandbox.salesforce import (
    Flags,
    MutationScript,
    Org,
    RecordChange,
    Sandbox,
    create_sandbox,
    record_id,
)
from tests.hubspot.builders import company, contact
from tests.salesforce.builders import DATA, NOW, UPDATED, query, record, refusal

pytestmark = pytest.mark.anyio

ROSA, FIRM = record_id("Account", 1), record_id("Account", 2)
ROSA_HERSELF, CLERK = record_id("Contact", 1), record_id("Contact", 2)


def org_of(*records: Any, **flags: Any) -> Sandbox:
    dataset = Dataset.from_records(records, name="Shop")
    return create_sandbox(dataset, clock=lambda: NOW, flags=Flags(person_accounts=True, **flags))


@pytest.fixture
def sandbox() -> Sandbox:
    return org_of(
        record("Account", 1, {"Name": "Rosa Lindt", "IsPersonAccount": "true"}),
        record("Account", 2, {"Name": "Lindt Rope", "Website": "lindt-rope.com"}),
        record("Contact", 1, {"LastName": "Lindt", "Email": "rosa@gmail.com", "AccountId": ROSA}),
        record("Contact", 2, {"FirstName": "Cy", "LastName": "Clerk", "AccountId": FIRM}),
    )


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(sandbox) as connected:
        yield connected


def client_of(sandbox: Sandbox) -> httpx.AsyncClient:
    tokens = sandbox.oauth.connect(sandbox.org.org_id)
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    transport = SandboxTransport(sandbox)
    return httpx.AsyncClient(transport=transport, base_url=str(tokens["instance_url"]), headers=headers)


def change(org: Org, object_name: str, row_id: str | None = None, **properties: Any) -> str:
    return org.upsert(RecordChange(object_name=object_name, id=row_id, properties=properties))


def fields(org: Org, object_name: str, row_id: str) -> Any:
    return org.tables[object_name].rows[row_id].fields


async def described(client: httpx.AsyncClient, object_name: str) -> set[str]:
    answer = await client.get(f"{DATA}/sobjects/{object_name}/describe")
    return {field["name"] for field in answer.json()["fields"]}


async def test_describe_lists_the_fields_of_person_accounts(client: httpx.AsyncClient) -> None:
    assert await described(client, "Account") >= {
        "IsPersonAccount",
        "PersonContactId",
        "PersonEmail",
        "LastName",
    }
    assert "IsPersonAccount" in await described(client, "Contact")


async def test_an_org_without_the_feature_has_none_of_the_fields(sandbox: Sandbox) -> None:
    sandbox.flags.person_accounts = False
    async with client_of(sandbox) as client:
        assert not await described(client, "Account") & {"IsPersonAccount", "PersonContactId", "FirstName"}
        assert "IsPersonAccount" not in await described(client, "Contact")
        answer = await client.get(f"{DATA}/query", params={"q": "SELECT Id, IsPersonAccount FROM Contact"})
        assert refusal(answer) == (400, "INVALID_FIELD")


@pytest.mark.parametrize(
    ("object_name", "person", "other"), [("Account", ROSA, FIRM), ("Contact", ROSA_HERSELF, CLERK)]
)
async def test_queries_filter_by_is_person_account(
    client: httpx.AsyncClient, object_name: str, person: str, other: str
) -> None:
    for flag, expected in (("true", person), ("false", other)):
        soql = f"SELECT Id, IsPersonAccount FROM {object_name} WHERE IsPersonAccount = {flag}"
        [row] = await query(client, soql)
        assert (row["Id"], row["IsPersonAccount"]) == (expected, flag == "true")


async def test_a_person_account_in_a_file_is_one_account_and_one_contact(client: httpx.AsyncClient) -> None:
    columns = "Name, FirstName, LastName, PersonEmail, PersonContactId, SystemModstamp"
    [row] = await query(client, f"SELECT {columns} FROM Account WHERE IsPersonAccount = true")
    assert (row["Name"], row["FirstName"], row["LastName"]) == ("Rosa Lindt", "Rosa", "Lindt")
    assert (row["PersonEmail"], row["PersonContactId"]) == ("rosa@gmail.com", ROSA_HERSELF)
    assert row["SystemModstamp"][:19] == UPDATED[:19]


def test_a_person_account_without_a_contact_gets_one() -> None:
    org = org_of(
        record("Account", 1, {"FirstName": "Ada", "LastName": "Byron", "IsPersonAccount": "true"})
    ).org
    [contact_row] = org.tables["Contact"].live_rows()
    assert fields(org, "Account", ROSA)["PersonContactId"] == contact_row.id
    assert (contact_row.fields["Name"], contact_row.fields["AccountId"]) == ("Ada Byron", ROSA)


def test_a_person_account_with_two_contacts_is_refused() -> None:
    with pytest.raises(DatasetError, match=rf"Account {ROSA}: .* has 2 contacts"):
        org_of(
            record("Account", 1, {"Name": "Two", "IsPersonAccount": "true"}),
            record("Contact", 1, {"LastName": "One", "AccountId": ROSA}),
            record("Contact", 2, {"LastName": "Two", "AccountId": ROSA}),
        )


def test_account_and_contact_of_a_person_account_change_together(sandbox: Sandbox) -> None:
    org = sandbox.org
    change(org, "Account", ROSA, LastName="Lindt-Roe", PersonTitle="Baker")
    assert (fields(org, "Contact", ROSA_HERSELF)["Name"], fields(org, "Contact", ROSA_HERSELF)["Title"]) == (
        "Rosa Lindt-Roe",
        "Baker",
    )
    change(org, "Contact", ROSA_HERSELF, FirstName="Rosi", Email=None)
    account = fields(org, "Account", ROSA)
    assert (account["Name"], account["PersonEmail"]) == ("Rosi Lindt-Roe", None)
    assert account["SystemModstamp"] == fields(org, "Contact", ROSA_HERSELF)["SystemModstamp"] == int(NOW)


def test_a_business_account_becomes_a_person_account_and_back(sandbox: Sandbox) -> None:
    org = sandbox.org
    change(org, "Account", FIRM, IsPersonAccount=True)
    assert fields(org, "Account", FIRM)["Name"] == "Cy Clerk"
    assert fields(org, "Contact", CLERK)["IsPersonAccount"] is True
    change(org, "Account", FIRM, IsPersonAccount=False, Name="Lindt Rope")
    account = fields(org, "Account", FIRM)
    assert (account["Name"], account["PersonContactId"], account["LastName"]) == ("Lindt Rope", None, None)
    clerk = fields(org, "Contact", CLERK)
    assert (clerk["IsPersonAccount"], clerk["AccountId"], clerk["LastName"]) == (False, FIRM, "Clerk")


def test_a_person_account_keeps_its_one_contact(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="no other contact"):
        change(sandbox.org, "Contact", LastName="Guest", AccountId=ROSA)
    with pytest.raises(ValueError, match="no other contact"):
        change(sandbox.org, "Contact", CLERK, AccountId=ROSA)
    with pytest.raises(ValueError, match="keeps its AccountId"):
        change(sandbox.org, "Contact", ROSA_HERSELF, AccountId=FIRM)
    for name in ("IsPersonAccount", "Name"):
        with pytest.raises(ValueError, match="set by Salesforce"):
            change(sandbox.org, "Contact", CLERK, **{name: "true"})


@pytest.mark.parametrize("object_name", ["Account", "Contact"])
def test_a_person_account_is_deleted_restored_and_erased_whole(sandbox: Sandbox, object_name: str) -> None:
    org, ids = sandbox.org, {"Account": ROSA, "Contact": ROSA_HERSELF}
    assert org.delete(object_name, ids[object_name])
    assert [org.tables[name].find(one) for name, one in ids.items()] == [None, None]
    assert org.undelete("Account", ROSA)
    assert all(org.tables[name].find(one) for name, one in ids.items())
    assert org.erase(object_name, ids[object_name])
    assert not any(org.tables[name].rows.get(one) for name, one in ids.items())


def test_person_accounts_merge_with_each_other_and_so_do_their_contacts(sandbox: Sandbox) -> None:
    org = sandbox.org
    twin = change(org, "Account", IsPersonAccount=True, LastName="Lint")
    twins_contact = str(fields(org, "Account", twin)["PersonContactId"])
    with pytest.raises(ValueError, match="not two person accounts"):
        org.merge("Account", ROSA, FIRM)
    with pytest.raises(ValueError, match="not two person accounts"):
        org.merge("Contact", ROSA_HERSELF, twins_contact)
    assert org.merge("Account", ROSA, twin) == ROSA
    assert fields(org, "Account", twin)["MasterRecordId"] == ROSA
    assert fields(org, "Contact", twins_contact)["MasterRecordId"] == ROSA_HERSELF
    assert not org.undelete("Contact", twins_contact)


def test_hubspot_contacts_without_a_company_become_person_accounts() -> None:
    records = [company(1), contact(1, company_ids=(1,)), contact(2)]
    person_accounts = create_sandbox(
        Dataset.from_records(records), clock=lambda: NOW, flags=Flags(person_accounts=True)
    ).org
    without = create_sandbox(Dataset.from_records(records), clock=lambda: NOW).org
    [person] = [
        row for row in person_accounts.tables["Account"].live_rows() if row.fields.get("IsPersonAccount")
    ]
    assert person.fields["PersonContactId"] == record_id("Contact", 3)
    assert len(without.tables["Account"].rows) == 1
    assert without.tables["Contact"].rows[record_id("Contact", 3)].fields["AccountId"] is None


@pytest.mark.parametrize("seed", range(3))
def test_mutations_keep_account_and_contact_of_a_person_account_equal(seed: int) -> None:
    org = create_sandbox(Dataset.generate(60), clock=lambda: NOW, flags=Flags(person_accounts=True)).org
    MutationScript(seed).run(org, 600)
    people = [row for row in org.tables["Account"].rows.values() if row.fields.get("IsPersonAccount")]
    assert people
    for account in people:
        contact = org.tables["Contact"].rows[str(account.fields["PersonContactId"])]
        assert (contact.fields["Name"], contact.fields["AccountId"]) == (
            account.fields["Name"],
            account.id,
        )
        assert contact.is_deleted is account.is_deleted
    again = create_sandbox(org.snapshot(), clock=lambda: NOW, flags=Flags(person_accounts=True)).org
    assert again.snapshot().lines() == org.snapshot().lines()
