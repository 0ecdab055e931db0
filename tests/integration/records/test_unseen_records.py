"""What a full listing did not hold: confirmed first, then archived, erased or followed to the record it was merged into."""

from collections.abc import Sequence

from astrelo.application.sync.refetch_records import FETCH_SIZE
from astrelo.domain.identifiers import ObjectType, Provider, RecordId
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.records import RecordPage
from astrelo.domain.schedule import SyncPolicy
from astrelo.domain.sync import RunStatus
from tests.support.builders import company, contact, deal
from tests.support.harness.scenarios import Play, carry_out_the_open_one, ids
from tests.support.harness.sync import ScriptedCrm, SyncHarness, thousands_of_companies

COMPANIES, CONTACTS, DEALS = ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS
HUBSPOT = Provider.HUBSPOT


def test_what_a_full_listing_did_not_hold_is_archived_once_it_is_confirmed(play: Play) -> None:
    crm = ScriptedCrm(
        pages={
            COMPANIES: [[company("1", "a.com"), company("2", "b.com")]],
            CONTACTS: [[contact("11", "x@b.com"), contact("12", "y@a.com")]],
            DEALS: [[deal("21", "2", ("11",))]],
        }
    )

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        crm.pages = {COMPANIES: [[company("1", "a.com")]], CONTACTS: [[contact("12", "y@a.com")]]}
        crm.by_id = {DEALS: [deal("21", "2", ("11",))]}
        made.clock.advance(60)
        run = await made.sync()
        archived = {step.object_type: step.counts.archived for step in run.steps}
        assert archived == {COMPANIES: 1, CONTACTS: 1, DEALS: 0}
        assert all(step.is_reconciled for step in run.steps)
        view = await made.view()
        assert set(view.companies) == {frozenset({("hubspot", "1")})}
        assert set(view.contacts) == {("hubspot", "12")}
        assert view.deals["hubspot", "21"][0] is None
        assert view.deals["hubspot", "21"][-1] == frozenset()

    play(crm, scenario)


def test_an_archived_record_that_is_listed_again_lives_again_under_its_old_id(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1", "a.com"), company("2", "b.com")]]})

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        before = await made.pool.fetchval("select id from companies where domain = 'b.com'")
        crm.pages = {COMPANIES: [[company("1", "a.com")]]}
        await made.sync()
        crm.pages = {COMPANIES: [[company("1", "a.com"), company("2", "b.com")]]}
        await made.sync()
        assert await made.pool.fetchval("select id from companies where domain = 'b.com'") == before

    play(crm, scenario)


def test_a_page_that_was_read_before_a_deletion_does_not_undo_it(play: Play) -> None:
    crm = ScriptedCrm(pages={CONTACTS: [[contact("11", "x@a.com")]]})

    async def scenario(made: SyncHarness) -> None:
        await made.sync()

        async def be_archived(object_type: ObjectType, place: int) -> None:
            if object_type is CONTACTS:
                made.clock.advance(1)
                async with made.uow(made.user_id) as tx:
                    await tx.contacts.archive(HUBSPOT, ids("11"), made.clock.now())

        crm.before_page = be_archived
        run = await made.sync()
        assert run.step(CONTACTS).counts.stale == 1
        assert (await made.view()).contacts == {}
        crm.before_page = None
        made.clock.advance(1)
        await made.sync()
        assert set((await made.view()).contacts) == {("hubspot", "11")}

    play(crm, scenario)


def test_a_listing_cut_short_deletes_nothing(play: Play) -> None:
    everything = thousands_of_companies(1)
    crm = ScriptedCrm(pages={COMPANIES: everything})

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        crm.pages = {COMPANIES: [[company("0")]]}
        run = await made.sync()
        assert run.status is RunStatus.PARTIAL
        assert "999 of 1000 companies are gone" in (run.reason or "")
        assert len((await made.view()).companies) == 1_000

    play(crm, scenario)


class CountingCrm(ScriptedCrm):
    """Counts how often records are read by id."""

    fetches = 0

    async def fetch(
        self, session: CrmSession, object_type: ObjectType, ids: Sequence[RecordId]
    ) -> RecordPage:
        self.fetches += 1
        return await super().fetch(session, object_type, ids)


def test_deletions_that_are_doubted_in_one_time_slice_and_disproved_in_the_next_leave_no_reason(
    play: Play,
) -> None:
    firms = [company(str(number)) for number in range(100)]
    crm = CountingCrm(pages={COMPANIES: [firms], CONTACTS: [[contact("a"), contact("b")]]})

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        made.clock.advance(10)
        crm.pages = {COMPANIES: [firms[:10]], CONTACTS: [[contact("a")]]}
        run = await made.request()
        await made.run_sync()(made.user_id, run.id, lambda: crm.fetches > 0)
        stopped = await made.load_run(run)
        assert stopped.status.is_open
        assert "90 of 100 companies" in (stopped.step(COMPANIES).reason or "")
        crm.by_id = {COMPANIES: firms}
        await made.run_sync()(made.user_id, run.id)
        ended = await made.load_run(run)
        assert (ended.status, ended.reason) == (RunStatus.COMPLETED, None)

    play(crm, scenario)


def test_a_worker_asked_to_stop_while_it_confirms_deletions_hands_the_run_on(play: Play) -> None:
    asked_for: list[int] = []

    class Counting(ScriptedCrm):
        async def fetch(
            self, session: CrmSession, object_type: ObjectType, ids: Sequence[RecordId]
        ) -> RecordPage:
            asked_for.append(len(ids))
            return await super().fetch(session, object_type, ids)

    crm = Counting(pages={COMPANIES: thousands_of_companies(1)})

    async def scenario(made: SyncHarness) -> None:
        made.policy = SyncPolicy(max_deletion_ratio=1.0)
        await made.sync()
        crm.pages = {COMPANIES: [[company("another")]]}
        run = await made.sync(should_stop=lambda: bool(asked_for))
        assert (run.status, asked_for) == (RunStatus.QUEUED, [FETCH_SIZE])
        await carry_out_the_open_one(made)
        run = await made.load_run(run)
        assert (run.status, run.step(COMPANIES).counts.archived) == (RunStatus.COMPLETED, 1_000)

    play(crm, scenario)


def test_an_erased_contact_really_goes(play: Play) -> None:
    crm = ScriptedCrm(pages={CONTACTS: [[contact("11", "x@a.com")]]}, erased=frozenset(ids("11")))

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        crm.pages = {}
        await made.sync()
        assert await made.pool.fetchval("select count(*) from contacts") == 0

    play(crm, scenario)


def test_a_merged_company_becomes_an_alias_and_its_contacts_and_deals_follow(play: Play) -> None:
    crm = ScriptedCrm(
        pages={
            COMPANIES: [[company("1", "a.com"), company("2", "b.com")]],
            CONTACTS: [[contact("11", company_id="1")]],
            DEALS: [[deal("21", company_id="2")]],
        }
    )

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        former = {row["id"] for row in await made.pool.fetch("select id from companies")}
        survivor = company("3", "a.com", minutes=5)
        crm.pages[COMPANIES] = [[survivor]]
        crm.by_id = {COMPANIES: [survivor]}
        crm.merged = dict.fromkeys(ids("1", "2"), RecordId("3"))
        run = await made.sync()
        assert run.step(COMPANIES).counts.merged == 2
        view = await made.view()
        merged = frozenset({("hubspot", "3")})
        assert set(view.companies) == {merged}
        assert view.contacts["hubspot", "11"][:2] == (merged, "provider_id")
        assert view.deals["hubspot", "21"][0] == merged
        living = await made.pool.fetchval("select id from companies where archived_at is null")
        aliases = await made.pool.fetch("select alias_id, company_id from company_aliases")
        assert living in former
        assert [tuple(row) for row in aliases] == [((former - {living}).pop(), living)]

    play(crm, scenario)
