"""`python -m tests.support.fuzz`: let the property tests look for new counterexamples, from a seed that is printed.

`make test` tries the same examples on every machine; here they are others in each round. A round that has begun is
brought to its end, so that no counterexample is lost while it is being made small.
"""

import subprocess
import sys
import time
from itertools import count
from random import SystemRandom

import click

EXPLORING = "exploring"
"""The profile in tests/conftest.py."""


def explore(seed: int, tests: tuple[str, ...]) -> bool:
    """Run the property tests once; return whether all of them hold."""
    options = ["-q", "-n", "auto", "-m", "hypothesis", "--no-header", "-p", "no:cacheprovider"]
    profile = [f"--hypothesis-profile={EXPLORING}", f"--hypothesis-seed={seed}"]
    command = [sys.executable, "-m", "pytest", *options, *profile, *tests]
    return subprocess.run(command, check=False).returncode == 0


@click.command()
@click.option("--minutes", default=10.0, show_default=True, help="How long new rounds are begun.")
@click.option("--seed", type=int, help="Of the first round; the next ones count on. At random by default.")
@click.argument("tests", nargs=-1)
def main(minutes: float, seed: int | None, tests: tuple[str, ...]) -> None:
    """Explore the property tests under TESTS (tests/unit by default)."""
    first = SystemRandom().randrange(2**32) if seed is None else seed
    began = time.monotonic()
    for number in count(first):
        click.echo(f"Seed {number}; the same again: make fuzz SEED={number} MINUTES=0")
        if not explore(number, tests or ("tests/unit",)):
            click.echo(
                f"A property does not hold. The same again: make fuzz SEED={number} MINUTES=0", err=True
            )
            sys.exit(1)
        if time.monotonic() - began >= minutes * 60:
            click.echo(f"{number - first + 1} rounds from seed {first}: every property holds.")
            return


if __name__ == "__main__":
    main()
