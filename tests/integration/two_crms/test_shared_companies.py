"""Both CRMs of one user: one firm is one company, and equal ids never mix."""

import pytest

from astrelo.domain.errors import CrmUnavailable
from astrelo.domain.identifiers import ObjectType, Provider, RecordId
from astrelo.domain.records import PendingRefetch
from astrelo.domain.schedule import SyncPolicy
from astrelo.domain.sync import RunStatus, SyncMode
from tests.support.builders import company, contact, deal, owner
from tests.support.harness.sync import SyncHarness
from tests.support.harness.two_crms import (
    BOTH,
    HUBSPOT,
    SALESFORCE,
    TwoCrms,
    acme_in_both,
    play,
    reps_of,
    sync_both,
)

COMPANIES, CONTACTS, DEALS = ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS

ACME = frozenset({("hubspot", "1"), ("salesforce", "1")})


@pytest.mark.parametrize("order", [BOTH, BOTH[::-1]], ids=lambda order: f"{order[0]} first")
def test_the_same_firm_in_both_crms_is_one_company_and_the_contacts_of_both_link_to_it(
    database: str, order: tuple[Provider, ...]
) -> None:
    both = acme_in_both()

    async def scenario(made: SyncHarness) -> None:
        await sync_both(made, *order)
        view = await made.view()
        assert view == both.expected()
        assert view.companies[ACME][:3] == ("acme.com", "hubspot", "1")
        assert view.contacts["hubspot", "11"][:2] == (ACME, "provider_id")
        assert view.contacts["salesforce", "12"][:2] == (ACME, "email_domain")
        of_hubspot = frozenset({("hubspot", "2")})
        assert view.contacts["salesforce", "13"][:2] == (of_hubspot, "email_domain")
        assert view.deals["salesforce", "22"][0] == ACME

    play(database, both, scenario)


def test_a_company_shows_the_rep_of_its_leading_record_s_crm(database: str) -> None:
    both = acme_in_both()

    async def scenario(made: SyncHarness) -> None:
        await sync_both(made)
        reps = await reps_of(made, "companies")
        assert reps == {
            ("hubspot", "1"): ("hubspot", "7"),
            ("hubspot", "2"): ("hubspot", "7"),
            ("salesforce", "2"): ("salesforce", "8"),
        }
        fresher = [company("1", "acme.com", 6, owner_id="7"), company("2", "sales.com", owner_id="8")]
        both.set_records(SALESFORCE, fresher, reps=[owner("7"), owner("8")])
        made.policy = SyncPolicy(min_deletions=100)
        await made.sync(SALESFORCE)
        assert (await reps_of(made, "companies"))["salesforce", "1"] == ("salesforce", "7")

    play(database, both, scenario)


def test_equal_owner_ids_of_the_two_crms_never_mix(database: str) -> None:
    both = TwoCrms()
    for source, known in ((HUBSPOT, "7"), (SALESFORCE, "8")):
        both.set_records(
            source,
            [company("1", f"{source}.com", owner_id="7")],
            [contact("11", company_id="1", owner_id="8")],
            [deal("21", "1", owner_id="7")],
            reps=[owner(known)],
        )

    async def scenario(made: SyncHarness) -> None:
        await sync_both(made)
        assert await reps_of(made, "companies") == {
            ("hubspot", "1"): ("hubspot", "7"),
            ("salesforce", "1"): None,
        }
        assert await reps_of(made, "contacts") == {
            ("hubspot", "11"): None,
            ("salesforce", "11"): ("salesforce", "8"),
        }
        assert await reps_of(made, "deals") == {
            ("hubspot", "21"): ("hubspot", "7"),
            ("salesforce", "21"): None,
        }

    play(database, both, scenario)


def test_a_merge_in_one_crm_leaves_records_of_the_other_with_those_ids_alone(database: str) -> None:
    both = TwoCrms()
    for source in BOTH:
        both.set_records(
            source,
            [company("1", f"one.{source}.com"), company("2", f"two.{source}.com")],
            [contact("11", company_id="1"), contact("12", company_id="2")],
            [deal("21", "1", ("11",)), deal("22", "2", ("12",))],
        )

    async def scenario(made: SyncHarness) -> None:
        await sync_both(made)
        survivors = [company("2", "two.hubspot.com", 1)], [contact("12", company_id="2", minutes=1)]
        both.set_records(HUBSPOT, *survivors, [deal("21", "1", ("11",)), deal("22", "2", ("12",))])
        both.crms[HUBSPOT].merged = {RecordId("1"): RecordId("2"), RecordId("11"): RecordId("12")}
        await sync_both(made)
        both.set_records(HUBSPOT, *survivors, [deal("21", "2", ("12",)), deal("22", "2", ("12",))])
        assert await made.view() == both.expected()

    play(database, both, scenario)


@pytest.mark.parametrize("erased", [True, False], ids=["erased", "archived"])
def test_a_deletion_in_one_crm_leaves_records_of_the_other_with_those_ids_alone(
    database: str, *, erased: bool
) -> None:
    both = TwoCrms()
    for source in BOTH:
        both.set_records(
            source,
            [company("1", "acme.com"), company("2", f"{source}.com")],
            [contact("11", company_id="1"), contact("12", company_id="2")],
            [deal("21", "1", ("11",)), deal("22", "2", ("12",))],
        )

    async def scenario(made: SyncHarness) -> None:
        made.policy = SyncPolicy(min_deletions=100)
        await sync_both(made)
        kept = [company("2", "salesforce.com")], [contact("12", company_id="2")], [deal("22", "2", ("12",))]
        both.set_records(SALESFORCE, *kept)
        if erased:
            both.crms[SALESFORCE].erased = frozenset({RecordId("11")})
        await sync_both(made)
        assert await made.view() == both.expected()
        left = {True: [("hubspot",)], False: [("hubspot",), ("salesforce",)]}[erased]
        rows = await made.pool.fetch(
            "select external_source from contacts where external_provider_id = '11' order by 1"
        )
        assert [tuple(row) for row in rows] == left

    play(database, both, scenario)


def test_a_pending_refetch_of_one_crm_s_record_reads_only_that_one(database: str) -> None:
    both = TwoCrms()
    for source in BOTH:
        both.set_records(source, [company("1", "acme.com")])

    async def scenario(made: SyncHarness) -> None:
        await sync_both(made)
        for source in BOTH:
            both.set_records(source, [company("1", "bolt.io", 1)])
            both.crms[source].pages = {}
        async with made.uow(made.user_id) as tx:
            connection = await tx.connections.get(SALESFORCE)
            assert connection is not None
            await tx.pending_refetches.add(
                connection.id, [PendingRefetch(COMPANIES, RecordId("1"))], made.clock.now()
            )
        for source in BOTH:
            await made.sync(source, mode=SyncMode.REFETCH)
        of_each = frozenset({("hubspot", "1")}), frozenset({("salesforce", "1")})
        assert {name: row[0] for name, row in (await made.view()).companies.items()} == {
            of_each[0]: "acme.com",
            of_each[1]: "bolt.io",
        }
        assert await made.pool.fetchval("select count(*) from pending_refetches") == 0

    play(database, both, scenario)


def test_ids_that_one_run_saw_are_not_seen_by_the_other_crm_s_run(database: str) -> None:
    both = TwoCrms()
    for source in BOTH:
        both.set_records(source, [company("1"), company("2")])

    async def scenario(made: SyncHarness) -> None:
        await sync_both(made)
        both.crms[HUBSPOT].pages[COMPANIES] += [CrmUnavailable(HUBSPOT, "no answer"), []]
        assert (await made.sync(HUBSPOT)).status is RunStatus.FAILED
        assert await made.pool.fetchval("select sum(cardinality(ids)) from sync_seen") == 2
        both.set_records(SALESFORCE, [company("2")])
        await sync_both(made, SALESFORCE)
        assert await made.view() == both.expected()

    play(database, both, scenario)
