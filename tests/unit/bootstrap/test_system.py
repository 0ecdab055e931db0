import asyncio
from datetime import UTC, timedelta

from astrelo.bootstrap.system import SystemClock, SystemRandomness


def test_ids_are_version_7_and_sort_by_when_they_were_made() -> None:
    randomness = SystemRandomness()
    ids = [randomness.uuid() for _ in range(10_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert {made.version for made in ids} == {7}


def test_ids_begin_with_the_time() -> None:
    clock, made = SystemClock(), SystemRandomness().uuid()
    milliseconds = made.int >> 80
    assert abs(milliseconds / 1000 - clock.now().timestamp()) < 60


def test_two_sources_give_different_ids() -> None:
    assert SystemRandomness().uuid() != SystemRandomness().uuid()


def test_tokens_have_32_bytes_and_never_repeat() -> None:
    randomness = SystemRandomness()
    tokens = {randomness.token() for _ in range(100)}
    assert len(tokens) == 100
    assert {len(token) for token in tokens} == {43}


def test_jitter_stays_in_its_bounds() -> None:
    randomness = SystemRandomness()
    assert all(0 <= randomness.jitter() < 1 for _ in range(100))


def test_the_clock_is_in_utc_and_never_goes_back() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.now().utcoffset() == timedelta(0)
    before = clock.monotonic()
    asyncio.run(clock.sleep(0))
    assert clock.monotonic() >= before
