"""What a frontend narrows, orders and counts lists by, and where a record is opened at its CRM."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from astrelo.adapters.outbound.postgres.session import reads
from tests.support.harness.api import REPORTED_AT, WRITTEN_AT, ApiHarness, api_harness, ids

pytestmark = pytest.mark.anyio


@pytest.fixture
async def api(database: str) -> AsyncIterator[ApiHarness]:
    async with api_harness(database) as opened:
        yield opened


async def _found(api: ApiHarness, path: str, laid: dict[str, UUID], **params: str) -> str:
    """Return the names of the records that a list shows, in its order."""
    names = {str(record_id): name for name, record_id in laid.items()}
    return "".join(names[entry["id"]] for entry in await api.data(path, **params))


async def test_companies_are_filtered_by_their_head_count(api: ApiHarness) -> None:
    sizes = {"a": 10, "b": 50, "c": 200, "d": None}
    laid = {
        name: await api.company(id=UUID(int=place), employee_count=size)
        for place, (name, size) in enumerate(sizes.items())
    }
    assert await _found(api, "/api/companies", laid, employees_min="50") == "bc"
    assert await _found(api, "/api/companies", laid, employees_max="50") == "ab"
    assert await _found(api, "/api/companies", laid, employees_min="11", employees_max="199") == "b"
    assert (await api.get("/api/companies", employees_min="-1")).status_code == 400


CRITERIA: list[tuple[dict[str, Any], str]] = [
    ({}, "abcd"),
    ({"industries": ["RETAIL", "BANKING"]}, "ab"),
    ({"naics": ["44-45"]}, "b"),
    ({"naics": ["52", "11"]}, "a"),
    ({"naics": ["45"]}, "b"),
    ({"employee_min": 50}, "b"),
    ({"employee_max": 50}, "ab"),
    ({"revenue_ranges": ["<1M"]}, "a"),
    ({"countries": ["US"], "industries": ["RETAIL"]}, "b"),
    ({"countries": ["NZ"]}, ""),
]


@pytest.mark.parametrize(("criteria", "fitting"), CRITERIA)
async def test_companies_that_fit_the_profile_are_found_and_explained(
    api: ApiHarness, criteria: dict[str, Any], fitting: str
) -> None:
    rows: dict[str, dict[str, Any]] = {
        "a": {"industry": "BANKING", "naics": "5221", "employee_count": 49, "revenue_range": "<1M", "hq_country": "US"},
        "b": {"industry": "RETAIL", "naics": "44-45", "employee_count": 50, "hq_country": "US"},
        "c": {"industry": "MINING", "hq_country": "DE"},
        "d": {},
    }  # fmt: skip
    laid = {
        name: await api.company(id=UUID(int=place), **row)
        for place, (name, row) in enumerate(rows.items(), 1)
    }
    put = await api.ask("PUT", "/api/icp-profile", json={"name": "Ours"} | criteria)
    assert put.status_code == 200
    assert await _found(api, "/api/companies", laid, fits_icp="true") == fitting
    others = "".join(name for name in rows if name not in fitting)
    assert await _found(api, "/api/companies", laid, fits_icp="false") == others
    for name, company_id in laid.items():
        icp = (await api.get(f"/api/companies/{company_id}/explain")).json()["icp"]
        assert icp["fits"] is (name in fitting)


async def test_without_a_profile_every_company_fits(api: ApiHarness) -> None:
    company = await api.company()
    assert ids(await api.data("/api/companies", fits_icp="true")) == {company}
    assert await api.data("/api/companies", fits_icp="false") == []
    icp = (await api.get(f"/api/companies/{company}/explain")).json()["icp"]
    assert icp == {"fits": True, "criteria": []}


async def test_the_explanation_says_of_each_criterion_whether_it_is_met(api: ApiHarness) -> None:
    company = await api.company(industry="BANKING", employee_count=7)
    profile = {"name": "Ours", "industries": ["BANKING"], "employee_min": 50, "countries": ["US"]}
    await api.ask("PUT", "/api/icp-profile", json=profile)
    icp = (await api.get(f"/api/companies/{company}/explain")).json()["icp"]
    assert icp["fits"] is False
    assert {each["criterion"]: (each["outcome"], each["value"]) for each in icp["criteria"]} == {
        "industries": ("met", "BANKING"),
        "naics": ("any", None),
        "employees": ("not_met", 7),
        "revenue_ranges": ("any", None),
        "countries": ("unknown", None),
    }


@pytest.mark.parametrize("kind", ["contact", "deal"])
async def test_contacts_and_deals_are_filtered_by_rep_source_and_id_at_the_crm(
    api: ApiHarness, kind: str
) -> None:
    rep, lay = uuid4(), getattr(api, kind)
    laid = {
        "a": await lay(id=UUID(int=1), crm_rep_id=rep, external_provider_id="7"),
        "b": await lay(id=UUID(int=2), external_source="salesforce", external_provider_id="7"),
        "c": await lay(id=UUID(int=3), external_source="salesforce"),
    }
    path = f"/api/{kind}s"
    assert await _found(api, path, laid, rep=str(rep)) == "a"
    assert await _found(api, path, laid, source="salesforce") == "bc"
    assert await _found(api, path, laid, external_id="7") == "ab"
    assert await _found(api, path, laid, external_id="7", source="hubspot") == "a"
    assert await _found(api, path, laid, external_id="8") == ""
    assert await api.data(path, external_id="7", rep=str(uuid4())) == []


async def test_a_company_is_found_by_the_id_of_any_of_its_records(api: ApiHarness) -> None:
    laid = {"a": await api.company(id=UUID(int=1)), "b": await api.company(id=UUID(int=2))}
    await api.record(laid["a"], "7")
    await api.record(laid["b"], "7", external_source="salesforce")
    await api.record(laid["b"], "8", archived_at=REPORTED_AT)
    assert await _found(api, "/api/companies", laid, external_id="7") == "ab"
    assert await _found(api, "/api/companies", laid, external_id="7", source="salesforce") == "b"
    assert await _found(api, "/api/companies", laid, external_id="8") == ""
    assert await _found(api, "/api/companies", laid, external_id="8", include_archived="true") == "b"


async def test_deals_are_filtered_by_whether_they_belong_to_a_company(api: ApiHarness) -> None:
    laid = {
        "a": await api.deal(company_id=await api.company()),
        "b": await api.deal(unlinked_reason="not_associated"),
    }
    assert await _found(api, "/api/deals", laid, linked="true") == "a"
    assert await _found(api, "/api/deals", laid, linked="false") == "b"


async def test_the_deals_of_a_contact_are_found_in_whatever_place_it_has(api: ApiHarness) -> None:
    contact = await api.contact(external_provider_id="7")
    laid = {
        name: await api.deal(id=UUID(int=place), provider_contact_ids=contacts)
        for place, (name, contacts) in enumerate(
            {
                "a": ["7"],
                "b": ["6", "7"],
                "c": ["5", "6", "7"],
                "d": ["1", "2", "3", "7"],
                "e": ["8"],
                "f": [],
            }.items()
        )
    }
    await api.deal(external_source="salesforce", provider_contact_ids=["7"])
    await api.deal(user_id=api.neighbour_id, provider_contact_ids=["7"])
    assert await _found(api, "/api/deals", laid, contact=str(contact)) == "abcd"
    assert await api.data("/api/deals", contact=str(uuid4())) == []


async def test_a_name_of_several_words_may_begin_the_whole_name(api: ApiHarness) -> None:
    laid = {
        "a": await api.contact(id=UUID(int=1), first_name="Anna Maria", last_name="Lee"),
        "b": await api.contact(id=UUID(int=2), first_name="Anna", last_name="Maria Lee"),
        "c": await api.contact(id=UUID(int=3), first_name="Anna", last_name="Lee"),
        "d": await api.contact(id=UUID(int=4), last_name="Anna Maria"),
    }
    assert await _found(api, "/api/contacts", laid, name="anna m") == "abd"
    assert await _found(api, "/api/contacts", laid, name="anna maria l") == "ab"
    assert await _found(api, "/api/contacts", laid, name="anna l") == "c"
    assert await _found(api, "/api/contacts", laid, name="maria") == "b"


async def test_an_owner_is_found_by_id(api: ApiHarness) -> None:
    owner = await api.owner(email="ada@acme.com", archived=True)
    shown = (await api.get(f"/api/owners/{owner}")).json()
    assert (shown["id"], shown["email"], shown["archived"]) == (str(owner), "ada@acme.com", True)
    assert (await api.get(f"/api/owners/{owner}", api.neighbour_id)).status_code == 404


ORDERS: list[tuple[str, str, str]] = [
    ("companies", "name", "cabde"),
    ("companies", "freshness", "badce"),
    ("companies", "revenue", "bdace"),
    ("contacts", "name", "cabde"),
    ("contacts", "freshness", "badce"),
    ("deals", "freshness", "badce"),
    ("deals", "amount", "bdace"),
]
_NAMES = {"a": "beta", "b": "Gamma", "c": "Älpha", "d": "Gamma", "e": None}
_DAYS = {"a": 1, "b": 0, "c": 2, "d": 1, "e": 3}
_AMOUNTS = {"a": "5", "b": "70", "c": None, "d": "70", "e": None}


@pytest.mark.parametrize(("path", "sort", "order"), ORDERS)
async def test_sorted_pages_meet_every_record_once_in_order(
    api: ApiHarness, path: str, sort: str, order: str
) -> None:
    laid = {}
    for place, name in enumerate("abcde", 1):
        amount = _AMOUNTS[name] and Decimal(_AMOUNTS[name] or 0)
        row = {"id": UUID(int=place), "source_updated_at": REPORTED_AT - timedelta(days=_DAYS[name])}
        if path == "companies":
            record_id = await api.company(**row, company_name=_NAMES[name], annual_revenue_usd=amount)
        elif path == "contacts":
            record_id = await api.contact(**row, last_name=_NAMES[name])
        else:
            record_id = await api.deal(**row, amount_usd=amount)
        laid[str(record_id)] = name
    for limit in (1, 2, 3, 10):
        met, cursor = "", None
        while True:
            params = {"sort": sort, "limit": str(limit)} | ({"cursor": cursor} if cursor else {})
            page = (await api.get(f"/api/{path}", None, **params)).json()
            met += "".join(laid[entry["id"]] for entry in page["data"])
            if (cursor := page["next_cursor"]) is None:
                break
        assert met == order, limit


async def test_a_sorted_list_whose_last_record_is_gone_asks_to_begin_anew(api: ApiHarness) -> None:
    for number in (1, 2, 3):
        await api.company(id=UUID(int=number), company_name=f"Company {number}")
    page = (await api.get("/api/companies", sort="name", limit="1")).json()
    await api.pool.execute("delete from crm_companies")
    await api.pool.execute("delete from companies where id = $1", UUID(int=1))
    response = await api.get("/api/companies", sort="name", limit="1", cursor=page["next_cursor"])
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "cursor")
    assert (await api.get("/api/companies", sort="domain")).status_code == 400


async def test_a_list_counts_what_its_filters_leave_when_asked(
    api: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in range(5):
        company = await api.company(
            industry="BANKING" if place else None, archived_at=WRITTEN_AT if place > 3 else None
        )
        await api.contact(company_id=company)
        await api.deal(company_id=company)
    await api.company(user_id=api.neighbour_id)
    for how in ("exact", "estimated"):
        page = (await api.get("/api/companies", count=how, limit="1", industry="BANKING")).json()
        assert (page["total"], len(page["data"])) == (3, 1)
        assert (await api.get("/api/contacts", count=how)).json()["total"] == 5
        assert (await api.get("/api/deals", count=how, company_id=str(uuid4()))).json()["total"] == 0
        assert (await api.get("/api/companies", count=how, source="hubspot")).json()["total"] == 4
    assert "total" not in (await api.get("/api/companies")).json()
    monkeypatch.setattr(reads, "MAX_COUNTED", 2)  # above it the planner estimates
    await api.pool.execute("analyze companies")
    assert 3 <= (await api.get("/api/companies", count="estimated")).json()["total"] <= 10


async def test_a_record_leads_into_its_crm(api: ApiHarness) -> None:
    await api.connection(account_id="4711", app_url="https://app-eu1.hubspot.com")
    await api.connection(
        provider="salesforce",
        account_id="00D",
        app_url="https://acme.my.salesforce.com",
        status="disconnected",
    )
    theirs = {"external_source": "salesforce"}
    laid = {
        "companies": [await api.company(external_provider_id="1"), await api.company(external_provider_id="0012", **theirs)],
        "contacts": [await api.contact(external_provider_id="2"), await api.contact(external_provider_id="0034", **theirs)],
        "deals": [await api.deal(external_provider_id="3"), await api.deal(external_provider_id="0065", **theirs)],
    }  # fmt: skip
    shown = [
        (await api.get(f"/api/{kind}/{record}")).json()["external_url"]
        for kind, records in laid.items()
        for record in records
    ]
    assert shown == [
        "https://app-eu1.hubspot.com/contacts/4711/record/0-2/1",
        "https://acme.my.salesforce.com/lightning/r/Account/0012/view",
        "https://app-eu1.hubspot.com/contacts/4711/record/0-1/2",
        "https://acme.my.salesforce.com/lightning/r/Contact/0034/view",
        "https://app-eu1.hubspot.com/contacts/4711/record/0-3/3",
        "https://acme.my.salesforce.com/lightning/r/Opportunity/0065/view",
    ]
    listed = {entry["external_url"] for kind in laid for entry in await api.data(f"/api/{kind}")}
    assert listed == set(shown)
