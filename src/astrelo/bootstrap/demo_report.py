"""What the demo shows: a bar per object type while it syncs, and the figures at the end.

Progress goes to stderr, without control characters when that is no terminal; results go to stdout.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from types import TracebackType
from typing import Self

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from astrelo.application.read_models import IntegrationView, RunView, StepView
from astrelo.domain.identifiers import ObjectType

_WIDTH = 78
"""Of lines that we break ourselves: those that a terminal breaks are broken within words."""


class RecordFigures(msgspec.Struct, kw_only=True):
    """What became of the CRM's records of one type."""

    received: int
    inserted: int
    updated: int
    unchanged: int
    rejected: int


class CompanyFigures(RecordFigures, kw_only=True):
    """`entities` are the companies that the records make."""

    entities: int


class DealFigures(RecordFigures, kw_only=True):
    linked: int
    unlinked: int


class UnlinkedFigures(msgspec.Struct, kw_only=True):
    no_email: int
    invalid_email: int
    free_mail: int
    no_company: int


class LinkFigures(msgspec.Struct, kw_only=True):
    provider_id: int
    email_domain: int
    unlinked: UnlinkedFigures


class Summary(msgspec.Struct, kw_only=True):
    """The object that `astrelo demo --json` prints: its shape is a promise."""

    companies: CompanyFigures
    contacts: RecordFigures
    deals: DealFigures
    owners: int
    links: LinkFigures
    unreadable: dict[str, int]
    requests: int
    """CRM calls without OAuth."""
    seconds: float
    """From the request of the sync to the finished run."""


def summarise(integration: IntegrationView, run: RunView, requests: int, seconds: float) -> Summary:
    steps = {step.object_type: step for step in run.steps}
    counts = integration.counts
    unreadable: Counter[str] = Counter()
    for step in run.steps:
        unreadable.update(step.unreadable)
    return Summary(
        companies=CompanyFigures(**_fates(steps[ObjectType.COMPANIES]), entities=counts.companies.entities),
        contacts=RecordFigures(**_fates(steps[ObjectType.CONTACTS])),
        deals=DealFigures(
            **_fates(steps[ObjectType.DEALS]), linked=counts.deals.linked, unlinked=counts.deals.unlinked
        ),
        owners=counts.owners,
        links=LinkFigures(
            provider_id=counts.contacts.linked.provider_id,
            email_domain=counts.contacts.linked.email_domain,
            unlinked=msgspec.convert(msgspec.to_builtins(counts.contacts.unlinked), UnlinkedFigures),
        ),
        unreadable=dict(sorted(unreadable.items())),
        requests=requests,
        seconds=round(seconds, 2),
    )


def _fates(step: StepView) -> dict[str, int]:
    return {
        "received": step.received,
        "inserted": step.inserted,
        "updated": step.updated,
        "unchanged": step.unchanged,
        "rejected": sum(step.rejected.values()),
    }


class SyncProgress:
    """One bar per object type on a terminal; a line per type that is done elsewhere."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr, force_terminal=sys.stderr.isatty())
        self._bars = Progress(
            TextColumn("  {task.description:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._told: set[str] = set()

    def say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def show(self, run: RunView) -> None:
        for step in run.steps:
            self._move_bar(step)
            if step.status == "completed" and step.object_type not in self._told:
                self._told.add(step.object_type)
                if self._bars.disable:
                    self.say(f"  {step.object_type:<10} {step.received:,} received")

    def _move_bar(self, step: StepView) -> None:
        if step.object_type not in self._tasks:
            self._tasks[step.object_type] = self._bars.add_task(step.object_type, total=None)
        self._bars.update(self._tasks[step.object_type], completed=step.received, total=_total(step))

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()


def _total(step: StepView) -> int | None:
    """Say how long the bar is: the announced total is the CRM's word, not a promise; None is a bar without end."""
    if step.status == "completed":
        return step.received
    announced = step.expected_total or 0
    return announced if announced > step.received else None


def summary_text(summary: Summary, account: str, steps: Sequence[StepView]) -> str:
    """Return the summary as a plain table, and the run's certificates, for people."""
    console = Console(width=100, color_system=None, force_terminal=False)
    table = Table(title=None, box=None, pad_edge=False)
    table.add_column("")
    for heading in ("received", "inserted", "updated", "unchanged", "rejected"):
        table.add_column(heading, justify="right")
    for name in ("companies", "contacts", "deals"):
        figures: RecordFigures = getattr(summary, name)
        row = (figures.received, figures.inserted, figures.updated, figures.unchanged, figures.rejected)
        table.add_row(name, *(f"{figure:,}" for figure in row))
    with console.capture() as captured:
        console.print(table)
    parts = (_headline(summary, account), "", captured.get(), *_certificates(steps), _details(summary))
    return "\n".join(parts)


def _headline(summary: Summary, account: str) -> str:
    return (
        f"{summary.companies.received:,} companies synced from {account} "
        f"in {summary.seconds:.1f} s with {summary.requests:,} CRM requests."
    )


def _certificates(steps: Sequence[StepView]) -> Iterator[str]:
    certified = [step for step in steps if step.certified]
    if certified:
        distinct = sum(step.distinct for step in certified)
        names = ", ".join(step.object_type for step in certified)
        yield f"Certified: {names}. Read to the end, and all {distinct:,} records are accounted for."
    for step in steps:
        if not step.certified:
            yield f"NOT certified: {step.object_type}, {step.reason or 'its counts do not add up'}."


def _details(summary: Summary) -> str:
    links, unlinked = summary.links, summary.links.unlinked
    lines = [
        f"{summary.companies.received:,} company records make {summary.companies.entities:,} companies.",
        f"Contacts linked: {links.provider_id:,} by the CRM's own association, {links.email_domain:,} by domain.",
        f"Not linked: {unlinked.free_mail:,} with free mail, {unlinked.no_email:,} without an address,",
        f"  {unlinked.invalid_email:,} with an unreadable one, {unlinked.no_company:,} of unknown companies.",
        f"Deals linked to a company: {summary.deals.linked:,}, not linked: {summary.deals.unlinked:,}.",
        f"Owners: {summary.owners:,}.",
    ]
    if summary.unreadable:
        told = f"Values that could not be read: {_listed(summary.unreadable)}."
        lines += wrap(told, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{field} {count:,}" for field, count in counts.items())
