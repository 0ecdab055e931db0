"""The benchmark's figures as text, for the terminal and for the documentation."""

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.crm import Crm
from benchmarks.measurement import Cost, ServerSpending

_MEGABYTE = 1_000_000
_RECORDS_PER_WAL = 100_000
_COLUMNS = (
    "what",
    "records/s",
    "client CPU µs/record",
    "peak memory MB",
    "WAL MB",
    "WAL MB per 100,000",
    "PostgreSQL CPU s",
    "page server CPU s",
)
_LIBRARIES = ("httpx", "msgspec", "asyncpg", "uvloop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One copy of the account, measured."""

    name: str
    cost: Cost
    server: ServerSpending
    pages_cpu_seconds: float

    @property
    def cells(self) -> tuple[str, ...]:
        wal = self.server.wal_bytes / _MEGABYTE
        return (
            self.name,
            f"{self.cost.rate:,.0f}",
            f"{self.cost.cpu_microseconds:.1f}",
            f"{self.cost.peak_bytes / _MEGABYTE:.0f}",
            f"{wal:,.2f}",
            f"{wal / self.cost.records * _RECORDS_PER_WAL:,.2f}",
            f"{self.server.cpu_seconds:.2f}",
            f"{self.pages_cpu_seconds:.2f}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    crm: Crm
    postgres_version: str
    records: int
    """Of each object type."""
    rounds: int
    """Each figure is of the quickest round of so many."""
    load: float
    """How many processes wanted the machine's cores before the first run (load average of a minute)."""
    sync: Run
    sync_again: Run
    floor: Run
    floor_again: Run
    quarter: Run
    """A first sync of a quarter as many records: is memory flat?"""

    @property
    def ratio(self) -> float:
        return self.sync.cost.rate / self.floor.cost.rate

    @property
    def ratio_again(self) -> float:
        return self.sync_again.cost.rate / self.floor_again.cost.rate

    @property
    def runs(self) -> tuple[Run, ...]:
        return self.sync, self.floor, self.sync_again, self.floor_again


def report(results: Results) -> str:
    """Return everything, as the terminal shows it."""
    head = f"{results.crm.title}, {results.records:,} records of each type"
    return "\n".join([head, "", table(results), "", conclusions(results), "", machine(results)])


def table(results: Results) -> str:
    return lay_out([_COLUMNS, *(run.cells for run in results.runs)])


def lay_out(rows: Sequence[Sequence[str]]) -> str:
    """Lay rows, the heads first, out as a Markdown table whose columns also line up in a terminal."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rule = "|".join(("-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])))
    lines = ["| " + " | ".join(_pad(row, widths)) + " |" for row in rows]
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]])


def conclusions(results: Results) -> str:
    full, quarter = (run.cost.peak_bytes / _MEGABYTE for run in (results.sync, results.quarter))
    wal = results.sync_again.server.wal_bytes / results.sync_again.cost.records * _RECORDS_PER_WAL
    return f"""\
- A first sync runs at {results.ratio:.0%} of the floor's speed, one with nothing changed at \
{results.ratio_again:.0%} (aim: at least 50 %).
- The worker's memory peaks at {full:.0f} MB for {results.records:,} records of each type and at {quarter:.0f} MB \
for a quarter of them (aim: below 150 MB, flat).
- With nothing changed it writes {wal / _MEGABYTE:.2f} MB of WAL per 100,000 records (aim: at most 1)."""


def machine(results: Results) -> str:
    return describe_machine(_LIBRARIES, results.postgres_version, results.load)


def describe_machine(libraries: Sequence[str], postgres_version: str, load: float) -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in libraries)
    return (
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}; "
        f"Python {platform.python_version()}, PostgreSQL {postgres_version} (fsync on); {versions}; "
        f"load average before the first run: {load:.1f}"
    )


def _pad(row: Sequence[str], widths: list[int]) -> Iterator[str]:
    yield row[0].ljust(widths[0])
    for cell, width in zip(row[1:], widths[1:], strict=True):
        yield cell.rjust(width)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"
