"""A run, from request to reconciliation: what lands, what is counted, and what it ends as."""

from astrelo.domain.errors import PermissionMissing
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.records import RejectedRecord, RejectionReason
from astrelo.domain.sync import RunStatus, StepStatus
from tests.support.builders import at, company, contact, owner
from tests.support.harness.scenarios import Play, small_crm
from tests.support.harness.sync import ScriptedCrm, SyncHarness

COMPANIES, CONTACTS, DEALS = ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS
HUBSPOT = Provider.HUBSPOT


def test_a_full_run_stores_links_and_reconciles_everything(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        run = await made.sync()
        assert run.status is RunStatus.COMPLETED
        assert all(step.is_reconciled for step in run.steps)
        assert {step.object_type: step.counts.inserted for step in run.steps} == {
            COMPANIES: 3,
            CONTACTS: 3,
            DEALS: 1,
        }
        view = await made.view()
        acme, second, bolt = (frozenset({("hubspot", record_id)}) for record_id in "123")
        assert set(view.companies) == {acme, second, bolt}
        links = {record_id: row[:3] for (_, record_id), row in view.contacts.items()}
        assert links == {
            "11": (acme, "email_domain", None),
            "12": (second, "provider_id", None),
            "13": (None, None, "no_email"),
        }
        assert view.deals["hubspot", "21"][0] == bolt
        assert view.deals["hubspot", "21"][-1] == frozenset({"11"})

    play(small_crm(), scenario)


def test_a_second_run_of_the_same_data_reports_everything_unchanged(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        before = await made.view()
        made.clock.advance(60)
        run = await made.sync()
        counts = [step.counts for step in run.steps]
        assert [(c.inserted, c.updated, c.unchanged) for c in counts] == [(0, 0, 3), (0, 0, 3), (0, 0, 1)]
        assert await made.view() == before

    play(small_crm(), scenario)


def test_an_unchanged_run_writes_no_row(play: Play) -> None:
    revisions = """
        select revision from companies union all select revision from contacts union all select revision from deals
        union all select position from feed_heads order by 1
    """

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        before = await made.pool.fetch(revisions)
        assert before
        made.clock.advance(60)
        await made.sync()
        after = await made.pool.fetch(revisions)
        assert after == before

    play(small_crm(), scenario)


def test_a_bump_without_a_change_moves_the_time_and_counts_as_unchanged(play: Play) -> None:
    crm = ScriptedCrm(pages={COMPANIES: [[company("1", "acme.com")]]})

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        crm.pages[COMPANIES] = [[company("1", "acme.com", minutes=5)]]
        run = await made.sync()
        assert run.step(COMPANIES).counts.unchanged == 1
        assert await made.pool.fetchval("select source_updated_at from companies") == at(5)

    play(crm, scenario)


def test_a_duplicated_id_across_pages_is_a_repeat_and_the_newer_copy_wins(play: Play) -> None:
    filler = [company(f"f{n}") for n in range(1_000)]
    first, again = [company("1", "a.com"), company("2"), *filler], [company("1", "b.com", minutes=9)]

    async def scenario(made: SyncHarness) -> None:
        run = await made.sync()
        counts = run.step(COMPANIES).counts
        assert (counts.received, counts.repeats, counts.distinct, counts.inserted) == (1_003, 1, 1_002, 1_002)
        assert counts.adds_up
        assert (
            await made.pool.fetchval("select domain from companies where external_provider_id='1'") == "b.com"
        )

    play(ScriptedCrm(pages={COMPANIES: [first, again]}), scenario)


def test_a_record_older_than_the_stored_one_is_stale_and_changes_nothing(play: Play) -> None:
    crm = ScriptedCrm(pages={CONTACTS: [[contact("1", "new@acme.com", minutes=5)]]})

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        crm.pages[CONTACTS] = [[contact("1", "old@acme.com", minutes=4)]]
        run = await made.sync()
        assert run.step(CONTACTS).counts.stale == 1
        assert (await made.view()).contacts["hubspot", "1"][3] == "new@acme.com"

    play(crm, scenario)


def test_rejected_records_are_kept_by_id_and_reason_and_the_run_balances(play: Play) -> None:
    bad = [RejectedRecord("x" * 128, RejectionReason.BAD_ID), RejectedRecord(None, RejectionReason.MALFORMED)]

    async def scenario(made: SyncHarness) -> None:
        run = await made.sync()
        counts = run.step(COMPANIES).counts
        assert run.status is RunStatus.COMPLETED
        assert counts.rejected == {"bad_id": 1, "malformed": 1}
        assert counts.adds_up
        stored = await made.pool.fetch("select record_id, reason from sync_rejections order by reason")
        assert [tuple(row) for row in stored] == [("x" * 128, "bad_id"), (None, "malformed")]

    play(ScriptedCrm(pages={COMPANIES: [[company("1"), *bad]]}), scenario)


def test_unreadable_values_and_unknown_owners_are_counted_by_field(play: Play) -> None:
    records = [company("1", unreadable=("employee_count",), owner_id="404"), company("2", owner_id="7")]

    async def scenario(made: SyncHarness) -> None:
        run = await made.sync()
        assert run.step(COMPANIES).counts.unreadable == {"employee_count": 1, "crm_rep_id": 1}
        reps = await made.pool.fetchval("select count(*) from companies where crm_rep_id is not null")
        assert reps == 1

    play(ScriptedCrm(pages={COMPANIES: [records]}, reps=[owner("7", archived=True)]), scenario)


def test_a_refused_object_type_makes_the_run_partial_and_stops_no_other(play: Play) -> None:
    crm = small_crm()
    crm.pages[DEALS] = [PermissionMissing(HUBSPOT, DEALS, ("crm.objects.deals.read",))]

    async def scenario(made: SyncHarness) -> None:
        run = await made.sync()
        assert run.status is RunStatus.PARTIAL
        assert run.step(DEALS).status is StepStatus.REFUSED
        assert "crm.objects.deals.read" in (run.reason or "")
        assert run.step(CONTACTS).is_reconciled

    play(crm, scenario)


def test_a_text_with_control_characters_is_stored_as_reported(play: Play) -> None:
    name = "unit\x1frecord\x1egroup\x1dfile\x1cend\x01"

    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        stored = await made.pool.fetch("select company_name from companies order by external_provider_id")
        assert [row["company_name"] for row in stored] == [name, "plain"]

    play(ScriptedCrm(pages={COMPANIES: [[company("1", name=name), company("2", name="plain")]]}), scenario)
