"""Companies and links are a function of the records alone.

Whatever the order of arrival, the cut into pages, the repetition, full runs one after another, or
changes in between: what is stored equals a naïve group-by of the final records.
"""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import chain

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.records import CompanyRecord, ContactRecord, DealRecord, EmailKind, RecordT
from tests.builders import company, contact, deal
from tests.canonical import expected_view
from tests.integration.sync_world import PageOrError, ScriptedCrm, world

DOMAINS = st.sampled_from([None, "a.com", "b.com", "c.com"])
COMPANY_IDS = st.sampled_from(["1", "2", "3", "4", "5"])


@st.composite
def company_versions(draw: st.DrawFn) -> CompanyRecord:
    """One version of a record: its content is a function of id and time, as at a real CRM."""
    record_id, minutes = draw(COMPANY_IDS), draw(st.integers(0, 6))
    choice = (int(record_id) * 7 + minutes * 5) % 4
    domain = [None, "a.com", "b.com", "c.com"][choice]
    return company(record_id, domain, minutes, name=f"{record_id}@{minutes}", employee_count=minutes)


@st.composite
def contact_versions(draw: st.DrawFn) -> ContactRecord:
    record_id, minutes = draw(st.sampled_from(["11", "12", "13"])), draw(st.integers(0, 3))
    choice = int(record_id) + minutes
    email = [None, "x@a.com", "x@mail.b.com", "x@c.com", "x@d.com"][choice % 5]
    told = [None, "1", "2", "3", "404"][(choice * 3) % 5]
    if choice % 4 == 0:
        nothing = {"email_host": None, "email_registrable_domain": None}
        return contact(record_id, "x@mail.test", told, minutes, email_kind=EmailKind.FREE_MAIL, **nothing)
    return contact(record_id, email, told, minutes, first_name=str(minutes))


@st.composite
def deal_versions(draw: st.DrawFn) -> DealRecord:
    record_id, minutes = draw(st.sampled_from(["21", "22"])), draw(st.integers(0, 3))
    choice = int(record_id) + minutes
    people = (("11",), ("11", "12"), ("13", "99"), ())[choice % 4]
    return deal(record_id, [None, "1", "4", "404"][(choice * 3) % 4], people, minutes)


def walk(versions: st.SearchStrategy[RecordT]) -> st.SearchStrategy[list[list[RecordT]]]:
    """Pages of versions: in any order, with repeats."""
    return st.lists(st.lists(versions, max_size=5), min_size=1, max_size=3)


Told = tuple[list[list[CompanyRecord]], list[list[ContactRecord]], list[list[DealRecord]]]
RUNS: st.SearchStrategy[list[Told]] = st.lists(
    st.tuples(walk(company_versions()), walk(contact_versions()), walk(deal_versions())),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=RUNS)
def test_what_is_stored_equals_a_naive_group_by(database: str, runs: list[Told]) -> None:
    async def check() -> None:
        crm = ScriptedCrm()
        async with world(database, crm) as made:
            for told in runs:
                pages: tuple[Sequence[PageOrError], ...] = told
                crm.pages = {kind: list(pages[place]) for place, kind in enumerate(ObjectType)}
                run = await made.sync()
                assert all(step.is_certified for step in run.steps)
            expected = expected_view(
                Provider.HUBSPOT,
                _latest(page for companies, _, _ in runs for page in companies),
                _latest(page for _, contacts, _ in runs for page in contacts),
                _latest(page for _, _, deals in runs for page in deals),
            )
            assert await made.view() == expected

    asyncio.run(check())


def _latest(pages: Iterable[list[RecordT]]) -> list[RecordT]:
    newest: dict[str, RecordT] = {}
    for record in chain.from_iterable(pages):
        other = newest.get(record.record_id)
        if other is None or record.source_updated_at > other.source_updated_at:
            newest[record.record_id] = record
    return list(newest.values())
