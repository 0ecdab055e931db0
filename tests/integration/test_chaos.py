"""Three rounds of chaos with a fixed seed; `make chaos` plays as many as you like."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.crms.choice import CHOICES, crms_of
from tests.chaos.database import Database, own_database
from tests.chaos.plan import Deed, RoundPlan, plan_of
from tests.chaos.round import play

SEED = 3
STORM_SECONDS = 5.0
"""Shorter than that of `make chaos`: the tests are to be over soon."""
TURNS = {
    "bulk_job_seconds",
    "bulk_outcome",
    "daily_used",
    "hidden_fields",
    "hidden_objects",
    "instance_number",
    "login_refusal",
}


@pytest.fixture(scope="module")
def own() -> Iterator[Database]:
    """A server that may be restarted: not the one that the other tests share."""
    with own_database() as database:
        yield database


@pytest.mark.parametrize(("crms", "number"), [("hubspot", 2), ("salesforce", 4), ("both", 8)])
def test_nothing_is_lost_whatever_breaks(own: Database, tmp_path: Path, crms: str, number: int) -> None:
    plan = plan_of(SEED, number, crms_of(crms), STORM_SECONDS)
    outcome = asyncio.run(play(plan, own, tmp_path))
    assert outcome.differences == [], outcome
    assert all(outcome.mutations[provider] > 0 for provider in plan.providers)


def test_a_plan_follows_from_its_seed_alone_and_rounds_differ() -> None:
    crms = crms_of("both")
    plans = [plan_of(SEED, number, crms) for number in range(1, 40)]
    assert plans == [plan_of(SEED, number, crms) for number in range(1, 40)]
    assert len({plan.crms[0].mutation_seed for plan in plans}) > 30
    assert deeds_of(plans) == set(Deed)
    assert {name for plan in plans for turn in plan.crms[1].turns for name in turn.flags} == TURNS


def deeds_of(plans: list[RoundPlan]) -> set[Deed]:
    return {moment.deed for plan in plans for moment in plan.moments}


def test_an_unknown_choice_of_crms_ends_with_a_sentence() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--provider", "pipedrive"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1
    assert ended.stderr == f"There is no PROVIDER 'pipedrive': it is {' or '.join(CHOICES)}.\n"
