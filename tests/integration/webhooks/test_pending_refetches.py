"""Pending refetches, as webhooks bring them: what is named is read, and no word of it is lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from astrelo.application.sync.refetch_records import FETCH_SIZE
from astrelo.domain.errors import AstreloError, CrmRejected, CrmUnavailable
from astrelo.domain.identifiers import ObjectType, Provider, RecordId
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.records import PendingRefetch, RecordPage
from astrelo.domain.sync import RunStatus, SyncMode
from tests.support.builders import company, contact
from tests.support.harness.scenarios import Play, carry_out_the_open_one, runs_of
from tests.support.harness.sync import ScriptedCrm, SyncHarness

COMPANIES, CONTACTS, DEALS = ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS
HUBSPOT = Provider.HUBSPOT


@dataclass
class Webhook:
    """Asks a world's connection for what a webhook would."""

    made: SyncHarness
    record_ids: Mapping[ObjectType, list[str]] = field(default_factory=dict)

    async def arrive(self) -> None:
        pending_refetches = {
            PendingRefetch(kind, RecordId(id_)) for kind, named in self.record_ids.items() for id_ in named
        }
        async with self.made.uow(self.made.user_id) as tx:
            connection = await tx.connections.get(HUBSPOT)
            assert connection is not None
            await tx.pending_refetches.add(connection.id, pending_refetches, self.made.clock.now())


def test_a_run_for_events_reads_only_what_was_named(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1", "a.com"), company("2", "b.com")]]})

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        crm.by_id = {COMPANIES: [company("1", "new.com", minutes=3)], CONTACTS: [contact("11", "x@new.com")]}
        await Webhook(made, {COMPANIES: ["1", "2"], CONTACTS: ["11"], DEALS: ["404"]}).arrive()
        run = await made.sync(mode=SyncMode.REFETCH)
        assert run.status is RunStatus.COMPLETED
        view = await made.view()
        assert [row[0] for row in view.companies.values()] == ["new.com"]
        assert view.contacts["hubspot", "11"][1] == "email_domain"
        assert await made.pool.fetchval("select count(*) from pending_refetches") == 0

    play(crm, scenario)


class SenselessCrm(ScriptedCrm):
    """Answers a read by id with what makes no sense, or not at all."""

    error: AstreloError = CrmRejected(HUBSPOT, None, "no word about record 1")

    async def fetch(
        self, session: CrmSession, object_type: ObjectType, ids: Sequence[RecordId]
    ) -> RecordPage:
        raise self.error


def test_refetches_that_can_never_succeed_do_not_fail_every_run(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        await Webhook(made, {COMPANIES: ["1"]}).arrive()
        assert (await made.sync(mode=SyncMode.REFETCH)).status is RunStatus.COMPLETED
        assert await made.pool.fetchval("select count(*) from pending_refetches") == 0

    play(SenselessCrm(), scenario)


def test_pending_refetches_outlive_a_run_that_failed_and_the_run_asked_for_next_is_not_one_for_them(
    play: Play,
) -> None:
    crm = SenselessCrm()
    crm.error = CrmUnavailable(HUBSPOT, "502")

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        await Webhook(made, {COMPANIES: ["1"]}).arrive()
        assert (await made.sync(mode=SyncMode.REFETCH)).status is RunStatus.FAILED
        assert await made.pool.fetchval("select count(*) from pending_refetches") == 1
        asked = await made.request(mode=SyncMode.FULL)
        assert (asked.mode, asked.status) == (SyncMode.FULL, RunStatus.QUEUED)

    play(crm, scenario)


def test_a_refetch_requested_while_its_record_is_read_is_not_forgotten(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        pending_refetches = Webhook(made, {COMPANIES: ["1"]})
        await pending_refetches.arrive()
        async with made.uow(made.user_id) as tx:
            connection = await tx.connections.get(HUBSPOT)
            assert connection is not None
            read = await tx.pending_refetches.list_waiting(connection.id, COMPANIES, 10)
        made.clock.advance(1)
        await pending_refetches.arrive()
        async with made.uow(made.user_id) as tx:
            await tx.pending_refetches.remove_read(connection.id, COMPANIES, read)
            assert await tx.pending_refetches.has_waiting(connection.id)

    play(ScriptedCrm(), scenario)


def test_refetches_requested_during_a_run_lead_to_a_run_for_them(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1")]]})

    async def scenario(made: SyncHarness) -> None:
        async def report_once(object_type: ObjectType, place: int) -> None:
            if object_type is COMPANIES:
                await Webhook(made, {COMPANIES: ["1"]}).arrive()

        crm.before_page = report_once
        await made.sync()
        assert await runs_of(made) == [("full", "completed"), ("refetch", "queued")]

    play(crm, scenario)


def test_more_refetches_than_fit_into_a_time_slice_are_left_to_the_run_after_it(play: Play) -> None:
    named = [str(number) for number in range(1, FETCH_SIZE + 3)]
    crm = ScriptedCrm(by_id={COMPANIES: [company(record_id) for record_id in named]})

    async def scenario(made: SyncHarness) -> None:
        await Webhook(made, {COMPANIES: named}).arrive()
        await made.sync(mode=SyncMode.REFETCH, should_stop=lambda: True)
        assert await made.pool.fetchval("select count(*) from pending_refetches") == 2
        assert await runs_of(made) == [("refetch", "completed"), ("refetch", "queued")]
        await carry_out_the_open_one(made)
        assert await made.pool.fetchval("select count(*) from pending_refetches") == 0
        assert await runs_of(made) == [("refetch", "completed"), ("refetch", "completed")]

    play(crm, scenario)


def test_a_record_that_a_full_run_refetches_and_lists_is_no_repeat(play: Play) -> None:
    odd = company("1", unreadable=("employee_count",))
    crm = ScriptedCrm(pages={COMPANIES: [[odd, company("2")]]}, by_id={COMPANIES: [odd, company("3")]})

    async def scenario(made: SyncHarness) -> None:
        await Webhook(made, {COMPANIES: ["1", "3"]}).arrive()
        step = (await made.sync()).step(COMPANIES)
        assert (step.counts.repeats, step.counts.unreadable) == (0, {"employee_count": 1})
        assert step.counts.received == 3  # the third is not listed yet, but the CRM has it
        assert step.is_reconciled
        assert len((await made.view()).companies) == 3

    play(crm, scenario)
