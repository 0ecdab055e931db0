"""`make bench PROVIDER=both` and `make bench-api`, with few records: do they measure, and is what they measure right?"""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = ("sync, first", "floor, first", "sync, nothing changed", "floor, nothing changed")
RECORDS = 400
MODULES = ("benchmarks", "benchmarks.increments")


def wait_for_end(module: str, provider: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, "--provider", provider, "--records", str(RECORDS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def output_of(module: str) -> list[str]:
    done = wait_for_end(module, "both")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def assert_side_by_side(lines: Sequence[str]) -> None:
    for row in ROWS:
        figures = next(line for line in lines if line.startswith(f"| {row} "))
        assert all(cell.strip() for cell in figures.strip("|").split("|"))
    assert any("of the floor's speed" in line for line in lines)


def test_the_benchmark_prints_sync_and_floor_side_by_side_for_one_crm_after_the_other() -> None:
    lines = output_of("benchmarks")
    first, second = (
        lines.index(f"{title}, {RECORDS} records of each type") for title in ("HubSpot", "Salesforce")
    )
    assert first < second
    assert_side_by_side(lines[first:second])
    assert_side_by_side(lines[second:])


def test_increments_read_what_changed_and_no_more() -> None:
    received = [
        re.match(r"(.+), (.+): (\d+) records received", line) for line in output_of("benchmarks.increments")
    ]
    assert [match.groups() for match in received if match] == [
        (title, name, records)
        for title in ("HubSpot", "Salesforce")
        for name, records in (("nothing changed", "0"), ("1 % changed", "12"))
    ]


@pytest.mark.parametrize("module", MODULES)
def test_an_unknown_choice_of_crms_ends_with_a_sentence(module: str) -> None:
    done = wait_for_end(module, "pipedrive")
    assert done.returncode == 1
    assert done.stderr == "There is no PROVIDER 'pipedrive': it is hubspot or salesforce or both.\n"


def test_the_api_s_benchmark_prints_api_and_floor_side_by_side() -> None:
    options = ["--records", "120", "--seconds", "0.1"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.api", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^\| (/api/\S+) +\|(.+)\|$", done.stdout, re.MULTILINE)
    assert [target for target, _ in rows] == [
        "/api/contacts?limit=25",
        "/api/contacts?limit=100",
        "/api/companies?limit=25",
        "/api/companies?limit=100",
    ]
    assert all(float(cell.replace(",", "")) > 0 for _, cells in rows for cell in cells.split("|"))
