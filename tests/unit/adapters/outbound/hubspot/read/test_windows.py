"""Nothing is lost in a window, however badly search behaves: a property over searches of every kind."""

import asyncio
import json
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrelo.adapters.outbound.hubspot.provider import build_hubspot
from astrelo.domain.identifiers import ObjectType
from astrelo.domain.sync import Window
from crm_sandbox.hubspot import create_sandbox
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.randomness import FakeRandomness
from tests.support.hubspot.sandbox import CONFIG, EMPTY_DATASET, hubspot_over, reference, session_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
START_MS = 1_790_000_000_000
HOUR_MS = 3_600_000
CAP = 10_000


@dataclass(frozen=True, kw_only=True)
class Habits:
    """What a search does that nobody was promised it would not."""

    seed: int
    shuffles: str = "never"
    """never, per search (the same at each page of one), or per page."""
    short_pages: bool = False
    leaks: int = 0
    """So many rows of other times on each page, which its total does not count."""
    movers: int = 0
    """So many records are modified while they are looked for, one after each page."""


class HostileSearch(httpx.AsyncBaseTransport):
    """Answers a company search out of rows of (millisecond, id)."""

    def __init__(self, rows: Sequence[tuple[int, int]], habits: Habits) -> None:
        self.rows = sorted(rows)
        self.moved: set[int] = set()
        self.searches = 0
        self._habits = habits
        self._chance = Random(habits.seed)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path.endswith("/companies/search")
        self.searches += 1
        query = json.loads(await request.aread())
        filters = query["filterGroups"][0]["filters"]
        found = self._matching({(f["propertyName"], f["operator"]): int(f["value"]) for f in filters})
        offset = int(str(query.get("after", "0")).partition(".")[0])
        size = self._chance.randint(0, query["limit"]) if self._habits.short_pages else query["limit"]
        self._shuffle(found, str(filters))
        page = found[offset : offset + size]
        answer: dict[str, object] = {
            "total": len(found),
            "results": [_shown(row) for row in [*page, *self._leaked()]],
        }
        if offset + size < min(len(found), CAP):
            answer["paging"] = {"next": {"after": f"{offset + size}.{self.searches}"}}
        self._move_one()
        return httpx.Response(200, json=answer)

    def _matching(self, bounds: dict[tuple[str, str], int]) -> list[tuple[int, int]]:
        start, end = bounds["hs_lastmodifieddate", "GTE"], bounds["hs_lastmodifieddate", "LTE"]
        lowest, highest = bounds.get(("hs_object_id", "GTE"), 0), bounds.get(("hs_object_id", "LTE"), 2**63)
        if start == end:
            return self.rows[
                bisect_left(self.rows, (start, lowest)) : bisect_right(self.rows, (start, highest))
            ]
        within = self.rows[bisect_left(self.rows, (start, 0)) : bisect_right(self.rows, (end, 2**63))]
        return [row for row in within if lowest <= row[1] <= highest]

    def _shuffle(self, found: list[tuple[int, int]], search: str) -> None:
        if self._habits.shuffles == "per search":
            Random(f"{self._habits.seed}{search}").shuffle(found)
        elif self._habits.shuffles == "per page":
            self._chance.shuffle(found)

    def _leaked(self) -> list[tuple[int, int]]:
        ids = self._chance.sample(range(900_000, 900_999), self._habits.leaks)
        return [(START_MS - self._chance.randrange(1, HOUR_MS), leaked) for leaked in ids]

    def _move_one(self) -> None:
        """Modify a record: it leaves the window for a later time, and shifts those behind it."""
        if self.rows and len(self.moved) < self._habits.movers:
            _, record_id = self.rows.pop(self._chance.randrange(len(self.rows)))
            self.moved.add(record_id)
            self.rows.append((START_MS + 3 * HOUR_MS + self.searches, record_id))


def _shown(row: tuple[int, int]) -> dict[str, object]:
    stamp = (EPOCH + timedelta(milliseconds=row[0])).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"id": str(row[1]), "properties": {"hs_lastmodifieddate": stamp}, "updatedAt": stamp}


def receive(search: HostileSearch) -> set[int]:
    """Read the window of an hour from a sandbox's session, over the hostile search."""

    async def read_window() -> set[int]:
        clock = FakeClock()
        sandbox = create_sandbox(EMPTY_DATASET, clock=lambda: clock.now().timestamp())
        session = session_of(sandbox, hubspot_over(sandbox, clock))
        provider = build_hubspot(CONFIG, reference(), clock, FakeRandomness(), reads=search, oauth=search)
        start = EPOCH + timedelta(milliseconds=START_MS)
        window = Window(start=start, end=start + timedelta(milliseconds=HOUR_MS))
        pages = provider.read(session, ObjectType.COMPANIES, window=window)
        return {int(record.record_id) for page in [page async for page in pages] for record in page.records}

    return asyncio.run(read_window())


def spread_out(seed: int, count: int, instants: int) -> list[tuple[int, int]]:
    """Make so many records, modified at so many different milliseconds of the hour, ends included."""
    chance = Random(seed)
    times = [0, HOUR_MS, *(chance.randrange(HOUR_MS) for _ in range(instants))][: max(instants, 1)]
    ids = chance.sample(range(1, 800_000), count)
    return [(START_MS + chance.choice(times), record_id) for record_id in ids]


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(0, 500),
    instants=st.sampled_from([1, 2, 50, 5_000]),
    shuffles=st.sampled_from(["never", "per search", "per page"]),
    short_pages=st.booleans(),
    leaks=st.sampled_from([0, 0, 1, 3]),
    movers=st.sampled_from([0, 0, 5, 40]),
)
def test_a_window_loses_nothing_whatever_search_does(
    seed: int, count: int, instants: int, shuffles: str, short_pages: bool, leaks: int, movers: int
) -> None:
    habits = Habits(seed=seed, shuffles=shuffles, short_pages=short_pages, leaks=leaks, movers=movers)
    rows = spread_out(seed, count, instants)
    search = HostileSearch(rows, habits)
    ids = receive(search)
    assert {record_id for _, record_id in rows} - search.moved - ids == set()


@pytest.mark.parametrize("shuffles", ["never", "per search"])
@pytest.mark.parametrize("seed", [1])
def test_twenty_five_thousand_records_of_one_millisecond_all_come(seed: int, shuffles: str) -> None:
    rows = spread_out(seed, 25_000, 1)
    search = HostileSearch(rows, Habits(seed=seed, shuffles=shuffles, leaks=1))
    assert receive(search) >= {record_id for _, record_id in rows}
    assert search.searches < 400
