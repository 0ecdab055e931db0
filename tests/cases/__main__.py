"""`python -m tests.cases FOLDER`: see the package's docstring."""

import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from tests.cases import __doc__ as description
from tests.cases.checks import has_stack, stack_report
from tests.cases.functions import case_files, report_of
from tests.cases.outcomes import Report

NOTHING_TO_RUN = 2
INTERRUPTED = 130


def main() -> int:
    asked = _ask()
    folder: Path = asked.folder
    with_stack = asked.stack and has_stack(folder)
    if not (case_files(folder) or with_stack):
        sys.stderr.write(f"There is nothing to run in {ascii(str(folder))[1:-1]}.\n")
        return NOTHING_TO_RUN
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        return _run(folder, with_stack=with_stack, verbose=asked.verbose)
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted: what was started is ended.\n")
        return INTERRUPTED


def _ask() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.cases", description=(description or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where k*.json, portal.jsonl and stack.json are")
    parser.add_argument("-v", "--verbose", action="store_true", help="list what passes too")
    parser.add_argument("--no-stack", dest="stack", action="store_false", help="leave the stack out")
    return parser.parse_args()


def _run(folder: Path, *, with_stack: bool, verbose: bool) -> int:
    failures = total = 0
    for report in _reports(folder, with_stack=with_stack):
        for line in report.lines(verbose=verbose):
            print(line, flush=True)  # noqa: T201 - what it found is its output
        failures += report.failures
        total += len(report.outcomes)
    print(f"{failures} of {total} fail")  # noqa: T201
    return 1 if failures else 0


def _reports(folder: Path, *, with_stack: bool) -> Iterator[Report]:
    yield from map(report_of, case_files(folder))
    if with_stack:
        yield stack_report(folder)


if __name__ == "__main__":
    sys.exit(main())
