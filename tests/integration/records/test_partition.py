"""Companies and links are a function of the records alone.

Whatever the order of arrival, the cut into pages, the repetition, full runs one after another, or
changes in between: what is stored equals a naïve group-by of the final records.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.records import CompanyRecord, ContactRecord, CrmRecord, DealRecord, EmailKind, RecordT
from astrelo.domain.schedule import SyncPolicy
from astrelo.domain.sync import SyncMode
from tests.support.builders import company, contact, deal
from tests.support.canonical import expected_view
from tests.support.harness.sync import PageOrError, ScriptedCrm, SyncHarness, sync_harness

BOUNDED = settings(
    max_examples=40,
    deadline=None,
    # Each example is a database's work: shrinking a failure would take minutes and be cut off anyway.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
DOMAINS = st.sampled_from([None, "a.com", "b.com", "c.com"])
COMPANY_IDS = st.sampled_from(["1", "2", "3", "4", "5"])


@st.composite
def company_versions(draw: st.DrawFn) -> CompanyRecord:
    """One version of a record: its content is a function of id and time, as at a real CRM."""
    record_id, minutes = draw(COMPANY_IDS), draw(st.integers(0, 6))
    choice = (int(record_id) * 7 + minutes * 5) % 4
    domain = [None, "a.com", "b.com", "c.com"][choice]
    return company(record_id, domain, minutes, **columns_with_holes(int(record_id), minutes))


def columns_with_holes(record: int, minutes: int) -> dict[str, Any]:
    """Columns that say when they were reported, some of which are empty: which ones is a matter of arithmetic."""
    text = f"{record}@{minutes}"

    def unless(divisor: int, value: Any) -> Any:
        return value if (record * 3 + minutes * 5) % divisor else None

    return {
        "name": unless(5, text),
        "industry": unless(3, text),
        "naics": unless(2, text),
        "sic": text,
        "employee_count": unless(2, minutes),
        "annual_revenue": unless(4, Decimal(record * 100 + minutes)),
        "annual_revenue_currency": unless(7, "USD"),
        "revenue_range": "<1M",
        "hq_country": unless(2, "US"),
        "hq_region": unless(3, f"US-{minutes}"),
        "hq_city": unless(6, text),
        "description": unless(3, text),
        "phone": unless(2, text),
        "linkedin_url": unless(4, text),
        "lifecycle_stage": unless(3, text),
        "additional_domains": (("d.com",), ("a.com", "d.com"), ())[(record + minutes) % 3],
    }


@st.composite
def contact_versions(draw: st.DrawFn) -> ContactRecord:
    record_id, minutes = draw(st.sampled_from(["11", "12", "13"])), draw(st.integers(0, 3))
    choice = int(record_id) + minutes
    email = [None, "x@a.com", "x@mail.b.com", "x@c.com", "x@d.com"][choice % 5]
    company_id = [None, "1", "2", "3", "404"][(choice * 3) % 5]
    if choice % 4 == 0:
        nothing = {"email_host": None, "email_registrable_domain": None}
        return contact(
            record_id, "x@mail.test", company_id, minutes, email_kind=EmailKind.FREE_MAIL, **nothing
        )
    further = ((), ("b.com",), ("zzz.com", "d.com"))[(choice // 2) % 3]
    return contact(
        record_id, email, company_id, minutes, first_name=str(minutes), additional_email_domains=further
    )


@st.composite
def deal_versions(draw: st.DrawFn) -> DealRecord:
    record_id, minutes = draw(st.sampled_from(["21", "22"])), draw(st.integers(0, 3))
    choice = int(record_id) + minutes
    people = (("11",), ("11", "12"), ("13", "99"), ())[choice % 4]
    return deal(record_id, [None, "1", "4", "404"][(choice * 3) % 4], people, minutes)


def page_lists(versions: st.SearchStrategy[RecordT]) -> st.SearchStrategy[list[list[RecordT]]]:
    """Pages of versions: in any order, with repeats."""
    return st.lists(st.lists(versions, max_size=5), min_size=1, max_size=3)


ReportedPages = tuple[list[list[CompanyRecord]], list[list[ContactRecord]], list[list[DealRecord]]]
RUNS: st.SearchStrategy[list[ReportedPages]] = st.lists(
    st.tuples(page_lists(company_versions()), page_lists(contact_versions()), page_lists(deal_versions())),
    min_size=1,
    max_size=4,
)


@BOUNDED
@given(runs=RUNS)
def test_what_is_stored_equals_a_naive_group_by(database: str, runs: list[ReportedPages]) -> None:
    async def check() -> None:
        crm = ScriptedCrm()
        async with sync_harness(database, crm) as made:
            for number, reported in enumerate(runs):
                pages: tuple[Sequence[PageOrError], ...] = reported
                crm.pages = {kind: list(pages[place]) for place, kind in enumerate(ObjectType)}
                crm.by_id = dict(zip(ObjectType, _final(runs[: number + 1]), strict=True))
                run = await made.sync()
                assert all(step.is_reconciled for step in run.steps)
            assert await made.view() == expected_view(Provider.HUBSPOT, *_final(runs))

    asyncio.run(check())


def _final(
    runs: Sequence[ReportedPages],
) -> tuple[list[CompanyRecord], list[ContactRecord], list[DealRecord]]:
    return (
        _latest(page for companies, _, _ in runs for page in companies),
        _latest(page for _, contacts, _ in runs for page in contacts),
        _latest(page for _, _, deals in runs for page in deals),
    )


def _latest(pages: Iterable[list[RecordT]]) -> list[RecordT]:
    newest: dict[str, RecordT] = {}
    for record in chain.from_iterable(pages):
        other = newest.get(record.record_id)
        if other is None or record.source_updated_at > other.source_updated_at:
            newest[record.record_id] = record
    return list(newest.values())


class Round(NamedTuple):
    """What happens at the CRM, and the run that follows."""

    companies: dict[str, CompanyRecord | None]
    """Id → its new version, or None: archived."""
    contacts: dict[str, ContactRecord | None]
    mode: SyncMode


def _versions(
    number: int, ids: list[str], make: Callable[[str, str | None, int], RecordT]
) -> st.SearchStrategy[dict[str, RecordT | None]]:
    version = st.sampled_from([None, "a.com", "b.com", "c.com"])
    change = st.one_of(st.none(), version.map(lambda domain: (domain,)))
    return st.dictionaries(st.sampled_from(ids), change, max_size=4).map(
        lambda changes: {
            id_: None if new is None else make(id_, new[0], number) for id_, new in changes.items()
        }
    )


@st.composite
def rounds(draw: st.DrawFn) -> list[Round]:
    history = []
    for number in range(1, draw(st.integers(1, 5)) + 1):
        companies = draw(_versions(number, ["1", "2", "3", "4"], company))
        contacts = draw(
            _versions(
                number,
                ["11", "12", "13"],
                lambda id_, domain, at: contact(id_, f"x@{domain}" if domain else None, id_[-1], at),
            )
        )
        history.append(
            Round(companies, contacts, draw(st.sampled_from([SyncMode.FULL, SyncMode.INCREMENTAL])))
        )
    return history


@BOUNDED
@given(history=rounds())
def test_any_sequence_of_increments_ends_where_one_full_run_does(database: str, history: list[Round]) -> None:
    async def check() -> None:
        crm = ScriptedCrm()
        async with sync_harness(database, crm) as made:
            made.policy = SyncPolicy(min_deletions=100)
            live: dict[ObjectType, dict[str, CrmRecord]] = {kind: {} for kind in ObjectType}
            await made.sync()
            for planned in history:
                changed: dict[ObjectType, Mapping[str, CrmRecord | None]] = {
                    ObjectType.COMPANIES: planned.companies,
                    ObjectType.CONTACTS: planned.contacts,
                }
                for kind, versions in changed.items():
                    for id_, version in versions.items():
                        if version is None:
                            live[kind].pop(id_, None)
                        else:
                            live[kind][id_] = version
                await _run(made, crm, live, changed, planned.mode)
            await _run(made, crm, live, {}, SyncMode.FULL)
            expected = expected_view(Provider.HUBSPOT, *(list(live[kind].values()) for kind in ObjectType))  # type: ignore[arg-type] # each kind its own record
            assert await made.view() == expected

    asyncio.run(check())


async def _run(
    made: SyncHarness,
    crm: ScriptedCrm,
    live: dict[ObjectType, dict[str, CrmRecord]],
    changed: Mapping[ObjectType, Mapping[str, CrmRecord | None]],
    mode: SyncMode,
) -> None:
    """Play a run: a full one lists what lives, an incremental one what changed and lives."""
    crm.by_id = {kind: list(records.values()) for kind, records in live.items()}
    if mode is SyncMode.FULL:
        crm.pages = {kind: [list(records.values())] for kind, records in live.items()}
    else:
        crm.pages = {
            kind: [[record for record in versions.values() if record is not None]]
            for kind, versions in changed.items()
        }
    made.clock.advance(60)
    run = await made.sync(mode=mode)
    assert all(step.is_reconciled for step in run.steps)
