"""What is asked for where an org hides fields or objects from its user, or has features that others lack."""

import pytest

from astrelo.domain.errors import CrmRejected, PermissionMissing
from astrelo.domain.identifiers import ObjectType
from astrelo.domain.records import (
    CompanyRecord,
)
from astrelo.sandbox.salesforce import Switches
from tests.unit.adapters.salesforce_sandbox import (
    World,
    accounts,
    deals,
    row,
)

pytestmark = pytest.mark.anyio

COMPANIES, CONTACTS, DEALS = ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS


async def test_only_fields_that_a_describe_shows_are_asked_for() -> None:
    world = World(row("Account", 1, Name="Firm", Phone="1", AnnualRevenue="5"))
    world.switches.hidden_fields = ["Account.Phone", "Account.AnnualRevenue"]
    ((told_company,),) = [page.records for page in await world.pages(COMPANIES)]
    assert isinstance(told_company, CompanyRecord)
    assert (told_company.name, told_company.phone, told_company.annual_revenue) == ("Firm", None, None)
    assert told_company.unreadable == ()


async def test_features_of_an_org_show_in_what_is_asked_for() -> None:
    switches = Switches(state_country_picklists=True, multi_currency=True, dun_and_bradstreet=True)
    firm = row(
        "Account", 1, NaicsCode="541511", BillingCountry="Germany", AnnualRevenue="5", CurrencyIsoCode="EUR"
    )
    world = World(firm, switches=switches)
    ((company,),) = [page.records for page in await world.pages(COMPANIES)]
    assert isinstance(company, CompanyRecord)
    assert (company.naics, company.hq_country, company.annual_revenue_currency) == ("541511", "DE", "EUR")


async def test_a_field_hidden_between_describe_and_query_costs_a_describe() -> None:
    world = World(row("Account", 1, Name="Firm", Phone="1"))
    await world.pages(COMPANIES)
    world.switches.hidden_fields = ["Account.Phone"]
    ((company,),) = [page.records for page in await world.pages(COMPANIES)]
    assert isinstance(company, CompanyRecord)
    assert company.phone is None
    assert world.asked("/describe") == 2


async def test_a_field_that_is_refused_though_it_is_described_is_given_up() -> None:
    world = World(*accounts(1))
    world.refuse("INVALID_FIELD", match="/query", times=9)
    with pytest.raises(CrmRejected, match="INVALID_FIELD"):
        await world.pages(COMPANIES)
    assert (world.asked("/describe"), world.asked("/query")) == (2, 2)


async def test_a_refusal_that_is_about_no_field_costs_no_describe() -> None:
    world = World(*accounts(1))
    world.refuse("MALFORMED_QUERY", match="/query", times=9)
    with pytest.raises(CrmRejected, match="MALFORMED_QUERY"):
        await world.pages(COMPANIES)
    assert (world.asked("/describe"), world.asked("/query")) == (1, 1)


async def test_a_describe_is_kept_for_ten_minutes_and_no_longer() -> None:
    world = World(row("Account", 1, Phone="1"))
    world.switches.hidden_fields = ["Account.Phone"]
    await world.pages(COMPANIES)
    world.switches.hidden_fields = []
    world.clock.advance(599)
    await world.pages(COMPANIES)
    assert world.asked("/describe") == 1
    world.clock.advance(1)
    ((company,),) = [page.records for page in await world.pages(COMPANIES)]
    assert isinstance(company, CompanyRecord)
    assert company.phone == "1"


@pytest.mark.parametrize(
    ("object_type", "hidden"),
    [
        (COMPANIES, "Account"),
        (CONTACTS, "Contact"),
        (DEALS, "Opportunity"),
        (DEALS, "OpportunityContactRole"),
    ],
)
async def test_an_object_that_may_not_be_seen_is_a_missing_permission(
    object_type: ObjectType, hidden: str
) -> None:
    world = World(*deals(2), *accounts(1))
    world.switches.hidden_objects = [hidden]
    with pytest.raises(PermissionMissing) as caught:
        await world.pages(object_type)
    assert caught.value.object_type is object_type
    assert hidden in str(caught.value)
