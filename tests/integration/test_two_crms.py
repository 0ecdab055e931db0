"""Both CRMs of one user: one firm is one company, equal ids never mix, and each can go without the other."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from astrelo.domain.errors import CrmUnavailable
from astrelo.domain.identifiers import ObjectType, Provider, RecordId
from astrelo.domain.records import RecordHint
from astrelo.domain.schedule import SyncPolicy
from astrelo.domain.sync import RunStatus, SyncMode
from tests.builders import company, contact, deal, owner
from tests.integration.sync_world import World
from tests.integration.two_crms import HUBSPOT, SALESFORCE, TwoCrms, play

COMPANIES, CONTACTS, DEALS = ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS
BOTH = (HUBSPOT, SALESFORCE)

ACME = frozenset({("hubspot", "1"), ("salesforce", "1")})


def acme_in_both() -> TwoCrms:
    """Acme is record 1 of both CRMs and has the same name of ids everywhere; each CRM has a firm of its own."""
    both = TwoCrms()
    both.tell(
        HUBSPOT,
        [company("1", "acme.com", 5, owner_id="7"), company("2", "hub.com", owner_id="7")],
        [contact("11", "ann@acme.com", "1"), contact("12", "bo@sales.com"), contact("13", "cy@hub.com", "2")],
        [deal("21", "1", ("11", "12")), deal("22", "2", ("13",))],
        reps=[owner("7")],
    )
    both.tell(
        SALESFORCE,
        [company("1", "acme.com", 4, owner_id="7"), company("2", "sales.com", owner_id="8")],
        [contact("11", "di@sales.com", "2"), contact("12", "ed@acme.com"), contact("13", "flo@hub.com")],
        [deal("21", "2", ("11",)), deal("22", "1", ("12", "13"))],
        reps=[owner("7"), owner("8")],
    )
    return both


async def sync_both(made: World, *order: Provider) -> None:
    for source in order or BOTH:
        run = await made.sync(source)
        assert run.status is RunStatus.COMPLETED
        assert all(step.is_certified for step in run.steps)


async def ids_of(made: World) -> Mapping[tuple[str, str], UUID]:
    """Give the company of every record, archived ones too."""
    rows = await made.pool.fetch(
        "select external_source, external_provider_id, company_id from crm_companies where user_id = $1",
        made.user_id,
    )
    return {(row[0], row[1]): row[2] for row in rows}


async def reps_of(made: World, table: str) -> Mapping[tuple[str, str], tuple[str, str] | None]:
    """Give the rep of every live row, both by source and id at the CRM."""
    rows = await made.pool.fetch(
        f"""select told.external_source, told.external_provider_id, rep.external_source,
                   rep.external_provider_id
            from {table} told
            left join crm_owners rep on rep.user_id = told.user_id and rep.id = told.crm_rep_id
            where told.user_id = $1 and told.archived_at is null""",
        made.user_id,
    )
    return {(row[0], row[1]): (row[2], row[3]) if row[2] else None for row in rows}


async def rows_of(made: World, source: Provider) -> Mapping[str, Any]:
    """Count what is stored of a source, archived rows too."""
    tables = ("crm_companies", "companies", "contacts", "deals", "crm_owners")
    return {
        table: await made.pool.fetchval(
            f"select count(*) from {table} where user_id = $1 and external_source = $2", made.user_id, source
        )
        for table in tables
    }


@pytest.mark.parametrize("order", [BOTH, BOTH[::-1]], ids=lambda order: f"{order[0]} first")
def test_the_same_firm_in_both_crms_is_one_company_and_the_contacts_of_both_link_to_it(
    database: str, order: tuple[Provider, ...]
) -> None:
    both = acme_in_both()

    async def scenario(made: World) -> None:
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

    async def scenario(made: World) -> None:
        await sync_both(made)
        reps = await reps_of(made, "companies")
        assert reps == {
            ("hubspot", "1"): ("hubspot", "7"),
            ("hubspot", "2"): ("hubspot", "7"),
            ("salesforce", "2"): ("salesforce", "8"),
        }
        fresher = [company("1", "acme.com", 6, owner_id="7"), company("2", "sales.com", owner_id="8")]
        both.tell(SALESFORCE, fresher, reps=[owner("7"), owner("8")])
        made.policy = SyncPolicy(few_deletions=100)
        await made.sync(SALESFORCE)
        assert (await reps_of(made, "companies"))["salesforce", "1"] == ("salesforce", "7")

    play(database, both, scenario)


def test_equal_owner_ids_of_the_two_crms_never_mix(database: str) -> None:
    both = TwoCrms()
    for source, known in ((HUBSPOT, "7"), (SALESFORCE, "8")):
        both.tell(
            source,
            [company("1", f"{source}.com", owner_id="7")],
            [contact("11", company_id="1", owner_id="8")],
            [deal("21", "1", owner_id="7")],
            reps=[owner(known)],
        )

    async def scenario(made: World) -> None:
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
        both.tell(
            source,
            [company("1", f"one.{source}.com"), company("2", f"two.{source}.com")],
            [contact("11", company_id="1"), contact("12", company_id="2")],
            [deal("21", "1", ("11",)), deal("22", "2", ("12",))],
        )

    async def scenario(made: World) -> None:
        await sync_both(made)
        survivors = [company("2", "two.hubspot.com", 1)], [contact("12", company_id="2", minutes=1)]
        both.tell(HUBSPOT, *survivors, [deal("21", "1", ("11",)), deal("22", "2", ("12",))])
        both.crms[HUBSPOT].merged = {RecordId("1"): RecordId("2"), RecordId("11"): RecordId("12")}
        await sync_both(made)
        both.tell(HUBSPOT, *survivors, [deal("21", "2", ("12",)), deal("22", "2", ("12",))])
        assert await made.view() == both.expected()

    play(database, both, scenario)


@pytest.mark.parametrize("erased", [True, False], ids=["erased", "archived"])
def test_a_deletion_in_one_crm_leaves_records_of_the_other_with_those_ids_alone(
    database: str, *, erased: bool
) -> None:
    both = TwoCrms()
    for source in BOTH:
        both.tell(
            source,
            [company("1", "acme.com"), company("2", f"{source}.com")],
            [contact("11", company_id="1"), contact("12", company_id="2")],
            [deal("21", "1", ("11",)), deal("22", "2", ("12",))],
        )

    async def scenario(made: World) -> None:
        made.policy = SyncPolicy(few_deletions=100)
        await sync_both(made)
        kept = [company("2", "salesforce.com")], [contact("12", company_id="2")], [deal("22", "2", ("12",))]
        both.tell(SALESFORCE, *kept)
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


def test_a_hint_about_one_crm_s_record_has_only_that_one_read(database: str) -> None:
    both = TwoCrms()
    for source in BOTH:
        both.tell(source, [company("1", "acme.com")])

    async def scenario(made: World) -> None:
        await sync_both(made)
        for source in BOTH:
            both.tell(source, [company("1", "bolt.io", 1)])
            both.crms[source].pages = {}
        async with made.uow(made.user_id) as tx:
            connection = await tx.connections.get(SALESFORCE)
            assert connection is not None
            await tx.hints.add(connection.id, [RecordHint(COMPANIES, RecordId("1"))], made.clock.now())
        for source in BOTH:
            await made.sync(source, mode=SyncMode.EVENTS)
        of_each = frozenset({("hubspot", "1")}), frozenset({("salesforce", "1")})
        assert {name: row[0] for name, row in (await made.view()).companies.items()} == {
            of_each[0]: "acme.com",
            of_each[1]: "bolt.io",
        }
        assert await made.pool.fetchval("select count(*) from sync_hints") == 0

    play(database, both, scenario)


def test_ids_that_one_run_saw_are_not_seen_by_the_other_crm_s_run(database: str) -> None:
    both = TwoCrms()
    both.tell(HUBSPOT, [company("1"), company("2")])
    both.tell(SALESFORCE, [company("1"), company("2")])

    async def scenario(made: World) -> None:
        await sync_both(made)
        both.tell(HUBSPOT, [company("1")])
        both.crms[HUBSPOT].pages[COMPANIES] += [CrmUnavailable(HUBSPOT, "no answer"), []]
        failed = await made.sync(HUBSPOT)
        assert failed.status is RunStatus.FAILED
        assert await made.pool.fetchval("select count(*) from sync_seen") > 0
        await sync_both(made, SALESFORCE)
        assert (await made.view()) == _without_deletions_of(both, HUBSPOT)
        await sync_both(made, HUBSPOT)
        assert await made.view() == both.expected()

    def _without_deletions_of(both: TwoCrms, source: Provider) -> object:
        was = TwoCrms()
        was.told = both.told | {source: both.told[source]._replace(companies=[company("1"), company("2")])}
        return was.expected()

    play(database, both, scenario)


def test_a_disconnected_crm_s_records_stay_and_the_other_goes_on(database: str) -> None:
    both = acme_in_both()

    async def scenario(made: World) -> None:
        await sync_both(made)
        ids = await ids_of(made)
        await made.disconnect(SALESFORCE)
        assert await made.view() == both.expected()
        both.tell(HUBSPOT, [company("1", "acme.com", 9), company("2", "hub.com", 9)])
        made.policy = SyncPolicy(few_deletions=100)
        await sync_both(made, HUBSPOT)
        assert await made.view() == both.expected()
        assert await ids_of(made) == ids
        await made.connect(SALESFORCE)
        await sync_both(made, SALESFORCE)
        assert await made.view() == both.expected()
        assert await ids_of(made) == ids

    play(database, both, scenario)


@pytest.mark.parametrize("purged", BOTH)
def test_a_purge_takes_what_came_from_that_crm_and_nothing_else(database: str, purged: Provider) -> None:
    both = acme_in_both()
    kept = SALESFORCE if purged is HUBSPOT else HUBSPOT

    async def scenario(made: World) -> None:
        await sync_both(made)
        ids = await ids_of(made)
        await made.disconnect(purged, purge=True)
        assert await made.view() == both.expected(kept)
        assert await ids_of(made) == {key: id_ for key, id_ in ids.items() if key[0] == kept}
        assert not any((await rows_of(made, purged)).values())
        assert await reps_of(made, "companies") == {
            (kept.value, "1"): (kept.value, "7"),
            (kept.value, "2"): (kept.value, "7" if kept is HUBSPOT else "8"),
        }
        await made.connect(purged)
        await sync_both(made, purged)
        assert await made.view() == both.expected()
        assert (await ids_of(made))[purged.value, "1"] == ids[purged.value, "1"]

    play(database, both, scenario)


def test_a_purge_removes_companies_that_were_merged_away_and_keeps_their_old_ids_where_one_lives_on(
    database: str,
) -> None:
    both = TwoCrms()
    both.tell(HUBSPOT, [company("1", "a.com", description="told by HubSpot"), company("2", "b.com")])
    both.tell(SALESFORCE, [company("3", "c.com"), company("4", "d.com")])

    async def scenario(made: World) -> None:
        await sync_both(made, SALESFORCE, HUBSPOT)
        ids = await ids_of(made)
        both.tell(HUBSPOT, [company("1", "c.com", 1), company("2", "e.com", 1), company("5", "b.com", 2)])
        await sync_both(made)
        both.tell(HUBSPOT, [company("1", "c.com", 1), company("2", "b.com", 3), company("5", "b.com", 2)])
        await sync_both(made)
        await made.disconnect(HUBSPOT, purge=True)
        assert await made.view() == both.expected(SALESFORCE)
        assert not any((await rows_of(made, HUBSPOT)).values())
        aliases = await made.pool.fetch("select alias_id, company_id from company_aliases")
        assert [tuple(row) for row in aliases] == [(ids["hubspot", "1"], ids["salesforce", "3"])]

    play(database, both, scenario)


def test_an_archived_record_of_the_other_crm_keeps_its_company_through_a_purge(database: str) -> None:
    both = TwoCrms()
    both.tell(HUBSPOT, [company("1", "acme.com", 5)], [contact("11", "ann@acme.com")])
    at_salesforce = company("1", "acme.com", name="Acme at Salesforce")
    both.tell(SALESFORCE, [at_salesforce], [contact("12", "bo@acme.com")])

    async def scenario(made: World) -> None:
        made.policy = SyncPolicy(few_deletions=100)
        await sync_both(made)
        ids = await ids_of(made)
        both.tell(SALESFORCE, [], [contact("12", "bo@acme.com")])
        await sync_both(made)
        assert (await made.view()).contacts["salesforce", "12"][1] == "email_domain"
        await made.disconnect(HUBSPOT, purge=True)
        view = await made.view()
        assert view == both.expected(SALESFORCE)
        assert view.contacts["salesforce", "12"][2] == "no_company"
        assert not any((await rows_of(made, HUBSPOT)).values())
        former = await made.pool.fetchrow("select company_name, archived_at from companies")
        assert former["company_name"] == "Acme at Salesforce"
        assert former["archived_at"] is not None
        both.tell(SALESFORCE, [company("1", "acme.com", 6)], [contact("12", "bo@acme.com")])
        await sync_both(made, SALESFORCE)
        assert await made.view() == both.expected(SALESFORCE)
        assert (await ids_of(made))["salesforce", "1"] == ids["hubspot", "1"]

    play(database, both, scenario)
