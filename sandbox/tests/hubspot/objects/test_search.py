from typing import Any

import httpx
import pytest

from crm_sandbox import Association, Dataset, SandboxTransport
from crm_sandbox.hubspot import MutationScript, RecordChange, Sandbox, create_sandbox
from tests.hubspot.builders import NOW, company

pytestmark = pytest.mark.anyio

SEARCH = "/crm/objects/2026-09/companies/search"
DAY_MS = 86_400_000
FIRST_MS = 1_735_689_600_000


@pytest.fixture
def dataset() -> Dataset:
    """Thirty companies, one changed each day of January 2025."""
    return Dataset.from_records(
        company(
            number,
            updated_at=f"2025-01-{number:02}T00:00:00.000Z",
            name=f"Company {number}",
            domain=None if number % 3 == 0 else f"c{number}.com",
            numberofemployees=str(number * 10) if number != 30 else "n/a",
        )
        for number in range(1, 31)
    )


async def search(client: httpx.AsyncClient, *filters: dict[str, Any], **body: Any) -> dict[str, Any]:
    groups = {"filterGroups": [{"filters": list(filters)}]} if filters else {}
    answer = await client.post(SEARCH, json=groups | body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def condition(name: str, operator: str, **operands: Any) -> dict[str, Any]:
    return {"propertyName": name, "operator": operator, **operands}


def day(number: int) -> str:
    return str(FIRST_MS + (number - 1) * DAY_MS)


CASES = [
    ("no filter", [], 30),
    ("at or after", [condition("hs_lastmodifieddate", "GTE", value=day(28))], 3),
    ("after", [condition("hs_lastmodifieddate", "GT", value=day(28))], 2),
    ("at or before", [condition("hs_lastmodifieddate", "LTE", value=day(2))], 2),
    ("before", [condition("hs_lastmodifieddate", "LT", value=day(2))], 1),
    ("an inclusive window", [condition("hs_lastmodifieddate", "BETWEEN", value=day(5), highValue=day(9))], 5),
    ("an ISO date", [condition("hs_lastmodifieddate", "GTE", value="2025-01-30T00:00:00Z")], 1),
    ("a window of two filters", [condition("hs_lastmodifieddate", "GTE", value=day(5)), condition("hs_lastmodifieddate", "LTE", value=day(6))], 2),
    ("ids after one", [condition("hs_object_id", "GT", value="25")], 5),
    ("a number", [condition("numberofemployees", "EQ", value="50")], 1),
    ("a number compared as a number", [condition("numberofemployees", "GT", value="90")], 20),
    ("text in any case", [condition("name", "EQ", value="company 7")], 1),
    ("not that text", [condition("name", "NEQ", value="company 7")], 29),
    ("one of", [condition("name", "IN", values=["company 1", "company 2", "nobody"])], 2),
    ("one of, in upper case", [condition("name", "IN", values=["Company 1"])], 0),
    ("one of some numbers", [condition("hs_object_id", "IN", values=["1", "2"])], 2),
    ("none of", [condition("name", "NOT_IN", values=["company 1", "company 2"])], 28),
    ("has a domain", [condition("domain", "HAS_PROPERTY")], 20),
    ("has no domain", [condition("domain", "NOT_HAS_PROPERTY")], 10),
    ("contains", [condition("domain", "CONTAINS_TOKEN", value="*c1*")], 8),
    ("contains a whole token only", [condition("name", "CONTAINS_TOKEN", value="company 1")], 1),
    ("does not contain", [condition("name", "NOT_CONTAINS_TOKEN", value="company 1")], 29),
    ("does not contain, or has none", [condition("domain", "NOT_CONTAINS_TOKEN", value="c1*")], 22),
    ("a number for a number", [condition("numberofemployees", "EQ", value=50)], 1),
    ("a number for a moment", [condition("hs_lastmodifieddate", "GTE", value=int(day(28)))], 3),
    ("numbers for numbers", [condition("hs_object_id", "IN", values=[1, 2])], 2),
    ("a number for text", [condition("name", "CONTAINS_TOKEN", value=7)], 1),
]  # fmt: skip


@pytest.mark.parametrize(("_name", "filters", "total"), CASES, ids=[case[0] for case in CASES])
async def test_filters_count(
    client: httpx.AsyncClient, _name: str, filters: list[dict[str, Any]], total: int
) -> None:
    assert (await search(client, *filters, limit=1))["total"] == total


async def test_groups_are_alternatives(client: httpx.AsyncClient) -> None:
    groups = [{"filters": [condition("hs_object_id", "EQ", value=number)]} for number in ("1", "2")]
    assert (await search(client, filterGroups=groups))["total"] == 2


async def test_a_query_looks_into_the_searchable_properties(client: httpx.AsyncClient) -> None:
    assert (await search(client, query="C17.COM"))["total"] == 1


async def test_pages_go_by_offset_to_the_end(client: httpx.AsyncClient) -> None:
    first = await search(client, limit=20)
    assert (len(first["results"]), first["paging"]["next"]["after"]) == (20, "20")
    last = await search(client, limit=20, after="20")
    assert len(last["results"]) == 10
    assert "paging" not in last


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ({"propertyName": "hs_lastmodifieddate", "direction": "DESCENDING"}, "30"),
        ({"propertyName": "hs_lastmodifieddate"}, "1"),
        ("-numberofemployees", "29"),
        ("domain", "1"),
    ],
)
async def test_one_sort_orders_the_results_and_leaves_the_empty_last(
    client: httpx.AsyncClient, sort: object, first: str
) -> None:
    found = await search(client, sorts=[sort], limit=100)
    assert found["results"][0]["id"] == first
    assert len(found["results"]) == 30


TOKENS = [
    ("Acme Health", "health", True),
    ("Acme Health", "Heal", False),
    ("Acme Health", "heal*", True),
    ("Acme Health", "*ealth", True),
    ("Acme Health", "*eal*", True),
    ("Acme Health", "H*th", True),
    ("Acme Health", "acme health", True),
    ("Acme Health", "* health", True),
    ("Acme Health", "acm health", False),
    ("Acme Health", "?ealth", False),
    ("Acme (Health)", "health", True),
    ("ada@hubspot.com", "*@hubspot.com", True),
    ("ada@hubspot.com", "hubspot.com", True),
    ("ada@nothubspot.com", "*@hubspot.com", False),
    ("ada@hubspot.community", "*@hubspot.com", False),
    ("c1.com", "*", True),
    (None, "*", False),
]


@pytest.mark.parametrize(("text", "value", "found"), TOKENS)
async def test_a_token_is_a_whole_word_unless_a_star_stands_for_a_part(
    client: httpx.AsyncClient, sandbox: Sandbox, text: str | None, value: str, found: bool
) -> None:
    sandbox.account.upsert(RecordChange(object_name="companies", id="4", properties={"city": text}))
    only_this = condition("hs_object_id", "EQ", value="4")
    contains = await search(client, only_this, condition("city", "CONTAINS_TOKEN", value=value))
    lacks = await search(client, only_this, condition("city", "NOT_CONTAINS_TOKEN", value=value))
    assert (contains["total"], lacks["total"]) == (int(found), int(not found))


async def test_filters_without_a_group_are_one_group(client: httpx.AsyncClient) -> None:
    window = [
        condition("hs_lastmodifieddate", "GTE", value=day(5)),
        condition("hs_lastmodifieddate", "LT", value=day(7)),
    ]
    found = await search(client, filters=window)
    assert [record["id"] for record in found["results"]] == ["5", "6"]


async def test_empty_and_null_parts_of_a_search_are_as_good_as_none(client: httpx.AsyncClient) -> None:
    nothing: dict[str, Any] = {
        "filterGroups": [],
        "filters": None,
        "sorts": None,
        "query": None,
        "properties": None,
    }
    assert (await search(client, **nothing, limit=None, after=0))["total"] == 30
    assert len((await search(client, limit="5", after=5))["results"]) == 5


@pytest.mark.parametrize(
    "body",
    [
        {"filters": [condition("name", "HAS_PROPERTY")], "filterGroups": [{"filters": []}]},
        {"filters": [condition("associations.contacts", "HAS_PROPERTY")]},
    ],
)
async def test_a_search_that_is_not_simulated_says_so(
    client: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    answer = await client.post(SEARCH, json=body)
    assert (answer.status_code, answer.json()["category"]) == (501, "NOT_SIMULATED")


async def test_results_carry_the_asked_properties_and_no_associations(client: httpx.AsyncClient) -> None:
    [record] = (await search(client, condition("hs_object_id", "EQ", value="4"), properties=["domain"]))[
        "results"
    ]
    assert record["properties"]["domain"] == "c4.com"
    assert "associations" not in record


async def test_archived_records_are_never_found(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.account.archive("companies", "4")
    assert (await search(client))["total"] == 29


async def test_a_change_is_found_only_after_the_lag(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.flags.search_lag_seconds = 60
    sandbox.account.upsert(RecordChange(object_name="companies", properties={"name": "New"}))
    assert (await search(client, query="New"))["total"] == 0
    sandbox.clock.advance(60)
    assert (await search(client, query="New"))["total"] == 1


async def test_associations_can_be_a_filter(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    linked = {"companies": [Association(id="4")]}
    sandbox.account.upsert(RecordChange(object_name="contacts", id="90", associations=linked))
    assert (await search(client, condition("associations.contacts", "EQ", value="90")))["total"] == 1
    assert (await search(client, condition("associations.contacts", "IN", values=["91"])))["total"] == 0


class TestBeyondTheCap:
    @pytest.fixture
    def dataset(self) -> Dataset:
        return Dataset.from_records(company(number) for number in range(1, 10_051))

    async def test_the_total_counts_what_pages_cannot_reach(self, client: httpx.AsyncClient) -> None:
        found = await search(client, limit=200, after="9800")
        assert found["total"] == 10_050
        assert found["paging"]["next"]["after"] == "10000"
        assert (await client.post(SEARCH, json={"limit": 200, "after": "10000"})).status_code == 400


@pytest.mark.parametrize("seed", range(5))
async def test_windows_of_the_modified_date_part_the_records_whatever_happened_to_them(seed: int) -> None:
    time = iter(range(1, 10_000))
    sandbox = create_sandbox(
        Dataset.generate(40, seed), clock=lambda: NOW + next(time) / 100, rate_limit=False
    )
    headers = {"authorization": f"Bearer {sandbox.oauth.connect(sandbox.account.portal_id)['access_token']}"}
    script = MutationScript(seed)
    async with httpx.AsyncClient(
        transport=SandboxTransport(sandbox), base_url="https://crm.test", headers=headers
    ) as client:
        for _ in range(4):
            script.run(sandbox.account, 60)
            dates = sorted(one.updated_ms for one in sandbox.account.store.tables["companies"].live())
            middle = str(dates[len(dates) // 2])
            totals = [
                (await client.post(SEARCH, json={"filterGroups": groups})).json()["total"]
                for groups in (
                    [],
                    [{"filters": [modified("LT", middle)]}],
                    [{"filters": [modified("GTE", middle)]}],
                    [{"filters": [modified("GT", middle)]}],
                    [{"filters": [modified("EQ", middle)]}],
                    [{"filters": [modified("LT", middle)]}, {"filters": [modified("GTE", middle)]}],
                )
            ]
            everything, before, since, after, at, either = totals
            assert everything == len(dates) == before + since == either
            assert since == at + after


def modified(operator: str, value: str) -> dict[str, str]:
    return {"propertyName": "hs_lastmodifieddate", "operator": operator, "value": value}
