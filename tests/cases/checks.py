"""The checks that stack.json plans, and playing them on a stack."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.cases.outcomes import Outcome, Report, in_ascii, look_at, not_run
from tests.cases.stack import NotUp, Stack, crm_ids, run_stack

_ALL_WITHIN = 300.0  # seconds
_SHOWN = 200

Case = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    what: str
    right: object
    look: Callable[[Stack], object]

    def outcome(self, got: object) -> Outcome:
        return Outcome(what=self.what, got=got, right=self.right, control="control" in self.what)


def has_stack(folder: Path) -> bool:
    return (folder / "portal.jsonl").is_file() and (folder / "stack.json").is_file()


def stack_report(folder: Path) -> Report:
    """Play the folder's stack cases. Where the stack does not come up, all of them have failed."""
    try:
        checks = plan_checks(json.loads((folder / "stack.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        return not_run("stack.json", f"malformed: {error!r}")
    try:
        with run_stack(folder / "portal.jsonl") as stack:
            return Report(name="stack.json", outcomes=list(_play(checks, stack)))
    except NotUp as error:
        return not_run("stack.json", str(error), len(checks))


def plan_checks(document: Any) -> list[Check]:
    """Read the checks in the order in which they are played. Raises for a document of another shape."""
    checks = [
        Check(what="first run", right="completed", look=lambda stack: stack.first.wait_for_run()["status"])
    ]
    for section, plan in _SECTIONS.items():
        for case in document.get(section, ()):
            checks += plan(case)
    return checks


def _play(checks: list[Check], stack: Stack) -> Iterator[Outcome]:
    deadline = time.monotonic() + _ALL_WITHIN
    for check in checks:
        if time.monotonic() > deadline:
            yield check.outcome("not played: the time is over")
        else:
            yield check.outcome(look_at(lambda check=check: _look(check, stack)))  # type: ignore[misc]


def _look(check: Check, stack: Stack) -> object:
    stack.check()
    return check.look(stack)


def _show(case: Case) -> Iterator[Check]:
    what, crm_id, field = case["what"], case["id"], case["field"]

    def look(stack: Stack) -> object:
        record = stack.seen[what].get(crm_id, {})
        if field != "company":
            return record.get(field, "absent")
        companies = stack.seen["companies"].items()
        return next((known for known, one in companies if one["id"] == record.get("company_id")), None)

    yield Check(what=_name(case, f"{what} {crm_id} {field}"), right=case["right"], look=look)


def _apart(case: Case) -> Iterator[Check]:
    one, other = case["ids"]
    yield Check(
        what=_name(case, f"companies {one} and {other} are two"),
        right=True,
        look=lambda stack: stack.seen["companies"][one]["id"] != stack.seen["companies"][other]["id"],
    )


def _find(case: Case) -> Iterator[Check]:
    what, query, crm_id = case["what"], case["query"], case["id"]
    yield Check(
        what=_name(case, f"{what} {query} finds {crm_id}"),
        right=case.get("right", True),
        look=lambda stack: any(crm_id in crm_ids(one) for one in stack.first.all(what, query)),
    )


def _webhook(case: Case) -> Iterator[Check]:
    path, body, signed_path = case["path"], case["body"], case.get("signed_path", case["path"])
    yield Check(
        what=_name(case, f"webhook {path}"),
        right=case["right"],
        look=lambda stack: stack.delivered(path, body.replace("PORTAL", stack.account_id), signed_path),
    )


def _token(case: Case) -> Iterator[Check]:
    offsets = case["offsets"]
    yield Check(
        what=_name(case, f"token {offsets}"),
        right=case["right"],
        look=lambda stack: stack.first.status_with(offsets),
    )


def _fault(case: Case) -> Iterator[Check]:
    plan = {"seed": 1, "rules": case["rules"]}

    @cache
    def run(stack: Stack) -> Mapping[str, Any]:
        stack.call_admin_api("POST", "fault-plan", plan)
        try:
            return _first_run_of_a_newcomer(stack)
        finally:
            stack.call_admin_api("DELETE", "fault-plan")

    yield Check(what=_name(case, "run"), right=case["right"], look=lambda stack: run(stack)["status"])
    for key, right in (("reason_has", True), ("reason_lacks", False)):
        for word in case.get(key, ()):
            yield Check(
                what=_name(case, f"its reason has {word!r}"),
                right=right,
                look=lambda stack, word=word: word in (run(stack)["reason"] or ""),  # type: ignore[misc]
            )


def _first_run_of_a_newcomer(stack: Stack) -> Mapping[str, Any]:
    person = stack.newcomer()
    person.connect()
    try:
        return person.wait_for_run()
    finally:
        person.leave()


def _again(case: Case) -> Iterator[Check]:
    records = case["records"]

    def look(stack: Stack) -> object:
        stack.call_admin_api("POST", "records", {"records": records})
        try:
            return _two_full_runs(stack)
        finally:
            for one in records:
                stack.call_admin_api("POST", "delete", {"object": one["object"], "ids": [one["id"]]})

    yield Check(what=_name(case, "two full runs"), right=["completed", "completed"], look=look)


def _two_full_runs(stack: Stack) -> list[str]:
    person = stack.newcomer()
    person.connect()
    try:
        return [person.wait_for_run()["status"], person.full_sync()["status"]]
    finally:
        person.leave()


def _name(case: Case, what: str) -> str:
    return in_ascii(f"{what[:_SHOWN]} ({case['kind'][:_SHOWN]})")


_SECTIONS: Mapping[str, Callable[[Case], Iterator[Check]]] = {
    "show": _show,
    "apart": _apart,
    "find": _find,
    "webhooks": _webhook,
    "tokens": _token,
    "faults": _fault,
    "again": _again,
}
