from pathlib import Path

import httpx
import pytest

from crm_sandbox import Dataset, DatasetError, DatasetRecord, SandboxTransport
from crm_sandbox.salesforce import ADMIN_USER_ID, Sandbox, create_sandbox, record_id
from tests.hubspot.builders import company, contact, deal, owner, record
from tests.salesforce.builders import NOW, query
from tests.salesforce.builders import record as salesforce_record

pytestmark = pytest.mark.anyio


def convert(*records: DatasetRecord) -> Sandbox:
    return create_sandbox(Dataset.from_records(records, name="From HubSpot"), clock=lambda: NOW)


async def select(sandbox: Sandbox, soql: str) -> list[dict[str, object]]:
    """Run queryAll; return rows without their attributes."""
    tokens = sandbox.oauth.connect(sandbox.org.org_id)
    async with httpx.AsyncClient(
        transport=SandboxTransport(sandbox),
        base_url=str(tokens["instance_url"]),
        headers={"authorization": f"Bearer {tokens['access_token']}"},
    ) as client:
        rows = await query(client, soql, every=True)
    return [{name: value for name, value in row.items() if name != "attributes"} for row in rows]


ACCOUNT = {
    "name": "Acme", "domain": "https://Acme.com/", "industry": "COMPUTER_SOFTWARE", "country": "USA", "state": "CA",
    "city": "LA", "phone": "1", "description": "x" * 32_001, "lifecyclestage": "customer", "annualrevenue": "1,000.5",
    "numberofemployees": "1,200", "hubspot_owner_id": "31", "linkedin_company_page": "https://l.example/acme",
}  # fmt: skip


async def test_a_company_is_an_account() -> None:
    columns = (
        "Name, Website, Industry, BillingCountry, BillingState, BillingCity, Phone, Type, AnnualRevenue, "
        "NumberOfEmployees, OwnerId, LinkedIn_Page__c, IsDeleted, CreatedDate, SystemModstamp"
    )
    [row] = await select(
        convert(owner(31), record("companies", 5, ACCOUNT)), f"SELECT {columns} FROM Account"
    )
    assert row == {
        "Name": "Acme",
        "Website": "https://Acme.com/",
        "Industry": "Technology",
        "BillingCountry": "USA",
        "BillingState": "CA",
        "BillingCity": "LA",
        "Phone": "1",
        "Type": "Customer - Direct",
        "AnnualRevenue": 1000.5,
        "NumberOfEmployees": 1200,
        "OwnerId": record_id("User", 32),
        "LinkedIn_Page__c": "https://l.example/acme",
        "IsDeleted": False,
        "CreatedDate": "2025-01-01T00:00:00.000+0000",
        "SystemModstamp": "2025-02-01T12:00:00.000+0000",
    }


@pytest.mark.parametrize(
    ("field", "kept", "shown_as"),
    [
        ("numberofemployees", "50-100", None),
        ("numberofemployees", "n/a", None),
        ("numberofemployees", "12.7", None),
        ("numberofemployees", "99999999999", None),
        ("annualrevenue", "$2.5M", None),
        ("annualrevenue", "-5", None),
        ("industry", "ACCOUNTING", "Accounting"),
        ("industry", "Widgets & Gadgets", "Widgets & Gadgets"),
        ("industry", None, None),
        ("hubspot_owner_id", "99", ADMIN_USER_ID),
        ("name", None, "[not provided]"),
    ],
)
async def test_what_salesforce_cannot_hold_is_left_out(
    field: str, kept: str | None, shown_as: str | None
) -> None:
    name = {
        "numberofemployees": "NumberOfEmployees",
        "annualrevenue": "AnnualRevenue",
        "industry": "Industry",
        "hubspot_owner_id": "OwnerId",
        "name": "Name",
    }[field]
    [row] = await select(convert(record("companies", 5, {field: kept})), f"SELECT {name} FROM Account")
    assert row == {name: shown_as}


async def test_contacts_and_deals_keep_their_associations() -> None:
    first_contact = contact(
        7, company_ids=(2, 1), firstname="Ada", lastname="L", email=" A@b.c", jobtitle="CEO", phone="2"
    )
    with_association = deal(8, company_ids=(1,), contact_ids=(7,), dealstage="closedwon", amount="12", dealtype="newbusiness",
                     closedate="2026-03-04T10:00:00Z", deal_currency_code="EUR")  # fmt: skip
    sandbox = convert(
        company(1), company(2), first_contact, with_association, contact(9), deal(10, dealstage="84512001")
    )
    sandbox.flags.multi_currency = True
    contacts = await select(sandbox, "SELECT Id, Name, Email, Title, AccountId FROM Contact ORDER BY Id")
    assert contacts[0] == {
        "Id": record_id("Contact", 8),
        "Name": "Ada L",
        "Email": " A@b.c",
        "Title": "CEO",
        "AccountId": record_id("Account", 3),
    }
    assert contacts[1]["AccountId"] is None
    columns = "Id, StageName, IsWon, Amount, CloseDate, Type, CurrencyIsoCode, AccountId"
    deals = await select(sandbox, f"SELECT {columns} FROM Opportunity ORDER BY Id")
    assert deals[0] == {
        "Id": record_id("Opportunity", 9),
        "StageName": "Closed Won",
        "IsWon": True,
        "Amount": 12.0,
        "CloseDate": "2026-03-04",
        "Type": "New Business",
        "CurrencyIsoCode": "EUR",
        "AccountId": record_id("Account", 2),
    }
    assert (deals[1]["StageName"], deals[1]["CloseDate"]) == ("Stage 84512001", "2025-01-01")
    roles = await select(sandbox, "SELECT OpportunityId, ContactId, IsPrimary FROM OpportunityContactRole")
    assert roles == [{"OpportunityId": deals[0]["Id"], "ContactId": contacts[0]["Id"], "IsPrimary": True}]
    stages = await select(sandbox, "SELECT ApiName FROM OpportunityStage ORDER BY SortOrder DESC LIMIT 1")
    assert stages == [{"ApiName": "Stage 84512001"}]


async def test_an_association_on_the_company_counts_too() -> None:
    without_association = DatasetRecord(
        object="companies", id="1", properties={}, created_at="2025-01-01T00:00:00Z",
        updated_at="2025-01-01T00:00:00Z", associations={"contacts": contact(7, company_ids=(7,)).associations["companies"]},
    )  # fmt: skip
    [first_contact] = await select(convert(without_association, contact(7)), "SELECT AccountId FROM Contact")
    assert first_contact == {"AccountId": record_id("Account", 2)}


async def test_archived_records_are_deleted_and_no_live_record_references_them() -> None:
    sandbox = convert(company(1, archived=True), contact(7, company_ids=(1,)), owner(31, archived=True))
    assert await select(sandbox, "SELECT IsDeleted FROM Account") == [{"IsDeleted": True}]
    assert await select(sandbox, "SELECT IsDeleted, AccountId FROM Contact") == [
        {"IsDeleted": False, "AccountId": None}
    ]
    assert await select(sandbox, "SELECT IsActive FROM User ORDER BY Id") == [
        {"IsActive": True},
        {"IsActive": False},
    ]


async def test_every_record_of_a_generated_portal_is_there_in_the_same_order() -> None:
    dataset = Dataset.generate(60)
    sandbox = create_sandbox(dataset, clock=lambda: NOW)
    for hubspot, salesforce in (("companies", "Account"), ("contacts", "Contact"), ("deals", "Opportunity")):
        numbers = sorted(int(one.id) for one in dataset.records if one.object == hubspot)
        rows = await select(sandbox, f"SELECT Id FROM {salesforce} ORDER BY Id")
        assert [row["Id"] for row in rows] == [record_id(salesforce, number + 1) for number in numbers]


def test_the_same_portal_is_the_same_org() -> None:
    one, other = (create_sandbox(Dataset.generate(20), clock=lambda: NOW).org for _ in range(2))
    assert (one.org_id, one.my_domain) == (other.org_id, other.my_domain)
    assert one.snapshot().lines() == other.snapshot().lines()


def test_a_snapshot_starts_the_same_org(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.script.run(sandbox.org, 200)
    first = sandbox.org.snapshot()
    first.save(tmp_path / "Small org.jsonl.gz")
    again = create_sandbox(Dataset.load(tmp_path / "Small org.jsonl.gz"), clock=lambda: NOW).org
    assert again.snapshot().lines() == first.lines()
    assert create_sandbox(first).org.org_id == sandbox.org.org_id


def test_a_record_that_no_org_can_hold_is_named_in_the_error() -> None:
    bad = salesforce_record("Account", 4, {"NumberOfEmployees": "some"})
    with pytest.raises(DatasetError, match=rf"Account {bad.id}: NumberOfEmployees"):
        create_sandbox(Dataset.from_records([bad]))
