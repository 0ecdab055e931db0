"""`make bench`, with few records: does it measure, and does what it measures lose nothing?"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = ("sync, first", "floor, first", "sync, nothing changed", "floor, nothing changed")


def test_the_benchmark_prints_sync_and_floor_side_by_side() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--records", "400"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for row in ROWS:
        figures = next(line for line in lines if line.startswith(f"| {row} "))
        assert all(cell.strip() for cell in figures.strip("|").split("|"))
    assert "of the floor's speed" in done.stdout
