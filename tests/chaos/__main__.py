"""`python -m tests.chaos --provider both --rounds 20 --seed 1`: break everything while it syncs, then look for what was lost."""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path

import click

from astrelo.bootstrap.logging import configure_logging
from astrelo.bootstrap.settings import LogFormat
from tests.chaos.crms.choice import UnknownChoice, crms_of
from tests.chaos.database import Database, own_database
from tests.chaos.outcome import Outcome
from tests.chaos.plan import RoundPlan, plan_of
from tests.chaos.round import play


def play_rounds(database: Database, plan: RoundPlan, name: str) -> tuple[Outcome, Path]:
    """Play one round; on a difference its evidence is kept."""
    evidence = Path(tempfile.mkdtemp(prefix=f"astrelo-chaos-{name}-"))
    outcome = asyncio.run(play(plan, database, evidence))
    if outcome.differences:
        (evidence / "differences.txt").write_text("\n".join(outcome.differences), encoding="utf-8")
    else:
        shutil.rmtree(evidence)
    asyncio.run(database.forget())
    return outcome, evidence


def say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=1, help="number of the first round")
    parser.add_argument("--provider", default="hubspot", help="the CRM that is played, or both")
    options = parser.parse_args()
    try:
        crms = crms_of(options.provider)
    except UnknownChoice as error:
        sys.exit(str(error))
    configure_logging("critical", LogFormat.CONSOLE)
    lost, started = 0, time.monotonic()
    with own_database() as database:
        for number in range(options.first, options.first + options.rounds):
            plan = plan_of(options.seed, number, crms)
            outcome, evidence = play_rounds(database, plan, f"{options.seed}-{number}")
            say(f"round {number} (seed {options.seed}): {outcome}")
            if outcome.differences:
                lost += len(outcome.differences)
                say("\n  ".join([*outcome.differences[:20], f"evidence: {evidence}"]))
    say(f"{options.rounds} rounds, {lost} differences, {time.monotonic() - started:.0f} s")
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
