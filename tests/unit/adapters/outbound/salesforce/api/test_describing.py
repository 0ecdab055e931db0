"""What is asked for where an org hides fields or objects from its user, or has features that others lack."""

import pytest

from astrelo.domain.errors import CrmRejected, PermissionMissing
from astrelo.domain.identifiers import ObjectType
from astrelo.domain.records import CompanyRecord
from crm_sandbox.salesforce import Flags
from tests.support.salesforce.sandbox import SandboxOrg, accounts, row, session_of

pytestmark = pytest.mark.anyio

COMPANIES, CONTACTS, DEALS = ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS


async def test_only_fields_that_a_describe_shows_are_asked_for() -> None:
    world = SandboxOrg(row("Account", 1, Name="Firm", Phone="1", AnnualRevenue="5"))
    world.flags.hidden_fields = ["Account.Phone", "Account.AnnualRevenue"]
    ((company,),) = [page.records for page in await world.pages(COMPANIES)]
    assert isinstance(company, CompanyRecord)
    assert (company.name, company.phone, company.annual_revenue) == ("Firm", None, None)
    assert company.unreadable == ()


async def test_features_of_an_org_show_in_what_is_asked_for() -> None:
    flags = Flags(state_country_picklists=True, multi_currency=True, dun_and_bradstreet=True)
    firm = row(
        "Account", 1, NaicsCode="541511", BillingCountry="Germany", AnnualRevenue="5", CurrencyIsoCode="EUR"
    )
    world = SandboxOrg(firm, flags=flags)
    ((company,),) = [page.records for page in await world.pages(COMPANIES)]
    assert isinstance(company, CompanyRecord)
    assert (company.naics, company.hq_country, company.annual_revenue_currency) == ("541511", "DE", "EUR")


async def test_a_field_hidden_between_describe_and_query_costs_a_describe() -> None:
    world = SandboxOrg(row("Account", 1, Name="Firm", Phone="1"))
    await world.pages(COMPANIES)
    world.flags.hidden_fields = ["Account.Phone"]
    ((company,),) = [page.records for page in await world.pages(COMPANIES)]
    assert isinstance(company, CompanyRecord)
    assert company.phone is None
    assert world.count_requests("/describe") == 2


async def test_a_field_that_is_refused_though_it_is_described_is_given_up() -> None:
    world = SandboxOrg(*accounts(1))
    world.refuse("INVALID_FIELD", match="/query", times=9)
    with pytest.raises(CrmRejected, match="INVALID_FIELD"):
        await world.pages(COMPANIES)
    assert (world.count_requests("/describe"), world.count_requests("/query")) == (2, 2)


async def test_a_refusal_that_is_about_no_field_costs_no_describe() -> None:
    world = SandboxOrg(*accounts(1))
    world.refuse("MALFORMED_QUERY", match="/query", times=9)
    with pytest.raises(CrmRejected, match="MALFORMED_QUERY"):
        await world.pages(COMPANIES)
    assert (world.count_requests("/describe"), world.count_requests("/query")) == (1, 1)


async def test_a_session_describes_once_and_the_next_one_anew() -> None:
    world = SandboxOrg(row("Account", 1, Phone="1"))
    world.flags.hidden_fields = ["Account.Phone"]
    await world.pages(COMPANIES)
    world.flags.hidden_fields = []
    await world.pages(COMPANIES)
    assert world.count_requests("/describe") == 1
    world.session = session_of(world.sandbox, world.provider)
    ((company,),) = [page.records for page in await world.pages(COMPANIES)]
    assert isinstance(company, CompanyRecord)
    assert company.phone == "1"


async def test_what_one_user_of_an_org_may_see_is_asked_for_whatever_another_may_not() -> None:
    world = SandboxOrg(row("Account", 1, Phone="1"))
    sees, sees_not = world.session, session_of(world.sandbox, world.provider)
    world.flags.hidden_fields = ["Account.Phone"]
    world.session = sees_not
    await world.pages(COMPANIES)
    world.flags.hidden_fields = []
    world.session = sees
    ((company,),) = [page.records for page in await world.pages(COMPANIES)]
    assert isinstance(company, CompanyRecord)
    assert company.phone == "1"


async def test_fields_that_are_hidden_from_the_user_are_named_and_those_the_org_lacks_are_not() -> None:
    world = SandboxOrg(*accounts(1), row("Contact", 1, LastName="P"))
    assert [page.withheld for kind in (COMPANIES, CONTACTS, DEALS) for page in await world.pages(kind)] == [
        [],
        [],
        [],
    ]
    world.flags.hidden_fields = [
        "Contact.Email",
        "Contact.AccountId",
        "Account.Website",
        "Opportunity.Amount",
    ]
    world.session = session_of(world.sandbox, world.provider)
    assert [page.withheld for kind in (COMPANIES, CONTACTS, DEALS) for page in await world.pages(kind)] == [
        ["domain"],
        ["email", "provider_company_id"],
        ["amount"],
    ]


@pytest.mark.parametrize("field", ["SystemModstamp", "IsDeleted"])
async def test_an_object_without_what_distinguishes_changes_from_deletions_is_a_missing_permission(
    field: str,
) -> None:
    world = SandboxOrg(*accounts(1))
    world.flags.hidden_fields = [f"Account.{field}"]
    with pytest.raises(PermissionMissing, match=rf"Account\.{field}"):
        await world.pages(COMPANIES)


async def test_a_field_that_is_described_in_another_shape_costs_itself_alone() -> None:
    world = SandboxOrg(row("Account", 1, Name="Firm", Phone="1"))
    names = ("Id", "SystemModstamp", "IsDeleted", "Name")
    described = [
        *({"name": name, "label": 5} for name in names),
        None,
        {"label": "Phone"},
        {"name": ["Phone"]},
    ]
    world.fault("respond", match="/describe", status=200, body={"fields": described, "childRelationships": 7})
    ((company,),) = [page.records for page in await world.pages(COMPANIES)]
    assert isinstance(company, CompanyRecord)
    assert (company.name, company.phone) == ("Firm", None)
