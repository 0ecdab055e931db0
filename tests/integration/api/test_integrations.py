"""How a CRM stands, its runs and their reports, and what can be asked of it."""

from collections.abc import AsyncIterator
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest

from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.sync import Counts, StepStatus, SyncStep
from tests.support.harness.api import WRITTEN_AT, ApiHarness, ConsentingCrm, api_harness, ids

pytestmark = pytest.mark.anyio

HUBSPOT = "/api/integrations/hubspot"


@pytest.fixture
async def api(database: str) -> AsyncIterator[ApiHarness]:
    async with api_harness(database) as opened:
        yield opened


async def _connect(api: ApiHarness) -> None:
    """Connect as a browser does, so that there are tokens and a first run."""
    browser = api.browser(api.user_id)
    away = await browser.get(f"{HUBSPOT}/authorize")
    state = away.headers["location"].partition("state=")[2]
    await browser.get(f"{HUBSPOT}/callback", params={"state": state, "code": "code"})


async def test_a_user_without_connections_sees_what_could_be_connected(api: ApiHarness) -> None:
    hubspot, salesforce = await api.data("/api/integrations")
    assert (hubspot["provider"], hubspot["status"], hubspot["configured"]) == (
        "hubspot",
        "not_connected",
        True,
    )
    assert (salesforce["provider"], salesforce["configured"]) == ("salesforce", False)
    assert (
        salesforce["action"] == "Ask the operator of this server to set the client id and secret of the CRM."
    )
    assert hubspot["action"].startswith("Connect HubSpot")
    assert not hubspot["stale"]
    assert (await api.get(HUBSPOT)).json() == hubspot


async def test_a_crm_with_several_places_to_sign_in_says_so(api: ApiHarness, database: str) -> None:
    salesforce = ConsentingCrm(name=Provider.SALESFORCE)
    async with api_harness(database, salesforce) as other:
        assert (await other.get("/api/integrations/salesforce")).json()["chooses_login_host"] is True
    assert (await api.get(HUBSPOT)).json()["chooses_login_host"] is False


async def test_a_connection_shows_who_connected_it_where_that_is_known(api: ApiHarness) -> None:
    await api.connection(connected_by="ada@acme.com", account_domain="acme.com")
    shown = (await api.get(HUBSPOT)).json()
    assert (shown["connected_by"], shown["account_domain"]) == ("ada@acme.com", "acme.com")


async def test_a_connection_shows_its_account_freshness_and_counts(api: ApiHarness) -> None:
    connection = await api.connection()
    await api.insert(
        "connection_freshness",
        {
            "user_id": api.user_id,
            "connection_id": connection,
            "object_type": "companies",
            "complete_as_of": WRITTEN_AT,
            "watermark": WRITTEN_AT,
        },
    )
    company = await api.company(records=2)
    await api.company(archived_at=WRITTEN_AT)
    await api.company(external_source="salesforce")
    await api.contact(company_id=company)
    await api.contact(company_id=company, company_match="email_domain")
    for reason in ("no_email", "invalid_email", "free_mail", "free_mail", "no_company", "person_account"):
        await api.contact(unlinked_reason=reason)
    await api.contact(archived_at=WRITTEN_AT)
    await api.deal(company_id=company)
    await api.deal()
    await api.owner()
    await api.count_records()
    shown = (await api.get(HUBSPOT)).json()
    assert (shown["status"], shown["account_id"], shown["account_name"]) == ("active", "4711", "Account 4711")
    assert (shown["connected_by"], shown["account_domain"]) == (None, None)
    assert shown["scopes"] == ["a", "b"]
    assert shown["complete_as_of"] == {
        "companies": "2026-11-02T00:00:00Z",
        "contacts": None,
        "deals": None,
    }
    assert shown["counts"] == {
        "companies": {"records": 2, "entities": 1},
        "contacts": {
            "total": 8,
            "linked": {"provider_id": 1, "email_domain": 1},
            "unlinked": {
                "no_email": 1,
                "invalid_email": 1,
                "free_mail": 2,
                "no_company": 1,
                "person_account": 1,
            },
        },
        "deals": {"total": 2, "linked": 1, "unlinked": 1},
        "owners": 1,
    }
    assert shown["counted_at"] == "2026-11-02T00:00:00Z"
    assert (shown["action"], shown["current_run"], shown["last_run"]) == (None, None, None)


@pytest.mark.parametrize(
    ("status", "action"),
    [("needs_reauthorization", "Connect HubSpot again"), ("disconnected", "Connect HubSpot")],
)
async def test_a_connection_that_does_not_work_says_why_and_what_to_do(
    api: ApiHarness, status: str, action: str
) -> None:
    await api.connection(status=status, reason="HubSpot says: revoked")
    shown = (await api.get(HUBSPOT)).json()
    assert (shown["status"], shown["stale"], shown["reason"]) == (status, True, "HubSpot says: revoked")
    assert shown["action"].startswith(action)


async def test_a_run_shows_its_progress_beside_the_last_one(api: ApiHarness) -> None:
    connection = await api.connection()
    last = await api.run(connection, id=UUID(int=1), finished_at=WRITTEN_AT)
    current = await api.run(connection, id=UUID(int=2), status="running")
    await api.step(current, "contacts", status="running", received=300, repeats=10, expected_total=1000)
    shown = (await api.get(HUBSPOT)).json()
    assert (shown["last_run"]["id"], shown["last_run"]["status"]) == (str(last), "completed")
    assert shown["current_run"]["id"] == str(current)
    (step,) = shown["current_run"]["steps"]
    assert (step["distinct"], step["expected_total"], step["reconciled"]) == (290, 1000, False)


@pytest.mark.parametrize(
    ("status", "parked_until", "action"),
    [
        ("failed", None, "Request a sync: "),
        ("parked", None, "Connect HubSpot again"),
        ("parked", WRITTEN_AT, "Nothing"),
        ("completed", None, None),
    ],
)
async def test_a_run_that_did_not_simply_end_says_what_to_do(
    api: ApiHarness, status: str, parked_until: object, action: str | None
) -> None:
    run = await api.run(await api.connection(), status=status, parked_until=parked_until, reason="why")
    shown = (await api.get(f"{HUBSPOT}/runs/{run}")).json()["run"]
    assert shown["reason"] == "why"
    assert (shown["action"] or "").startswith(action or "")
    assert (shown["action"] is None) == (action is None)


async def test_a_report_reconciles_what_adds_up_and_names_what_does_not(api: ApiHarness) -> None:
    run = await api.run(await api.connection())
    balanced = {"received": 12, "repeats": 2, "inserted": 4, "updated": 1, "unchanged": 2, "stale": 1}
    await api.step(run, "companies", **balanced, rejected={"malformed": 2}, unreadable={"employee_count": 3})
    await api.step(run, "contacts", received=5, inserted=4)
    await api.step(run, "deals", status="refused", reason="no permission")
    report = (await api.get(f"{HUBSPOT}/runs/{run}")).json()
    steps = {step["object_type"]: step for step in report["run"]["steps"]}
    assert {name: step["reconciled"] for name, step in steps.items()} == {
        "companies": True,
        "contacts": False,
        "deals": False,
    }
    assert steps["companies"] | balanced == steps["companies"]
    assert (steps["companies"]["distinct"], steps["companies"]["rejected"]) == (10, {"malformed": 2})
    assert steps["companies"]["unreadable"] == {"employee_count": 3}
    assert len(report["warnings"]) == 4


async def test_a_report_lists_a_sample_of_the_rejected_records_and_crowded_domains(api: ApiHarness) -> None:
    run = await api.run(await api.connection())
    for place in range(103):
        row = {"user_id": api.user_id, "run_id": run, "object_type": "companies", "reason": "bad_id"}
        await api.insert("sync_rejections", row | {"record_id": str(place) if place else None})
    await api.company(domain="crowded.com", records=21)
    await api.company(domain="quiet.com", records=20)
    report = (await api.get(f"{HUBSPOT}/runs/{run}")).json()
    assert len(report["rejected_records"]) == 100
    assert report["rejected_records"][0] == {
        "object_type": "companies",
        "record_id": None,
        "reason": "bad_id",
    }
    assert report["crowded_domains"] == [{"domain": "crowded.com", "records": 21}]
    assert "crowded.com" in report["warnings"][0]


async def test_runs_are_listed_the_latest_first_page_by_page(api: ApiHarness) -> None:
    connection = await api.connection()
    laid = [await api.run(connection, id=UUID(int=number)) for number in (1, 2, 3)]
    page = (await api.get(f"{HUBSPOT}/runs", limit="2")).json()
    assert [entry["id"] for entry in page["data"]] == [str(laid[2]), str(laid[1])]
    assert ids(await api.data(f"{HUBSPOT}/runs", cursor=page["next_cursor"])) == {laid[0]}
    assert await api.data("/api/integrations/salesforce/runs") == []


async def test_a_requested_sync_is_accepted_with_its_run(api: ApiHarness) -> None:
    await api.connection()
    response = await api.ask("POST", f"{HUBSPOT}/sync")
    run = response.json()
    assert (response.status_code, run["status"], run["mode"]) == (202, "queued", "full")
    assert response.headers["location"] == f"{HUBSPOT}/runs/{run['id']}"
    assert [step["status"] for step in run["steps"]] == ["pending"] * 3
    assert (await api.get(response.headers["location"])).json()["run"] == run


async def test_a_sync_requested_twice_is_one_run(api: ApiHarness) -> None:
    await api.connection()
    first, second = [(await api.ask("POST", f"{HUBSPOT}/sync")).json()["id"] for _ in range(2)]
    assert first == second


async def test_a_sync_without_a_working_connection_is_refused(api: ApiHarness) -> None:
    missing = await api.ask("POST", f"{HUBSPOT}/sync")
    assert (missing.status_code, missing.json()["code"]) == (409, "not_connected")
    assert missing.json()["detail"] == "HubSpot is not connected. Nothing was changed."
    connection = await api.connection(status="disconnected")
    refused = await api.ask("POST", f"{HUBSPOT}/sync")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_connected")
    await api.pool.execute(
        "update crm_connections set status = 'needs_reauthorization' where id = $1", connection
    )
    refused = await api.ask("POST", f"{HUBSPOT}/sync")
    assert (refused.status_code, refused.json()["code"]) == (409, "invalid_state")
    assert refused.json()["detail"] == (
        "A connection that is needs_reauthorization cannot be synced. Nothing was changed."
    )


async def test_a_run_is_cancelled_once(api: ApiHarness) -> None:
    await api.connection()
    run = (await api.ask("POST", f"{HUBSPOT}/sync")).json()["id"]
    cancelled = await api.ask("POST", f"{HUBSPOT}/runs/{run}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    again = await api.ask("POST", f"{HUBSPOT}/runs/{run}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "invalid_state")


async def test_another_tenant_s_run_cannot_be_seen_or_cancelled(api: ApiHarness) -> None:
    connection = await api.connection(user_id=api.neighbour_id)
    run = await api.run(connection, user_id=api.neighbour_id, status="running")
    assert (await api.get(f"{HUBSPOT}/runs/{run}")).status_code == 404
    assert (await api.ask("POST", f"{HUBSPOT}/runs/{run}/cancel")).status_code == 404
    assert (await api.get(HUBSPOT)).json()["status"] == "not_connected"
    shown = await api.get(f"{HUBSPOT}/runs/{run}", api.neighbour_id)
    assert shown.json()["run"]["status"] == "running"


async def test_a_run_of_one_crm_is_not_found_under_the_other(api: ApiHarness) -> None:
    run = await api.run(await api.connection())
    assert (await api.get(f"/api/integrations/salesforce/runs/{run}")).status_code == 404


async def test_disconnecting_keeps_the_records_and_purging_deletes_them(api: ApiHarness) -> None:
    await _connect(api)
    company = await api.company()
    ended = await api.ask("DELETE", HUBSPOT)
    assert (ended.status_code, ended.content) == (204, b"")
    shown = (await api.get(HUBSPOT)).json()
    assert (shown["status"], shown["stale"], shown["last_run"]["status"]) == (
        "disconnected",
        True,
        "cancelled",
    )
    assert (await api.get(f"/api/companies/{company}")).status_code == 200
    assert api.crm.revoked == ["refresh-4711"]
    assert (await api.ask("DELETE", HUBSPOT, params={"purge": "true"})).status_code == 204
    assert (await api.get(f"/api/companies/{company}")).status_code == 404
    assert (await api.get(HUBSPOT)).json()["status"] == "not_connected"


async def test_what_was_never_connected_cannot_be_disconnected(api: ApiHarness) -> None:
    refused = await api.ask("DELETE", HUBSPOT)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_connected")


async def test_the_profile_is_put_as_a_whole_and_keeps_its_id(api: ApiHarness) -> None:
    assert (await api.get("/api/icp-profile")).status_code == 404
    wanted = {
        "name": "Makers", "industries": ["MACHINERY"], "naics": ["31-33", "5132"], "employee_min": 10,
        "employee_max": 500, "revenue_ranges": ["1M-10M", ">1B"], "countries": ["DE"],
    }  # fmt: skip
    first = await api.ask("PUT", "/api/icp-profile", json=wanted)
    assert first.status_code == 200, first.text
    assert first.json() == wanted | {"id": first.json()["id"], "is_default": True}
    second = (await api.ask("PUT", "/api/icp-profile", json={"name": "All"})).json()
    assert (second["id"], second["industries"], second["employee_min"]) == (first.json()["id"], [], None)
    assert (await api.get("/api/icp-profile")).json() == second
    assert (await api.get("/api/icp-profile", api.neighbour_id)).status_code == 404


async def test_a_profile_s_bounds_must_not_contradict_each_other(api: ApiHarness) -> None:
    body = {"name": "x", "employee_min": 5, "employee_max": 4}
    response = await api.ask("PUT", "/api/icp-profile", json=body)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "employee_min")


async def test_a_run_that_does_not_exist_is_not_found(api: ApiHarness) -> None:
    assert (await api.get(f"{HUBSPOT}/runs/{uuid4()}")).status_code == 404


async def test_sql_reconciles_exactly_what_the_domain_does(api: ApiHarness) -> None:
    connection = await api.connection()
    expected = {}
    for received, repeats, stale, rejected, status in product(
        (3, 4), (0, 1), (0, 1), ({}, {"bad_id": 1}), ("completed", "running")
    ):
        run = await api.run(connection)
        counts: dict[str, Any] = {
            "received": received,
            "repeats": repeats,
            "stale": stale,
            "inserted": 1,
            "unchanged": 2,
        }
        await api.step(run, "deals", status=status, rejected=rejected, **counts)
        step = SyncStep(
            object_type=ObjectType.DEALS,
            status=StepStatus(status),
            counts=Counts(**counts, rejected=rejected),
        )
        expected[str(run)] = step.is_reconciled
    shown = await api.data(f"{HUBSPOT}/runs", limit="100")
    assert {run["id"]: run["steps"][0]["reconciled"] for run in shown} == expected
    assert set(expected.values()) == {True, False}
