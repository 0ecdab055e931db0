"""One of a user's two CRMs is disconnected or purged: the other's data stays whole."""

import pytest

from astrelo.domain.identifiers import Provider
from astrelo.domain.schedule import SyncPolicy
from tests.support.builders import company, contact
from tests.support.harness.sync import SyncHarness
from tests.support.harness.two_crms import (
    BOTH,
    HUBSPOT,
    SALESFORCE,
    TwoCrms,
    acme_in_both,
    ids_of,
    play,
    reps_of,
    rows_of,
    sync_both,
)


def test_a_disconnected_crm_s_records_stay_and_the_other_goes_on(database: str) -> None:
    both = acme_in_both()

    async def scenario(made: SyncHarness) -> None:
        await sync_both(made)
        ids = await ids_of(made)
        await made.disconnect(SALESFORCE)
        assert await made.view() == both.expected()
        both.set_records(HUBSPOT, [company("1", "acme.com", 9), company("2", "hub.com", 9)])
        made.policy = SyncPolicy(min_deletions=100)
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

    async def scenario(made: SyncHarness) -> None:
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
    both.set_records(
        HUBSPOT, [company("1", "a.com", description="written by HubSpot"), company("2", "b.com")]
    )
    both.set_records(SALESFORCE, [company("3", "c.com"), company("4", "d.com")])

    async def scenario(made: SyncHarness) -> None:
        await sync_both(made, SALESFORCE, HUBSPOT)
        ids = await ids_of(made)
        both.set_records(
            HUBSPOT, [company("1", "c.com", 1), company("2", "e.com", 1), company("5", "b.com", 2)]
        )
        await sync_both(made)
        both.set_records(
            HUBSPOT, [company("1", "c.com", 1), company("2", "b.com", 3), company("5", "b.com", 2)]
        )
        await sync_both(made)
        await made.disconnect(HUBSPOT, purge=True)
        assert await made.view() == both.expected(SALESFORCE)
        assert not any((await rows_of(made, HUBSPOT)).values())
        aliases = await made.pool.fetch("select alias_id, company_id from company_aliases")
        assert [tuple(row) for row in aliases] == [(ids["hubspot", "1"], ids["salesforce", "3"])]

    play(database, both, scenario)


def test_an_archived_record_of_the_other_crm_keeps_its_company_through_a_purge(database: str) -> None:
    both = TwoCrms()
    both.set_records(HUBSPOT, [company("1", "acme.com", 5)], [contact("11", "ann@acme.com")])
    at_salesforce = company("1", "acme.com", name="Acme at Salesforce")
    both.set_records(SALESFORCE, [at_salesforce], [contact("12", "bo@acme.com")])

    async def scenario(made: SyncHarness) -> None:
        made.policy = SyncPolicy(min_deletions=100)
        await sync_both(made)
        ids = await ids_of(made)
        both.set_records(SALESFORCE, [], [contact("12", "bo@acme.com")])
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
        both.set_records(SALESFORCE, [company("1", "acme.com", 6)], [contact("12", "bo@acme.com")])
        await sync_both(made, SALESFORCE)
        assert await made.view() == both.expected(SALESFORCE)
        assert (await ids_of(made))["salesforce", "1"] == ids["hubspot", "1"]

    play(database, both, scenario)
