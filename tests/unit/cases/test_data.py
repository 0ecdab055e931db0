"""The project's own cases, one test each; the stack's are in tests/integration/test_cases.py."""

from pathlib import Path
from typing import Any

import pytest

from tests.cases.calls import CALLS
from tests.cases.functions import cases_of, outcome_of

DATA = Path(__file__).parents[2] / "cases" / "data"


@pytest.mark.parametrize(
    ("call", "case"),
    [pytest.param(call, case, id=f"{file}-{ascii(case['in'])[:80]}") for file, call, case in cases_of(DATA)],
)
def test_a_case_gives_its_right_value(call: str, case: dict[str, Any]) -> None:
    outcome = outcome_of(call, CALLS[call], case)
    assert outcome.passed, outcome.line()
