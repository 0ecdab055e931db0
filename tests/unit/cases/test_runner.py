"""`python -m tests.cases FOLDER` on folders of the test's own."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cases.checks import plan_checks, stack_report
from tests.cases.functions import report_of
from tests.cases.outcomes import Outcome

PASSES = {"in": ["  Rowan "], "right": "Rowan"}
FAILS = {"in": ["Rowan"], "right": "Elm", "control": True}


def write(folder: Path, name: str, cases: Sequence[object], call: str = "text") -> Path:
    file = folder / name
    file.write_text(json.dumps({"kind": "made up", "call": call, "note": "", "cases": cases}))
    return file


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.cases", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_where_all_passes_the_exit_status_is_0(tmp_path: Path) -> None:
    write(tmp_path, "k1.json", [PASSES, PASSES])
    ended = run(tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "k1.json: 0 of 2 fail\n0 of 2 fail\n")


def test_failures_are_reported_and_counted_over_all_files(tmp_path: Path) -> None:
    write(tmp_path, "k1.json", [PASSES, FAILS])
    write(tmp_path, "k2.json", [FAILS])
    write(tmp_path, "other.json", [FAILS])
    ended = run(tmp_path)
    assert ended.returncode == 1
    assert ended.stdout.splitlines() == [
        "  FAIL text('Rowan') = 'Rowan', right 'Elm' [control]",
        "k1.json: 1 of 2 fail",
        "  FAIL text('Rowan') = 'Rowan', right 'Elm' [control]",
        "k2.json: 1 of 1 fail",
        "2 of 3 fail",
    ]


def test_what_passes_is_listed_when_asked_for(tmp_path: Path) -> None:
    write(tmp_path, "k1.json", [PASSES])
    assert run(tmp_path, "-v").stdout.startswith("  ok   text('  Rowan ') = 'Rowan', right 'Rowan'\n")


def test_one_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    write(tmp_path, "k1.json", [PASSES, PASSES], call="phone_of_moon")
    (tmp_path / "k2.json").write_bytes(b'{"call": \xff')
    write(tmp_path, "k3.json", [PASSES])
    ended = run(tmp_path)
    assert ended.returncode == 1
    assert "k1.json: 2 of 2 fail (there is no call named 'phone_of_moon')" in ended.stdout
    assert "k2.json: 1 of 1 fail (malformed: " in ended.stdout
    assert ended.stdout.endswith("k3.json: 0 of 1 fail\n3 of 4 fail\n")


def test_nothing_to_run_is_said(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        ended = run(folder)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "There is nothing to run in " in ended.stderr


def test_a_portal_without_its_stack_is_nothing_to_run(tmp_path: Path) -> None:
    (tmp_path / "portal.jsonl").touch()
    assert run(tmp_path).returncode == 2


def test_the_stack_is_left_out_when_asked_for(tmp_path: Path) -> None:
    write(tmp_path, "k1.json", [PASSES])
    (tmp_path / "portal.jsonl").touch()
    (tmp_path / "stack.json").write_text("{")
    assert run(tmp_path, "--no-stack").stdout.endswith("0 of 1 fail\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"call": "text"}',
        '{"call": "text", "cases": []}',
        '{"call": 5, "cases": [1]}',
        "[" * 100_000,
    ],
)
def test_a_malformed_file_is_one_failure(tmp_path: Path, text: str) -> None:
    file = tmp_path / "k1.json"
    file.write_text(text)
    report = report_of(file)
    assert (report.failures, len(report.outcomes)) == (1, 1)
    assert report.remark.startswith("malformed: ")


@pytest.mark.parametrize("case", [None, [], {"in": ["x"]}, {"right": 1}, {"in": "x", "right": 1}])
def test_a_malformed_case_is_one_failure(tmp_path: Path, case: object) -> None:
    report = report_of(write(tmp_path, "k1.json", [case, PASSES]))
    assert (report.failures, len(report.outcomes)) == (1, 2)


def test_a_call_that_raises_gives_the_name_of_what_it_raised(tmp_path: Path) -> None:
    cases = [{"in": [5], "right": None}, {"in": [5], "right": "raised AttributeError"}]
    report = report_of(write(tmp_path, "k1.json", cases))
    assert [outcome.passed for outcome in report.outcomes] == [False, True]


def test_lines_are_short_and_ascii(tmp_path: Path) -> None:
    odd = "\ud83d é\n" + "x" * 10_000
    report = report_of(write(tmp_path, "kü.json", [{"in": [odd], "right": odd}]))
    lines = list(report.lines(verbose=True))
    assert len(lines) == 2
    assert all(line.isascii() and "\n" not in line and len(line) < 700 for line in lines)


def test_a_truth_value_is_no_number() -> None:
    assert not Outcome(what="x", got=True, right=1).passed
    assert Outcome(what="x", got=1, right=1).passed


@pytest.mark.parametrize(
    "text", ["", "[]", "5", '{"show": 5}', '{"show": [{}]}', '{"apart": [{"ids": ["1"]}]}']
)
def test_a_malformed_plan_of_the_stack_is_one_failure(tmp_path: Path, text: str) -> None:
    (tmp_path / "stack.json").write_text(text)
    report = stack_report(tmp_path)
    assert (report.failures, report.remark[:11]) == (1, "malformed: ")


def test_every_word_of_a_reason_is_a_check() -> None:
    fault = {"kind": "k", "rules": [], "right": "parked", "reason_has": ["a", "b"], "reason_lacks": ["c"]}
    assert [check.right for check in plan_checks({"faults": [fault]})] == [
        "completed",
        "parked",
        True,
        True,
        False,
    ]
