"""Three rounds of chaos with a fixed seed; `make chaos` plays as many as you like."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.database import Database, own_database
from tests.chaos.plan import Deed, RoundPlan, plan_of
from tests.chaos.round import play

SEED = 3
STORM_SECONDS = 5.0
"""Shorter than that of `make chaos`: the tests are to be over soon."""


@pytest.fixture(scope="module")
def own() -> Iterator[Database]:
    """A server that may be restarted: not the one that the other tests share."""
    with own_database() as database:
        yield database


@pytest.mark.parametrize("number", [1, 2, 3])
def test_nothing_is_lost_whatever_breaks(own: Database, tmp_path: Path, number: int) -> None:
    outcome = asyncio.run(play(plan_of(SEED, number, STORM_SECONDS), own, tmp_path))
    assert outcome.differences == [], outcome
    assert outcome.mutations > 0


def test_a_plan_follows_from_its_seed_alone_and_rounds_differ() -> None:
    plans = [plan_of(SEED, number) for number in range(1, 40)]
    assert plans == [plan_of(SEED, number) for number in range(1, 40)]
    assert len({plan.mutation_seed for plan in plans}) > 30
    assert deeds_of(plans) == set(Deed)


def deeds_of(plans: list[RoundPlan]) -> set[Deed]:
    return {moment.deed for plan in plans for moment in plan.moments}
