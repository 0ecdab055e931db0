"""The figures that the demo ends with, for people and as JSON."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

import msgspec
from rich.console import Console
from rich.table import Table

from astrelo.application import messages
from astrelo.application.read import views
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.unreadable import Trouble

_WIDTH = 78
"""Of lines that we break ourselves: those that a terminal breaks are broken within words."""

_UNCONVERTED = {Trouble.UNKNOWN_CURRENCY, Trouble.NO_EXCHANGE_RATE}

_TIED = "\N{NO-BREAK SPACE}"
"""Where no line is to be broken: between a field and its number."""


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
    person_account: int


class LinkFigures(msgspec.Struct, kw_only=True):
    provider_id: int
    email_domain: int
    unlinked: UnlinkedFigures


class CrmFigures(msgspec.Struct, kw_only=True):
    """What came of one CRM."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncedCrm:
    """A CRM account that was synced."""

    provider: Provider
    account_name: str
    figures: CrmFigures
    steps: Sequence[views.StepView]
    unconverted: Sequence[str] = ()
    """Sentences about amounts that have no value in US dollars."""


def summary_object(synced: Sequence[SyncedCrm], entities: views.CompanySummary) -> dict[str, object]:
    """Return what `astrelo demo --json` prints: its shape is a promise.

    Of one CRM it holds the figures and `entities`; of several the figures of each, by the CRM's name, and
    `entities`. These are the firms that the records of all CRMs make together.
    """
    summary: dict[str, object] = {str(crm.provider): msgspec.to_builtins(crm.figures) for crm in synced}
    if len(synced) == 1:
        summary = msgspec.to_builtins(synced[0].figures)
    return summary | {"entities": msgspec.to_builtins(entities)}


def summarise(
    integration: views.IntegrationView,
    run: views.RunView,
    requests: int,
    seconds: float,
    unreadable: Sequence[views.UnreadableView] = (),
) -> SyncedCrm:
    crm = integration.provider.label
    return SyncedCrm(
        provider=integration.provider,
        account_name=integration.account_name or "an account without a name",
        figures=_figures(integration.counts, run, requests, seconds),
        steps=run.steps,
        unconverted=[
            messages.UNREADABLE[entry.trouble]
            .format(count=f"{entry.records:,}", records=entry.object_type, field=entry.field, crm=crm)
            .reason
            for entry in unreadable
            if entry.trouble in _UNCONVERTED
        ],
    )


def _figures(
    counts: views.IntegrationCounts, run: views.RunView, requests: int, seconds: float
) -> CrmFigures:
    steps = {step.object_type: step for step in run.steps}
    unreadable: Counter[str] = Counter()
    for step in run.steps:
        unreadable.update(step.unreadable)
    return CrmFigures(
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


def _fates(step: views.StepView) -> dict[str, int]:
    return {
        "received": step.received,
        "inserted": step.inserted,
        "updated": step.updated,
        "unchanged": step.unchanged,
        "rejected": sum(step.rejected.values()),
    }


def summary_text(synced: Sequence[SyncedCrm], entities: views.CompanySummary) -> str:
    """Return the figures as plain tables, and the runs' reconciliations, for people at a terminal of 80 columns."""
    if len(synced) == 1:
        return _section(synced[0])
    sections = [_section(crm, f"{crm.provider.label}: ") for crm in synced]
    records = sum(crm.figures.companies.received for crm in synced)
    names = " and ".join(crm.provider.label for crm in synced)
    together = (
        f"Together: {records:,} company records of {names} make {entities.companies:,} companies, "
        f"{entities.with_two_sources:,} of them in both."
    )
    return "\n\n".join([*sections, _wrap(together)])


def _section(crm: SyncedCrm, title: str = "") -> str:
    figures = crm.figures
    headline = (
        f"{title}{figures.companies.received:,} companies synced from {crm.account_name} "
        f"in {figures.seconds:.1f}{_TIED}s with {figures.requests:,} CRM requests."
    )
    below = [*_reconciliations(crm.steps), *_details(figures), *crm.unconverted]
    return "\n".join((_wrap(headline), "", _table(figures), *map(_wrap, below)))


def _wrap(sentence: str) -> str:
    lines = wrap(sentence, _WIDTH, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)
    return "\n".join(line.replace(_TIED, " ") for line in lines)


def _table(figures: CrmFigures) -> str:
    console = Console(width=_WIDTH, color_system=None, force_terminal=False)
    table = Table(title=None, box=None, pad_edge=False)
    table.add_column("")
    for heading in ("received", "inserted", "updated", "unchanged", "rejected"):
        table.add_column(heading, justify="right")
    for name in ("companies", "contacts", "deals"):
        kind: RecordFigures = getattr(figures, name)
        row = (kind.received, kind.inserted, kind.updated, kind.unchanged, kind.rejected)
        table.add_row(name, *(f"{figure:,}" for figure in row))
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def _reconciliations(steps: Sequence[views.StepView]) -> Iterator[str]:
    reconciled = [step for step in steps if step.reconciled]
    if reconciled:
        distinct = sum(step.distinct for step in reconciled)
        names = ", ".join(step.object_type for step in reconciled)
        yield f"Reconciled: {names}. Read to the end, and all {distinct:,} records are accounted for."
    for step in steps:
        if not step.reconciled:
            yield f"NOT reconciled: {step.object_type}, {step.reason or 'its counts do not add up'}."


def _details(figures: CrmFigures) -> Iterator[str]:
    links, unlinked = figures.links, figures.links.unlinked
    yield f"{figures.companies.received:,} company records make {figures.companies.entities:,} companies."
    yield f"Contacts linked: {links.provider_id:,} by the CRM's own association, {links.email_domain:,} by domain."
    yield (
        f"Not linked: {unlinked.free_mail:,} with free mail, {unlinked.no_email:,} without an address, "
        f"{unlinked.invalid_email:,} with an unreadable one, {unlinked.no_company:,} of unknown companies"
        + (f", {unlinked.person_account:,} person accounts." if unlinked.person_account else ".")
    )
    yield f"Deals linked to a company: {figures.deals.linked:,}, not linked: {figures.deals.unlinked:,}."
    yield f"Owners: {figures.owners:,}."
    if figures.unreadable:
        counts = ", ".join(f"{field}{_TIED}{count:,}" for field, count in figures.unreadable.items())
        yield f"Values that could not be kept as they are: {counts}."
