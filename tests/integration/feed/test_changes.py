"""The change feed and exports over HTTP: cursors, types, deletions, what is refused."""

import base64
import gzip
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from astrelo.adapters.outbound.postgres.feed.pruning import FeedPruning
from tests.support.harness.api import WRITTEN_AT, ApiHarness, api_harness

pytestmark = pytest.mark.anyio


@pytest.fixture
async def api(database: str) -> AsyncIterator[ApiHarness]:
    async with api_harness(database) as opened:
        yield opened


async def follow(
    api: ApiHarness, after: str | None = None, **params: Any
) -> tuple[list[dict[str, Any]], str]:
    """Read to the end; return all changes and the last cursor."""
    changes = []
    while True:
        response = await api.get("/api/changes", **params | ({"after": after} if after else {}))
        assert response.status_code == 200, response.text
        page = response.json()
        changes += page["data"]
        after = page["next_cursor"]
        assert after is not None
        if not page["has_more"]:
            return changes, after


def in_order(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["id"] for entry in entries]


async def code_of(api: ApiHarness, path: str, **params: Any) -> tuple[int, str]:
    response = await api.get(path, **params)
    return response.status_code, response.json()["code"]


async def test_the_feed_of_a_user_without_data_is_empty_and_goes_on(api: ApiHarness) -> None:
    changes, cursor = await follow(api)
    assert changes == []
    company = await api.company(company_name="Acme")
    changes, _ = await follow(api, cursor)
    assert in_order(changes) == [str(company)]


async def test_a_consumer_gets_what_is_there_and_then_what_changes(api: ApiHarness) -> None:
    company, contact, deal = await api.company(company_name="Acme"), await api.contact(), await api.deal()
    owner = await api.owner()
    changes, cursor = await follow(api, limit=1)
    assert [(change["type"], change["id"], change["change"]) for change in changes] == [
        ("companies", str(company), "upserted"),
        ("contacts", str(contact), "upserted"),
        ("deals", str(deal), "upserted"),
        ("owners", str(owner), "upserted"),
    ]
    assert changes[0]["data"] == (await api.get(f"/api/companies/{company}")).json()
    assert changes[1]["data"] == (await api.get(f"/api/contacts/{contact}")).json()
    assert changes[2]["data"] == (await api.get(f"/api/deals/{deal}")).json()
    assert changes[3]["data"] == (await api.data("/api/owners"))[0]
    assert (changes[0]["at"], changes[0]["reason"], changes[0]["merged_into"]) == (
        "2026-11-02T00:00:00Z",
        None,
        None,
    )
    assert (await follow(api, cursor))[0] == []
    other = await api.company(synced_at=WRITTEN_AT + timedelta(days=1))
    changes, after = await follow(api, cursor)
    assert [(change["id"], change["at"]) for change in changes] == [(str(other), "2026-11-03T00:00:00Z")]
    assert (await follow(api, after))[0] == []
    assert in_order((await follow(api, cursor))[0]) == [str(other)]


async def test_what_arrives_during_the_snapshot_comes_after_it(api: ApiHarness) -> None:
    first = sorted([await api.contact() for _ in range(3)])
    page = (await api.get("/api/changes", limit=2)).json()
    late = await api.contact()
    rest, _ = await follow(api, page["next_cursor"], limit=2)
    assert in_order(page["data"]) + in_order(rest) == [str(id_) for id_ in [*first, late]]


async def test_only_the_types_that_are_asked_for_come(api: ApiHarness) -> None:
    await api.company()
    deal, owner = await api.deal(), await api.owner()
    changes, cursor = await follow(api, types="owners,deals")
    assert in_order(changes) == [str(deal), str(owner)]
    contact = await api.contact()
    assert (await follow(api, cursor, types="deals"))[0] == []
    assert in_order((await follow(api, cursor))[0]) == [str(contact)]


async def test_another_user_s_changes_never_come(api: ApiHarness) -> None:
    await api.company(user_id=api.neighbour_id)
    changes, cursor = await follow(api)
    await api.company(user_id=api.neighbour_id)
    assert changes == (await follow(api, cursor))[0] == []


async def test_a_cursor_of_another_user_or_of_nobody_is_refused(api: ApiHarness) -> None:
    await api.company()
    await api.company(user_id=api.neighbour_id)
    _, cursor = await follow(api)
    refused = await api.get("/api/changes", api.neighbour_id, after=cursor)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "after")
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    garbage = [
        "a",
        "%00",
        "AAAA",
        cursor[:-3],
        base64.urlsafe_b64encode(raw + b"x").decode(),
        base64.urlsafe_b64encode(b"\x02" + raw[1:]).decode(),
    ]
    for text in garbage:
        assert (await api.get("/api/changes", after=text)).status_code == 400, text
    assert (await api.get("/api/changes", after="A" * 400)).status_code == 400


async def test_a_cursor_of_another_database_is_refused(api: ApiHarness) -> None:
    await api.company()
    _, cursor = await follow(api)
    await api.pool.execute(
        "update feed_revisions set revision = revision + 1 where user_id = $1", api.user_id
    )
    response = await api.get("/api/changes", after=cursor)
    assert response.status_code == 400
    assert "another database" in response.json()["errors"][0]["reason"]


async def test_a_cursor_from_before_a_restore_is_refused(api: ApiHarness) -> None:
    await api.company()
    await api.company()
    _, cursor = await follow(api)
    await api.pool.execute("update feed_heads set position = 1 where user_id = $1", api.user_id)
    await api.pool.execute("delete from feed_revisions where user_id = $1 and position = 2", api.user_id)
    assert (await api.get("/api/changes", after=cursor)).status_code == 400


async def test_a_cursor_that_is_older_than_the_deletions_expires(api: ApiHarness) -> None:
    company = await api.company()
    begin = (await api.get("/api/changes", limit=1)).json()["next_cursor"]
    await api.company(synced_at=WRITTEN_AT + timedelta(hours=1))
    _, latest = await follow(api)
    pruning = FeedPruning(api.pool, timedelta(days=1))
    assert await pruning.prune() == 2
    assert await pruning.prune() == 0
    assert await code_of(api, "/api/changes", after=begin) == (410, "cursor_expired")
    assert (await follow(api, latest))[0] == []
    assert str(company) in in_order((await follow(api))[0])


async def test_what_is_young_is_not_pruned(api: ApiHarness) -> None:
    await api.company()
    assert await FeedPruning(api.pool, timedelta(days=36_500)).prune() == 0


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"types": "companies,leads"}, "types"),
        ({"types": ","}, "types"),
        ({"types": ""}, "types"),
        ({"after": ""}, "after"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused(
    api: ApiHarness, params: dict[str, Any], field: str
) -> None:
    response = await api.get("/api/changes", **params)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, field)


async def test_an_export_has_every_record_and_the_cursor_behind_them(api: ApiHarness) -> None:
    contacts = sorted([await api.contact(archived_at=WRITTEN_AT if n else None) for n in range(3)])
    await api.contact(user_id=api.neighbour_id)
    response = await api.get("/api/export/contacts")
    assert response.headers["content-type"] == "application/x-ndjson"
    *records, last = [json.loads(line) for line in response.text.splitlines()]
    assert in_order(records) == [str(id_) for id_ in contacts]
    assert records[0] == (await api.get(f"/api/contacts/{contacts[0]}")).json()
    assert (await follow(api, last["next_cursor"]))[0] == []
    late = await api.company()
    assert in_order((await follow(api, last["next_cursor"]))[0]) == [str(late)]


async def test_an_export_is_compressed_where_that_is_asked_for(api: ApiHarness) -> None:
    await api.company(company_name="Acme")
    async with api.browser(api.user_id).stream(
        "GET", "/api/export/companies", headers={"Accept-Encoding": "gzip"}
    ) as response:
        raw = b"".join([piece async for piece in response.aiter_raw()])
    assert response.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(raw).splitlines()[0])["company_name"] == "Acme"


async def test_an_export_of_nothing_has_a_cursor(api: ApiHarness) -> None:
    (line,) = (await api.get("/api/export/deals")).text.splitlines()
    assert (await follow(api, json.loads(line)["next_cursor"]))[0] == []


async def test_an_export_of_what_there_is_not_is_not_found(api: ApiHarness) -> None:
    assert (await api.get("/api/export/leads")).status_code == 404


async def test_a_merged_company_is_a_deletion_that_names_the_survivor(api: ApiHarness) -> None:
    company, survivor = await api.company(), await api.company()
    _, cursor = await follow(api)
    revision = uuid4().int >> 66
    await api.pool.execute(
        """insert into feed_entries (user_id, revision, record_type, size, ids, deletion, merged_into)
           values ($1, $2, 'companies', 1, array[$3::uuid], 'merged', array[$4::uuid])""",
        api.user_id, revision, company, survivor,
    )  # fmt: skip
    await api.pool.execute(
        """with head as (update feed_heads set position = position + 1 where user_id = $1 returning position)
           insert into feed_revisions (user_id, position, revision, committed_at) select $1, position, $2, $3 from head""",
        api.user_id, revision, WRITTEN_AT,
    )  # fmt: skip
    (change,), _ = await follow(api, cursor)
    assert change == {
        "type": "companies",
        "id": str(company),
        "change": "deleted",
        "reason": "merged",
        "merged_into": str(survivor),
        "at": "2026-11-02T00:00:00Z",
        "data": None,
    }
