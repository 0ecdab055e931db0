"""The project's own cases against a stack."""

from pathlib import Path

from tests.cases.checks import stack_report

DATA = Path(__file__).parents[1] / "cases" / "data"


def test_the_stack_gives_what_is_right() -> None:
    report = stack_report(DATA)
    assert [one.line() for one in report.outcomes if not one.passed] == []
