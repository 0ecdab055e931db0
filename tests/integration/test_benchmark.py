"""`make bench`, with few records: does it measure, and does what it measures lose nothing?"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = ("sync, first", "floor, first", "sync, nothing changed", "floor, nothing changed")
RECORDS = 400
PROVIDERS = ("HubSpot", "Salesforce")


def printed_by(module: str, title: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", module, "--provider", title.lower(), "--records", str(RECORDS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("title", PROVIDERS)
def test_the_benchmark_prints_sync_and_floor_side_by_side(title: str) -> None:
    lines = printed_by("benchmarks", title)
    assert lines[0] == f"{title}, {RECORDS} records of each type"
    for row in ROWS:
        figures = next(line for line in lines if line.startswith(f"| {row} "))
        assert all(cell.strip() for cell in figures.strip("|").split("|"))
    assert any("of the floor's speed" in line for line in lines)


@pytest.mark.parametrize("title", PROVIDERS)
def test_increments_read_what_changed_and_no_more(title: str) -> None:
    received = [
        re.match(rf"{title}, (.+): (\d+) records received", line)
        for line in printed_by("benchmarks.increments", title)
    ]
    assert [told.groups() for told in received if told] == [("nothing changed", "0"), ("1 % changed", "12")]
