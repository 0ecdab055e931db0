"""docs/benchmark.md: how to read it, and a section with a plot for each CRM, written one at a time."""

from pathlib import Path

from benchmarks.crms import CRMS
from benchmarks.report.figures import Results, conclusions, machine, table
from benchmarks.report.plot import plot

_SECTION = "\n## "
_HEAD = """\
# Benchmark

`make bench PROVIDER=both N=100000` (or `hubspot`, or `salesforce`) copies 100,000 companies, 100,000 contacts and
100,000 deals from a local server that renders its answers beforehand, twice: first into an empty database, then again
with nothing changed. The firms and people are the same in every CRM. Beside the sync, in the same run, stands the bare
floor: the same transport, the same pages decoded by the same types and upserted as raw text columns, three object
types side by side, fetching ahead of writing; no mapping, no linking.

How to read it: *records/s* run from the request of the sync to the finished run, the worker being up. *Client CPU* is
user and system time of the worker (or of the floor's process) alone. *WAL* is the distance that PostgreSQL's log
moved; before each second run the tables are vacuumed and a checkpoint is made, so that neither happens while it is
measured. The page server, PostgreSQL and the worker share the machine's cores. Each row is the quickest of a section's
rounds, in which sync and floor took turns.
"""


def write_documentation(folder: Path, results: Results) -> None:
    """Write the section and the plot of one CRM. Those of the others stay as they are."""
    write_section(folder / "benchmark.md", results.crm.title, _section(results))
    (folder / _plot_of(results)).write_text(plot(results), encoding="utf-8")


def write_section(page: Path, title: str, section: str) -> None:
    """Write one section, the CRMs' before all others. The others stay as they are."""
    sections = _sections(page.read_text(encoding="utf-8") if page.exists() else "")
    sections[title] = section
    order = dict.fromkeys(title for title in (*(crm.title for crm in CRMS.values()), *sections))
    written = [sections[title] for title in order if title in sections]
    page.write_text("\n".join([_HEAD, *written]), encoding="utf-8")


def _sections(page: str) -> dict[str, str]:
    """Return what a page has, by the title."""
    return {section.partition("\n")[0]: f"## {section.strip()}\n" for section in page.split(_SECTION)[1:]}


def _plot_of(results: Results) -> str:
    return f"benchmark-{results.crm.provider}.svg"


def _section(results: Results) -> str:
    provider, rounds = results.crm.provider, results.rounds
    return _TEXT.format(
        title=results.crm.title,
        left_out=results.crm.left_out,
        records=f"{results.records:,}",
        rounds="1 round" if rounds == 1 else f"{rounds} rounds",
        plot=_plot_of(results),
        table=table(results),
        conclusions=conclusions(results),
        machine=machine(results),
        command=f"--provider {provider} --records {results.records} --rounds {rounds} --write-docs",
    )


_TEXT = """\
## {title}

{records} records of each type, {rounds}; the floor reads no {left_out}.

![{title}: records per second and client CPU per record, sync and floor]({plot})

{table}

{conclusions}

Machine: {machine}.

`.venv/bin/python -m benchmarks {command}` writes this section.
"""
