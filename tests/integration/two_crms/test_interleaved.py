"""Whichever way the syncs of a user's two CRMs interleave, what is stored is a function of both CRMs' records."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple, cast

import asyncpg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.records import CompanyRecord, ContactRecord, CrmRecord, DealRecord, EmailKind
from astrelo.domain.schedule import SyncPolicy
from astrelo.domain.sync import RunStatus, SyncMode, SyncRun
from tests.support.builders import company, contact, deal
from tests.support.harness.sync import SyncHarness, split_pages, sync_harness
from tests.support.harness.two_crms import HUBSPOT, SALESFORCE, TwoCrms

COMPANIES, CONTACTS, DEALS = ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS
FULL, INCREMENTAL = SyncMode.FULL, SyncMode.INCREMENTAL


def with_timeout(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        # Each example is a database's work: shrinking a failure would take minutes and be cut off anyway.
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


class Held(NamedTuple):
    """What one CRM holds at a time."""

    companies: Sequence[CompanyRecord]
    contacts: Sequence[ContactRecord]
    deals: Sequence[DealRecord]


DOMAINS = st.sampled_from([None, "a.com", "b.com", "c.com"])


@st.composite
def truths(draw: st.DrawFn, number: int) -> Held:
    """What a CRM holds after its edits of that number: the same ids at both, shared domains and none."""

    def some(ids: str) -> Sequence[str]:
        return draw(st.lists(st.sampled_from(ids.split()), unique=True))

    def minutes() -> int:
        return number * 2 + draw(st.integers(0, 1))

    def person(id_: str) -> ContactRecord:
        domain, company_id = draw(DOMAINS), draw(st.sampled_from([None, None, "1", "2", "404"]))
        if domain == "c.com":
            nothing = {"email_host": None, "email_registrable_domain": None}
            return contact(
                id_, "x@mail.test", company_id, minutes(), email_kind=EmailKind.FREE_MAIL, **nothing
            )
        return contact(
            id_, f"x@sub.{domain}" if domain else None, company_id, minutes(), first_name=str(number)
        )

    companies = [company(id_, draw(DOMAINS), minutes(), name=f"{id_}@{number}") for id_ in some("1 2 3 4")]
    contacts = [person(id_) for id_ in some("11 12 13")]
    deals = [
        deal(id_, draw(st.sampled_from([None, "1", "2"])), tuple(sorted(some("11 12"))), minutes())
        for id_ in some("21 22")
    ]
    return Held(companies, contacts, deals)


class Planned(NamedTuple):
    """A run, and what its CRM holds from then on."""

    held: Held
    mode: SyncMode
    page_size: int
    repeats: bool
    """Whether the last page gives the records of the first once more."""


@st.composite
def plans(draw: st.DrawFn) -> list[Planned]:
    """The runs of one CRM: the last one is full, for only such a run sees what was deleted."""
    modes = [*draw(st.lists(st.sampled_from([FULL, INCREMENTAL]), max_size=2)), FULL]
    return [
        Planned(draw(truths(number)), mode, draw(st.integers(1, 4)), draw(st.booleans()))
        for number, mode in enumerate(modes)
    ]


TimeSlices = list[tuple[Provider, int]]
TIME_SLICES: st.SearchStrategy[TimeSlices] = st.lists(
    st.tuples(st.sampled_from([HUBSPOT, SALESFORCE]), st.integers(1, 3)), max_size=12
)
"""Whose turn it is, and for how many looks between batches."""


class Side:
    """One CRM's runs, carried out a slice at a time."""

    def __init__(
        self, made: SyncHarness, both: TwoCrms, source: Provider, planned: Sequence[Planned]
    ) -> None:
        self._made = made
        self._both = both
        self._source = source
        self._left = list(planned)
        self._run: SyncRun | None = None

    async def go_on(self, looks: int) -> bool:
        """Go on with the run, or begin the next; False when there is none."""
        if self._run is None:
            if not self._left:
                return False
            self._run = await self._begin(self._left.pop(0))
        left = iter(range(looks))
        await self._made.run_sync()(self._made.user_id, self._run.id, lambda: next(left, None) is None)
        run = await self._made.load_run(self._run)
        if not run.status.is_open:
            assert run.status is RunStatus.COMPLETED, run.reason
            assert all(step.is_reconciled for step in run.steps)
            self._run = None
        return True

    async def _begin(self, planned: Planned) -> SyncRun:
        set_up_crm(self._both, self._source, planned)
        self._made.clock.advance(60)
        return await self._made.request(self._source, planned.mode)


def set_up_crm(both: TwoCrms, source: Provider, planned: Planned) -> None:
    """Let the CRM hold this; an incremental run lists only what has changed."""
    before = both.records[source]
    both.set_records(source, *planned.held)
    for kind, former, records in zip(ObjectType, before[1:4], planned.held, strict=True):
        listed = records if planned.mode is FULL else [r for r in records if r not in former]
        pages = split_pages(cast("Iterable[CrmRecord]", listed), planned.page_size)
        both.crms[source].pages[kind] = [*pages, pages[0]] if planned.repeats else pages


@asynccontextmanager
async def two_workers(database: str, both: TwoCrms) -> AsyncIterator[tuple[SyncHarness, SyncHarness]]:
    """One user, two workers with a pool each."""
    async with (
        sync_harness(database, *both.crms.values()) as made,
        asyncpg.create_pool(database, min_size=1, max_size=8) as pool,
    ):
        other = SyncHarness(pool, *both.crms.values())
        other.user_id, other.clock = made.user_id, made.clock
        made.policy = other.policy = SyncPolicy(min_deletions=100)
        for harness in (made, other):
            harness.batch_size, harness.linger_seconds = 2, 0.01
        yield made, other


@with_timeout(30)
@given(hubspot=plans(), salesforce=plans(), slices=TIME_SLICES)
def test_any_interleaving_of_two_syncs_ends_where_a_naive_group_by_of_both_does(
    database: str, hubspot: list[Planned], salesforce: list[Planned], slices: TimeSlices
) -> None:
    async def check() -> None:
        both = TwoCrms()
        async with two_workers(database, both) as (made, _):
            sides = {
                HUBSPOT: Side(made, both, HUBSPOT, hubspot),
                SALESFORCE: Side(made, both, SALESFORCE, salesforce),
            }
            for source, looks in slices:
                await sides[source].go_on(looks)
            for side in sides.values():
                while await side.go_on(100):
                    pass
            assert await made.view() == both.expected()

    asyncio.run(check())


_Page = tuple[Provider, ObjectType, int]


class Meeting:
    """Lets each page of one CRM be given when the other CRM is asked for a page of the same place too.

    Which object type meets which is drawn. Nobody waits for a page that will not be asked for.
    """

    def __init__(self, both: TwoCrms, partners: Sequence[ObjectType]) -> None:
        self._asked: dict[_Page, asyncio.Event] = {}
        self._crms = both.crms
        there = dict(zip(ObjectType, partners, strict=True))
        self._partners = {HUBSPOT: there, SALESFORCE: {there[kind]: kind for kind in there}}
        for source, crm in self._crms.items():
            crm.before_page = self._waiter(source)

    def _waiter(self, source: Provider) -> Callable[[ObjectType, int], Awaitable[None]]:
        other = SALESFORCE if source is HUBSPOT else HUBSPOT

        async def wait(kind: ObjectType, place: int) -> None:
            partner = self._partners[source][kind]
            self._event(source, kind, place).set()
            if place < len(self._crms[other].pages.get(partner) or [[]]):
                async with asyncio.timeout(30):
                    await self._event(other, partner, place).wait()

        return wait

    def _event(self, *page: *_Page) -> asyncio.Event:
        return self._asked.setdefault(page, asyncio.Event())


class Round(NamedTuple):
    """What both CRMs come to hold, and which page of one meets which of the other. A purge takes one CRM away."""

    planned: Mapping[Provider, Planned]
    partners: Sequence[ObjectType]
    purged: Provider | None
    purged_at: tuple[ObjectType, int]
    """Before which page of the other CRM."""


@st.composite
def rounds(draw: st.DrawFn) -> list[Round]:
    history = []
    for number in range(draw(st.integers(1, 3))):
        planned = {
            source: Planned(draw(truths(number)), FULL, draw(st.integers(1, 4)), draw(st.booleans()))
            for source in (HUBSPOT, SALESFORCE)
        }
        partners = draw(st.permutations(list(ObjectType)))
        purged = draw(st.sampled_from([None, None, HUBSPOT, SALESFORCE])) if number else None
        purged_at = draw(st.sampled_from(list(ObjectType))), draw(st.integers(0, 1))
        history.append(Round(planned, partners, purged, purged_at))
    return history


@with_timeout(20)
@given(history=rounds())
def test_two_workers_that_write_at_once_come_to_the_same(database: str, history: list[Round]) -> None:
    async def check() -> None:
        both = TwoCrms()
        async with two_workers(database, both) as workers:
            for planned_round in history:
                if planned_round.purged is not None:
                    await _sync_while_the_other_is_purged(workers, both, planned_round, planned_round.purged)
                    await workers[0].connect(planned_round.purged)
                await _sync_at_once(workers, both, planned_round)
                assert await workers[0].view() == both.expected()

    asyncio.run(check())


async def _sync_at_once(
    workers: tuple[SyncHarness, SyncHarness], both: TwoCrms, planned_round: Round
) -> None:
    workers[0].clock.advance(60)
    for source, planned in planned_round.planned.items():
        set_up_crm(both, source, planned)
    Meeting(both, planned_round.partners)
    runs = await asyncio.gather(*map(_complete, workers, both.crms))
    assert all(step.is_reconciled for run in runs for step in run.steps)


async def _sync_while_the_other_is_purged(
    workers: tuple[SyncHarness, SyncHarness], both: TwoCrms, planned_round: Round, purged: Provider
) -> None:
    stays = SALESFORCE if purged is HUBSPOT else HUBSPOT
    set_up_crm(both, stays, planned_round.planned[stays])
    purges: list[asyncio.Task[None]] = []

    async def purge(kind: ObjectType, place: int) -> None:
        if (kind, place) == planned_round.purged_at:
            purges.append(asyncio.create_task(workers[1].disconnect(purged, purge=True)))

    both.crms[stays].before_page = purge
    await _complete(workers[0], stays)
    if not purges:  # it had fewer pages
        await purge(*planned_round.purged_at)
    await asyncio.gather(*purges)
    assert await workers[0].view() == both.expected(stays)


async def _complete(made: SyncHarness, source: Provider) -> SyncRun:
    run = await made.sync(source)
    assert run.status is RunStatus.COMPLETED, run.reason
    return run
