"""Whose turn it is: evenly spread, the same after a restart, and never twice for one slot."""

from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from astrelo.domain.identifiers import ConnectionId
from astrelo.domain.schedule import SyncPolicy, due_mode, latest_slot
from astrelo.domain.sync import SyncMode
from tests.support.domain_records import NOON

POLICY = SyncPolicy()
CONNECTION = ConnectionId(UUID(int=7))
PARTS = 20

connections = st.uuids().map(ConnectionId)
moments = st.datetimes(datetime(2021, 1, 1), datetime(2040, 1, 1)).map(  # noqa: DTZ001 - given the zone below
    lambda naive: naive.replace(tzinfo=NOON.tzinfo)
)
periods = st.timedeltas(timedelta(seconds=10), timedelta(days=30))


@settings(max_examples=20)
@given(st.integers(0, 2**64), st.integers(1, 2**64), periods, moments)
def test_no_part_of_a_period_gets_much_more_than_its_share(
    first: int, step: int, every: timedelta, now: datetime
) -> None:
    # Ids one after the other, as far apart as you like: real ones share their leading, timed half.
    ids = [ConnectionId(UUID(int=(first + number * step) % 2**128)) for number in range(2_000)]
    waited = (now - latest_slot(one, every, now) for one in ids)
    parts = Counter(int(wait / every * PARTS) for wait in waited)
    assert set(parts) == set(range(PARTS))
    assert max(parts.values()) < 2 * len(ids) / PARTS


@given(connections, periods, moments, st.timedeltas(timedelta(0), timedelta(days=60)))
def test_a_slot_is_the_last_one_not_in_the_future_and_keeps_its_place(
    connection: ConnectionId, every: timedelta, now: datetime, later: timedelta
) -> None:
    slot = latest_slot(connection, every, now)
    assert timedelta(0) <= now - slot < every
    assert latest_slot(connection, every, slot) == slot
    assert (latest_slot(connection, every, now + later) - slot) % every == timedelta(0)


def due(
    last: datetime | None, full: datetime | None, now: datetime, policy: SyncPolicy = POLICY
) -> SyncMode | None:
    return due_mode(CONNECTION, last, full, policy, now)


def test_a_connection_that_was_never_read_is_read_whole() -> None:
    assert due(None, None, NOON) is SyncMode.FULL
    assert due(NOON, None, NOON) is SyncMode.FULL


def test_an_increment_is_due_once_per_slot() -> None:
    slot = latest_slot(CONNECTION, POLICY.incremental_every, NOON)
    full = slot - timedelta(hours=1)
    assert due(slot - timedelta(seconds=1), full, slot) is SyncMode.INCREMENTAL
    assert due(slot, full, slot) is None
    assert due(slot, full, slot + POLICY.incremental_every - timedelta(seconds=1)) is None
    assert due(slot, full, slot + POLICY.incremental_every) is SyncMode.INCREMENTAL


def test_slots_that_were_missed_are_not_made_up_for() -> None:
    slot = latest_slot(CONNECTION, POLICY.incremental_every, NOON)
    asleep_since = slot - timedelta(hours=5)
    assert due(asleep_since, asleep_since, slot) is SyncMode.INCREMENTAL
    assert due(slot, asleep_since, slot + timedelta(minutes=1)) is None


def test_a_full_run_is_due_in_its_slot_before_any_increment() -> None:
    slot = latest_slot(CONNECTION, POLICY.full_every, NOON)
    assert due(slot - timedelta(hours=1), slot - timedelta(days=1), slot) is SyncMode.FULL
    assert due(slot, slot, slot) is None


def test_a_full_run_is_not_repeated_within_half_a_period_of_one_by_hand() -> None:
    slot = latest_slot(CONNECTION, POLICY.full_every, NOON)
    by_hand = slot - timedelta(hours=1)
    assert due(by_hand, by_hand, slot) is SyncMode.INCREMENTAL
    assert due(slot, by_hand, slot) is None
    assert due(slot + timedelta(days=1), by_hand, slot + timedelta(days=1)) is SyncMode.FULL


@given(moments, st.integers(1, 400))
def test_a_day_of_looking_every_few_seconds_asks_for_each_slot_once(start: datetime, seconds: int) -> None:
    policy = SyncPolicy(incremental_every=timedelta(hours=2))
    last = full = start
    asked: list[SyncMode] = []
    for tick in range(0, 86_400, max(seconds, 60)):
        now = start + timedelta(seconds=tick)
        mode = due(last, full, now, policy)
        if mode is not None:
            asked.append(mode)
            last = now
            full = now if mode is SyncMode.FULL else full
    assert 11 <= len(asked) <= 13
    assert asked.count(SyncMode.FULL) <= 1
