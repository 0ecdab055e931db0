"""Whose turn it is: evenly spread, the same after a restart, and never twice for one slot."""

from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from astrelo.domain.identifiers import ConnectionId
from astrelo.domain.schedule import (
    MAX_CHECK_INTERVAL,
    RECHECK_DELAY,
    LastRequests,
    SyncPolicy,
    due_mode,
    latest_slot,
    next_check,
)
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
    return due_mode(CONNECTION, LastRequests(last=last, last_full=full, is_open=False), policy, now)


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


def test_nothing_is_due_while_a_run_is_open_and_its_end_is_looked_for_soon() -> None:
    requests = LastRequests(last=None, last_full=None, is_open=True)
    assert due_mode(CONNECTION, requests, POLICY, NOON) is None
    assert next_check(CONNECTION, requests, POLICY, NOON) == NOON + RECHECK_DELAY


ages = st.timedeltas(timedelta(0), timedelta(days=3))


@given(
    connections,
    moments,
    periods,
    periods,
    st.none() | ages,
    st.none() | ages,
    st.floats(0, 1, exclude_max=True),
)
def test_no_run_becomes_due_before_the_next_look(
    connection: ConnectionId,
    now: datetime,
    incremental_every: timedelta,
    full_every: timedelta,
    last: timedelta | None,
    last_full: timedelta | None,
    part: float,
) -> None:
    policy = SyncPolicy(incremental_every=incremental_every, full_every=full_every)
    requests = LastRequests(
        last=None if last is None else now - last,
        last_full=None if last_full is None else now - last_full,
        is_open=False,
    )
    look = next_check(connection, requests, policy, now)
    assert timedelta(0) < look - now <= MAX_CHECK_INTERVAL
    if due_mode(connection, requests, policy, now) is None:
        between = now + (look - now) * part
        assert due_mode(connection, requests, policy, between) is None
