import json
from pathlib import Path

import httpx
import pytest

from crm_sandbox import Dataset, FailureProfile, FaultPlan, Rule, SandboxTransport, serve
from crm_sandbox.clock import format_iso
from crm_sandbox.hubspot import RecordChange, Sandbox, create_sandbox
from tests.hubspot.builders import NOW, company

pytestmark = pytest.mark.anyio

COMPANIES = "/crm/objects/2026-09/companies"
SEARCH = f"{COMPANIES}/search"


async def statuses(sandbox: Sandbox, count: int) -> list[int]:
    tokens = sandbox.oauth.connect(sandbox.account.portal_id)
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    async with httpx.AsyncClient(
        transport=SandboxTransport(sandbox), base_url="https://crm.test", headers=headers
    ) as client:
        return [(await client.get(COMPANIES)).status_code for _ in range(count)]


def planned(*rules: Rule, seed: int = 1, index: FailureProfile | None = None) -> Sandbox:
    dataset = Dataset.from_records(
        [company(number, updated_at=format_iso(NOW - number)) for number in range(1, 301)]
    )
    sandbox = create_sandbox(dataset, clock=lambda: NOW, rate_limit=False)
    sandbox.set_plan(FaultPlan(seed=seed, rules=list(rules), index=index or FailureProfile()))
    return sandbox


async def test_rules_strike_with_their_probability_and_the_same_for_the_same_seed() -> None:
    rules = (
        Rule(kind="respond", status=502, probability=0.3),
        Rule(kind="respond", status=423, probability=0.3),
    )
    one, other = [await statuses(planned(*rules), 200) for _ in range(2)]
    assert one == other
    assert 40 < one.count(502) < 80
    assert 25 < one.count(423) < 60
    assert one != await statuses(planned(*rules, seed=2), 200)


async def test_a_rule_strikes_no_more_than_its_limit_and_its_hits_are_counted() -> None:
    sandbox = planned(Rule(kind="respond", status=477, probability=1, most=2))
    assert await statuses(sandbox, 4) == [477, 477, 200, 200]
    assert sandbox.planned.hits == [2]


async def test_a_plan_is_set_shown_and_cleared_by_calls(client: httpx.AsyncClient) -> None:
    plan = {"seed": 3, "rules": [{"kind": "respond", "status": 503, "match": "/companies", "probability": 1}]}
    assert (await client.post("/_sandbox/fault-plan", json=plan)).status_code == 200
    assert (await client.get(COMPANIES)).status_code == 503
    shown = (await client.get("/_sandbox/fault-plan")).json()
    assert (shown["plan"]["seed"], shown["hits"]) == (3, [1])
    await client.delete("/_sandbox/fault-plan")
    assert (await client.get(COMPANIES)).status_code == 200


async def test_a_plan_that_does_not_fit_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/_sandbox/fault-plan", json={"rules": [{"kind": "respond"}]})
    assert answer.status_code == 400
    assert "probability" in answer.json()["message"]


def test_a_plan_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"seed": 9, "index": {"late": 0.5}}), encoding="utf-8")
    assert FaultPlan.load(path).index.late == 0.5
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"plan\.json"):
        FaultPlan.load(path)


async def test_a_dripping_answer_arrives_whole() -> None:
    sandbox = planned(Rule(kind="drip", probability=1, delay_ms=16))
    tokens = sandbox.oauth.connect(sandbox.account.portal_id)
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    async with (
        serve(sandbox) as url,
        httpx.AsyncClient(base_url=url, headers=headers) as client,
        client.stream("GET", COMPANIES, params={"limit": "100"}) as answer,
    ):
        pieces = [piece async for piece in answer.aiter_raw()]
    assert len(pieces) > 1
    assert len(json.loads(b"".join(pieces))["results"]) == 100


async def test_a_dripping_answer_arrives_whole_in_process_too() -> None:
    assert await statuses(planned(Rule(kind="drip", probability=1, delay_ms=8)), 1) == [200]


class Searcher:
    """Asks for one window page by page; `seen` are the ids of each page."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.seen: list[list[int]] = []
        tokens = sandbox.oauth.connect(sandbox.account.portal_id)
        self._client = httpx.AsyncClient(
            transport=SandboxTransport(sandbox),
            base_url="https://crm.test",
            headers={"authorization": f"Bearer {tokens['access_token']}"},
        )

    async def search_all(self, low: int, high: int) -> int:
        """Read the records modified between so many seconds ago; gives the total."""
        between = {"propertyName": "hs_lastmodifieddate", "operator": "BETWEEN"}
        between |= {"value": f"{(NOW - high) * 1000:.0f}", "highValue": f"{(NOW - low) * 1000:.0f}"}
        body: dict[str, object] = {"filterGroups": [{"filters": [between]}], "limit": 50}
        while True:
            document = (await self._client.post(SEARCH, json=body)).json()
            self.seen.append([int(found["id"]) for found in document["results"]])
            if "paging" not in document:
                return int(document["total"])
            body["after"] = document["paging"]["next"]["after"]


async def search_pages(index: FailureProfile) -> list[list[int]]:
    searcher = Searcher(planned(index=index))
    assert await searcher.search_all(1, 200) == 200
    return searcher.seen


async def test_an_index_without_moods_gives_full_pages() -> None:
    assert [len(page) for page in await search_pages(FailureProfile())] == [50] * 4


async def test_a_shuffled_index_repeats_and_misses() -> None:
    pages = await search_pages(FailureProfile(shuffle=1))
    assert len({found for page in pages for found in page}) < 200


async def test_short_pages_lose_nothing() -> None:
    pages = await search_pages(FailureProfile(short_pages=1))
    assert min(len(page) for page in pages) < 50
    assert sorted(found for page in pages for found in page) == list(range(1, 201))


async def test_a_leaking_index_brings_strangers_and_loses_nothing() -> None:
    pages = await search_pages(FailureProfile(leak=1))
    seen = [found for page in pages for found in page]
    assert max(seen) > 200
    assert max(len(page) for page in pages) == 50
    assert sorted(found for found in seen if found <= 200) == list(range(1, 201))


async def test_a_late_index_publishes_in_the_end() -> None:
    sandbox = planned(index=FailureProfile(late=1, late_seconds=(5, 10)))
    sandbox.account.upsert(RecordChange(object_name="companies", id="1"))
    searcher = Searcher(sandbox)
    assert await searcher.search_all(0, 200) == 199
    sandbox.clock.advance(11)
    assert await searcher.search_all(-20, 200) == 200
