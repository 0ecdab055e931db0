"""The files of function cases, `k*.json`: read, run, judged."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.cases.calls import CALLS
from tests.cases.outcomes import Outcome, Report, look_at, not_run, show


def case_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("k*.json"))


def report_of(file: Path) -> Report:
    """Run a file's cases. Never raises: what cannot be run has failed."""
    try:
        name, cases = _read(file)
    except (OSError, ValueError, RecursionError) as error:
        return not_run(file.name, f"malformed: {error}")
    call = CALLS.get(name)
    if call is None:
        return not_run(file.name, f"there is no call named {name!r}", len(cases))
    return Report(name=file.name, outcomes=[outcome_of(name, call, case) for case in cases])


def cases_of(folder: Path) -> Iterator[tuple[str, str, Any]]:
    """Yield every case with its file's name and call. Raises ValueError for a malformed file."""
    for file in case_files(folder):
        name, cases = _read(file)
        for case in cases:
            yield file.stem, name, case


def outcome_of(name: str, call: Callable[..., object], case: Any) -> Outcome:
    if not (isinstance(case, dict) and isinstance(case.get("in"), list) and "right" in case):
        return Outcome(what=f"{name}: {show(case)}", got="malformed", right="a case with 'in' and 'right'")
    given = case["in"]
    return Outcome(
        what=f"{name}({', '.join(map(show, given))})",
        got=look_at(lambda: call(*given)),
        right=case["right"],
        control=bool(case.get("control")),
    )


def _read(file: Path) -> tuple[str, list[Any]]:
    content = json.loads(file.read_text(encoding="utf-8"))
    call, cases = (content.get("call"), content.get("cases")) if isinstance(content, dict) else (None, None)
    if isinstance(call, str) and isinstance(cases, list) and cases:
        return call, cases
    raise ValueError("it needs a 'call' and a list of 'cases'")
