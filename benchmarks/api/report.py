"""The figures of the API's benchmark as text, and their section in docs/benchmark.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.report import documentation
from benchmarks.report.figures import describe_machine, lay_out

TITLE = "API"
_AIM = 0.7
_COLUMNS = (
    "list",
    "API requests/s",
    "floor requests/s",
    "share",
    "API CPU ms/request",
    "floor CPU ms/request",
)
_LIBRARIES = ("litestar", "uvicorn", "httptools", "msgspec", "asyncpg", "uvloop")
_TEXT = """\
## API

`make bench-api` asks for the first page of a list again and again, on {connections} connections side by side, of one API
process and, in turns of a quarter of a second, of the bare floor: a Litestar handler on the same server that runs the
same statement by asyncpg and returns the same JSON, without sign-in, checks of parameters, views, metrics and
dependency injection. *CPU* is user and system time of that process alone. The load generator, PostgreSQL and the server
share the machine's cores. Where others use them too, as the load average says, both sides wait, which moves the share
towards 1: the CPU columns are the measure then. {records} records of each type, {seconds:g} seconds of load for each figure.

{table}

The API serves {lowest:.0%} to {highest:.0%} of the floor's requests (aim: at least {aim:.0%}).

Machine: {machine}.

`.venv/bin/python -m benchmarks.api --records {number} --seconds {seconds:g} --write-docs` writes this section.
"""


class Figure(NamedTuple):
    rate: float
    """Requests per second."""
    cpu_seconds: float
    """Of the serving process, per request."""


class Comparison(NamedTuple):
    target: str
    api: Figure
    floor: Figure

    @property
    def share(self) -> float:
        return self.api.rate / self.floor.rate

    @property
    def cells(self) -> tuple[str, ...]:
        return (
            self.target,
            f"{self.api.rate:,.0f}",
            f"{self.floor.rate:,.0f}",
            f"{self.share:.2f}",
            f"{self.api.cpu_seconds * 1e3:.2f}",
            f"{self.floor.cpu_seconds * 1e3:.2f}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    postgres_version: str
    records: int
    seconds: float
    connections: int
    load: float
    """Load average of a minute before the first run."""
    comparisons: Sequence[Comparison]


def report(results: Results) -> str:
    return "\n".join([_table(results), "", _machine(results)])


def write_section(page: Path, results: Results) -> None:
    shares = [comparison.share for comparison in results.comparisons]
    text = _TEXT.format(
        connections=results.connections,
        records=f"{results.records:,}",
        number=results.records,
        seconds=results.seconds,
        table=_table(results),
        lowest=min(shares),
        highest=max(shares),
        aim=_AIM,
        machine=_machine(results),
    )
    documentation.write_section(page, TITLE, text)


def _table(results: Results) -> str:
    return lay_out([_COLUMNS, *(comparison.cells for comparison in results.comparisons)])


def _machine(results: Results) -> str:
    return describe_machine(_LIBRARIES, results.postgres_version, results.load)
