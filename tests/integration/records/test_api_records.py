"""Companies, contacts, deals and owners over HTTP: what is listed, filtered, paged, and to whom."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.harness.api import REPORTED_AT, WRITTEN_AT, ApiHarness, api_harness, ids

pytestmark = pytest.mark.anyio

LATER = WRITTEN_AT + timedelta(days=1)


def source(name: str, record_id: str, updated_at: str = "2026-11-01T00:00:00Z") -> dict[str, str]:
    return {"external_source": name, "external_provider_id": record_id, "source_updated_at": updated_at}


@pytest.fixture
async def api(database: str) -> AsyncIterator[ApiHarness]:
    async with api_harness(database) as opened:
        yield opened


async def test_a_company_is_shown_with_everything_that_is_known_of_it(api: ApiHarness) -> None:
    rep = await api.owner()
    known: dict[str, Any] = {
        "company_name": "Acme", "domain": "acme.com", "industry": "COMPUTER_SOFTWARE", "naics": "5132",
        "sic": "7372", "employee_count": 1200, "annual_revenue_currency": "USD",
        "revenue_range": "1M-10M", "annual_revenue_rate_date": None,
        "hq_country": "US", "hq_region": "US-CA", "hq_city": "Oakland", "description": "Anvils",
        "phone": "+1 555", "linkedin_url": "https://linkedin.com/company/acme", "lifecycle_stage": "lead",
    }  # fmt: skip
    company = await api.company(
        **known, annual_revenue=Decimal("1234567.50"), annual_revenue_usd=Decimal(9), crm_rep_id=rep
    )
    response = await api.get(f"/api/companies/{company}")
    assert response.json() == known | {
        "id": str(company),
        "annual_revenue": "1234567.50",
        "annual_revenue_usd": "9",
        "crm_rep_id": str(rep),
        "external_source": "hubspot",
        "external_provider_id": company.hex,
        "external_url": None,
        "sources": [source("hubspot", f"{company.hex}-0")],
        "source_updated_at": "2026-11-01T00:00:00Z",
        "synced_at": "2026-11-02T00:00:00Z",
        "archived_at": None,
    }


async def test_a_company_names_the_live_records_of_each_crm_the_freshest_first(api: ApiHarness) -> None:
    company = await api.company(records=0)
    await api.record(company, "old")
    await api.record(company, "new", source_updated_at=LATER)
    await api.record(company, "1", external_source="salesforce")
    await api.record(company, "gone", archived_at=WRITTEN_AT)
    await api.record(await api.company(), "other")
    named = [
        source("hubspot", "new", "2026-11-03T00:00:00Z"),
        source("hubspot", "old"),
        source("salesforce", "1"),
    ]
    assert (await api.get(f"/api/companies/{company}")).json()["sources"] == named
    listed = {entry["id"]: entry["sources"] for entry in await api.data("/api/companies")}
    assert listed[str(company)] == named


async def test_a_crowded_company_names_its_freshest_records_and_none_of_a_crm_is_crowded_out(
    api: ApiHarness,
) -> None:
    company = await api.company(records=0)
    for place in range(30):
        await api.record(company, f"{place:02}", source_updated_at=REPORTED_AT - timedelta(hours=place))
    await api.record(
        company, "1", external_source="salesforce", source_updated_at=REPORTED_AT - timedelta(days=9)
    )
    named = (await api.get(f"/api/companies/{company}")).json()["sources"]
    assert [entry["external_provider_id"] for entry in named] == [f"{place:02}" for place in range(20)] + [
        "1"
    ]


async def test_an_archived_company_has_no_sources_left(api: ApiHarness) -> None:
    company = await api.company(archived_at=WRITTEN_AT)
    assert (await api.get(f"/api/companies/{company}")).json()["sources"] == []


async def test_companies_are_filtered_by_the_crm_that_has_a_live_record(api: ApiHarness) -> None:
    both = await api.company()
    await api.record(both, "1", external_source="salesforce")
    hubspot = await api.company()
    await api.record(hubspot, "2", external_source="salesforce", archived_at=WRITTEN_AT)
    salesforce = await api.company(external_source="salesforce")
    gone = await api.company(archived_at=WRITTEN_AT)
    assert ids(await api.data("/api/companies", source="hubspot")) == {both, hubspot}
    assert ids(await api.data("/api/companies", source="salesforce")) == {both, salesforce}
    with_archived = await api.data("/api/companies", source="hubspot", include_archived="true")
    assert ids(with_archived) == {both, hubspot, gone}
    assert (await api.get("/api/companies", source="sugar")).status_code == 400


async def test_the_summary_counts_live_companies_and_those_that_two_crms_know(api: ApiHarness) -> None:
    summary = {"companies": 0, "with_two_sources": 0, "counted_at": None}
    assert (await api.get("/api/companies/summary")).json() == summary
    both = await api.company(records=2)
    await api.record(both, "1", external_source="salesforce")
    once = await api.company()
    await api.record(once, "2", external_source="salesforce", archived_at=WRITTEN_AT)
    await api.company(external_source="salesforce")
    await api.company(archived_at=WRITTEN_AT)
    await api.company(user_id=api.neighbour_id)
    await api.count_records()
    counted = {"companies": 3, "with_two_sources": 1, "counted_at": "2026-11-02T00:00:00Z"}
    assert (await api.get("/api/companies/summary")).json() == counted


COMPANY_FILTERS: list[tuple[dict[str, str], str]] = [
    ({}, "abc"),
    ({"name": "ac"}, "ab"),
    ({"name": "ACME I"}, "a"),
    ({"name": "50%_"}, "c"),
    ({"name": "%"}, ""),
    ({"domain": "acme.com"}, "a"),
    ({"domain": "https://www.ACME.com/about"}, "a"),
    ({"industry": "RETAIL"}, "bc"),
    ({"naics": "51"}, "a"),
    ({"naics": "44"}, "bc"),
    ({"naics": "45"}, "b"),
    ({"naics": "44-45"}, "bc"),
    ({"naics": "31-33"}, ""),
    ({"country": "US"}, "ab"),
    ({"region": "US-CA"}, "a"),
    ({"country": "US", "name": "acne"}, "b"),
    ({"revenue_range": ">1B"}, "c"),
    ({"updated_since": LATER.isoformat()}, "c"),
    ({"updated_since": "2027-01-01T00:00:00+02:00"}, ""),
    ({"include_archived": "true"}, "abcz"),
    ({"include_archived": "true", "industry": "GONE"}, "z"),
]


async def test_companies_are_filtered(api: ApiHarness) -> None:
    rows: dict[str, dict[str, Any]] = {
        "a": {"company_name": "Acme Inc", "domain": "acme.com", "naics": "5132", "hq_country": "US", "hq_region": "US-CA"},
        "b": {"company_name": "acne", "industry": "RETAIL", "naics": "44-45", "hq_country": "US"},
        "c": {"company_name": "50%_off", "industry": "RETAIL", "naics": "4451", "revenue_range": ">1B", "synced_at": LATER},
        "z": {"company_name": "Gone", "industry": "GONE", "archived_at": WRITTEN_AT},
    }  # fmt: skip
    laid = {name: await api.company(**row) for name, row in rows.items()}
    for params, found in COMPANY_FILTERS:
        shown = ids(await api.data("/api/companies", **params))
        assert shown == {laid[name] for name in found}, params


async def test_paging_meets_every_company_once_in_order(api: ApiHarness) -> None:
    laid = sorted([await api.company(company_name=f"Company {place}") for place in range(7)])
    met: list[UUID] = []
    sizes, params = [], {"limit": "3"}
    while True:
        page = (await api.get("/api/companies", None, **params)).json()
        sizes.append(len(page["data"]))
        met += [UUID(entry["id"]) for entry in page["data"]]
        assert page["has_more"] is (page["next_cursor"] is not None)
        if not page["has_more"]:
            break
        params["cursor"] = page["next_cursor"]
    assert met == laid
    assert sizes == [3, 3, 1]


async def test_a_cursor_of_other_filters_another_list_or_another_user_is_refused(api: ApiHarness) -> None:
    for _ in range(2):
        await api.company(company_name="Acme")
        await api.company(company_name="Acme", user_id=api.neighbour_id)
        await api.contact(first_name="Ada")
    cursor = (await api.get("/api/companies", limit="1")).json()["next_cursor"]
    for path, user_id, filters in (
        ("companies", api.neighbour_id, {}),
        ("companies", api.user_id, {"name": "acme"}),
        ("companies", api.user_id, {"include_archived": "true"}),
        ("contacts", api.user_id, {}),
        ("owners", api.user_id, {}),
        ("integrations/hubspot/runs", api.user_id, {}),
    ):
        response = await api.get(f"/api/{path}", user_id, cursor=cursor, **filters)
        assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor"), path
        assert [error["field"] for error in response.json()["errors"]] == ["cursor"]
    assert len(await api.data("/api/companies", cursor=cursor, limit="3")) == 1


async def test_a_company_that_arrives_while_a_client_pages_moves_no_other(api: ApiHarness) -> None:
    laid = [await api.company(id=UUID(int=number)) for number in (10, 20, 30)]
    page = (await api.get("/api/companies", limit="2")).json()
    await api.company(id=UUID(int=5))
    rest = await api.data("/api/companies", limit="2", cursor=page["next_cursor"])
    assert ids(rest) == {laid[2]}


async def test_a_merged_company_leads_to_the_one_that_lives(api: ApiHarness) -> None:
    living, merged = await api.company(), uuid4()
    await api.insert("company_aliases", {"user_id": api.user_id, "alias_id": merged, "company_id": living})
    response = await api.get(f"/api/companies/{merged}")
    assert (response.status_code, response.headers["location"]) == (308, f"/api/companies/{living}")
    contact = await api.contact(company_id=living)
    deal = await api.deal(company_id=living)
    assert ids(await api.data("/api/contacts", company_id=merged)) == {contact}
    assert ids(await api.data("/api/deals", company_id=merged)) == {deal}


async def test_an_archived_company_can_still_be_looked_up(api: ApiHarness) -> None:
    company = await api.company(archived_at=WRITTEN_AT)
    assert (await api.get(f"/api/companies/{company}")).json()["archived_at"] == "2026-11-02T00:00:00Z"


async def test_a_contact_shows_its_company_or_why_it_has_none(api: ApiHarness) -> None:
    company = await api.company()
    linked = await api.contact(company_id=company, company_match="email_domain", email="ann@acme.com")
    alone = await api.contact(unlinked_reason="free_mail", first_name="Bo", email="bo@gmail.com")
    one, other = [(await api.get(f"/api/contacts/{contact}")).json() for contact in (linked, alone)]
    link = ("company_id", "company_match", "unlinked_reason")
    assert [one[name] for name in link] == [str(company), "email_domain", None]
    assert [other[name] for name in link] == [None, None, "free_mail"]
    assert (other["first_name"], other["email"]) == ("Bo", "bo@gmail.com")


CONTACT_FILTERS: list[tuple[dict[str, str], str]] = [
    ({}, "abc"),
    ({"name": "ann"}, "a"),
    ({"name": "ann Le"}, "a"),
    ({"name": "lee"}, "ab"),
    ({"name": "%"}, ""),
    ({"email": "ANN@"}, "a"),
    ({"email": "_nn"}, ""),
    ({"linked": "true"}, "a"),
    ({"linked": "false"}, "bc"),
    ({"unlinked_reason": "free_mail"}, "b"),
    ({"updated_since": LATER.isoformat()}, "c"),
    ({"include_archived": "true", "linked": "false"}, "bcz"),
]


async def test_contacts_are_filtered(api: ApiHarness) -> None:
    company = await api.company()
    rows: dict[str, dict[str, Any]] = {
        "a": {"first_name": "Ann", "last_name": "Lee", "email": "ann@acme.com", "company_id": company},
        "b": {"last_name": "Lee", "unlinked_reason": "free_mail", "email": "bo@gmail.com"},
        "c": {"synced_at": LATER},
        "z": {"archived_at": WRITTEN_AT},
    }
    laid = {name: await api.contact(**row) for name, row in rows.items()}
    for params, found in CONTACT_FILTERS:
        shown = ids(await api.data("/api/contacts", **params))
        assert shown == {laid[name] for name in found}, params


async def test_a_deal_names_the_contacts_that_have_arrived(api: ApiHarness) -> None:
    company, contact = await api.company(), await api.contact()
    deal = await api.deal(
        company_id=company,
        amount=Decimal("99.90"),
        probability=Decimal("0.4"),
        close_date=datetime(2026, 12, 24, tzinfo=UTC),
        is_won=False,
        provider_contact_ids=[contact.hex, "not arrived"],
        contact_ids=[contact],
    )
    shown = (await api.get(f"/api/deals/{deal}")).json()
    assert shown["contact_ids"] == [str(contact)]
    assert (shown["amount"], shown["probability"], shown["is_won"]) == ("99.90", 0.4, False)
    assert shown["close_date"] == "2026-12-24T00:00:00Z"


DEAL_FILTERS: list[tuple[dict[str, str], str]] = [
    ({}, "abc"),
    ({"pipeline": "default"}, "ab"),
    ({"pipeline": "Sales"}, "ab"),
    ({"stage": "Won"}, "a"),
    ({"stage": "s2"}, "b"),
    ({"is_closed": "true"}, "a"),
    ({"is_won": "false"}, "b"),
    ({"updated_since": LATER.isoformat()}, "c"),
    ({"include_archived": "true"}, "abcz"),
]


async def test_deals_are_filtered(api: ApiHarness) -> None:
    sales = {"pipeline_id": "default", "pipeline_label": "Sales"}
    rows: dict[str, dict[str, Any]] = {
        "a": sales | {"stage_id": "s1", "stage_label": "Won", "is_closed": True, "is_won": True},
        "b": sales | {"stage_id": "s2", "stage_label": "Open", "is_closed": False, "is_won": False},
        "c": {"synced_at": LATER},
        "z": {"archived_at": REPORTED_AT},
    }
    laid = {name: await api.deal(**row) for name, row in rows.items()}
    for params, found in DEAL_FILTERS:
        shown = ids(await api.data("/api/deals", **params))
        assert shown == {laid[name] for name in found}, params


async def test_owners_are_listed_archived_ones_too(api: ApiHarness) -> None:
    laid = {await api.owner(first_name="Di", archived=True), await api.owner()}
    assert ids(await api.data("/api/owners")) == laid


@pytest.mark.parametrize("kind", ["companies", "contacts", "deals"])
async def test_another_tenant_s_id_is_like_one_that_does_not_exist(api: ApiHarness, kind: str) -> None:
    lay = {"companies": api.company, "contacts": api.contact, "deals": api.deal}[kind]
    theirs = await lay(user_id=api.neighbour_id)
    for record_id in (theirs, uuid4()):
        response = await api.get(f"/api/{kind}/{record_id}")
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
        assert response.json()["detail"].partition(".")[0].endswith(f" {record_id}")
    assert (await api.get(f"/api/{kind}/{theirs}", api.neighbour_id)).status_code == 200
    assert await api.data(f"/api/{kind}") == []


async def test_another_tenant_s_alias_leads_nowhere(api: ApiHarness) -> None:
    living, merged = await api.company(user_id=api.neighbour_id), uuid4()
    await api.insert(
        "company_aliases", {"user_id": api.neighbour_id, "alias_id": merged, "company_id": living}
    )
    assert (await api.get(f"/api/companies/{merged}")).status_code == 404


async def test_what_a_neighbour_has_shows_in_no_list_and_in_no_count(api: ApiHarness) -> None:
    theirs = {"user_id": api.neighbour_id}
    await api.connection(**theirs, account_name="Theirs")
    crowd = await api.company(**theirs, domain="crowded.com", records=30)
    await api.contact(**theirs, company_id=crowd)
    await api.deal(**theirs, company_id=crowd)
    await api.owner(**theirs)
    run = await api.run(await api.connection())
    await api.step(run, "companies")
    await api.count_records()
    shown = (await api.get("/api/integrations/hubspot")).json()
    assert shown["account_name"] != "Theirs"
    assert shown["counts"]["companies"] == {"records": 0, "entities": 0}
    assert (shown["counts"]["contacts"]["total"], shown["counts"]["deals"]["total"]) == (0, 0)
    assert shown["counts"]["owners"] == 0
    report = (await api.get(f"/api/integrations/hubspot/runs/{run}")).json()
    assert (report["crowded_domains"], report["rejected_records"]) == ([], [])
    for kind in ("companies", "contacts", "deals", "owners"):
        assert await api.data(f"/api/{kind}") == []
