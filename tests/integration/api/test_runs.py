"""What the API says of incremental runs, of what was found gone, and of a request's mode."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.harness.api import WRITTEN_AT, ApiHarness, api_harness

pytestmark = pytest.mark.anyio

HUBSPOT = "/api/integrations/hubspot"
EARLIER = WRITTEN_AT - timedelta(hours=1)


@pytest.fixture
async def api(database: str) -> AsyncIterator[ApiHarness]:
    async with api_harness(database) as opened:
        yield opened


async def only_step(api: ApiHarness, run: object) -> dict[str, Any]:
    (step,) = (await api.get(f"{HUBSPOT}/runs/{run}")).json()["run"]["steps"]
    assert isinstance(step, dict)
    return step


async def test_an_incremental_step_shows_its_window_and_a_full_one_has_none(api: ApiHarness) -> None:
    connection = await api.connection()
    increment = await api.run(connection, mode="incremental")
    await api.step(increment, "contacts", window_start=EARLIER, window_end=WRITTEN_AT)
    whole = await api.run(connection)
    await api.step(whole, "contacts")
    assert (await only_step(api, increment))["window"] == {
        "start": "2026-11-01T23:00:00Z",
        "end": "2026-11-02T00:00:00Z",
    }
    assert (await only_step(api, whole))["window"] is None


async def test_what_was_found_archived_or_merged_is_counted_beside_the_balance(api: ApiHarness) -> None:
    run = await api.run(await api.connection())
    await api.step(run, "companies", received=5, unchanged=5, archived=2, merged=1)
    step = await only_step(api, run)
    assert (step["archived"], step["merged"], step["reconciled"]) == (2, 1, True)


async def test_deletions_that_were_not_believed_are_a_warning_with_something_to_do(api: ApiHarness) -> None:
    run = await api.run(await api.connection(), status="partial", reason="900 of 1000 companies are gone")
    await api.step(run, "companies", reason="900 of 1000 companies are gone")
    report = (await api.get(f"{HUBSPOT}/runs/{run}")).json()
    assert report["warnings"] == ["900 of 1000 companies are gone. " + report["run"]["action"]]
    assert report["run"]["action"].startswith("Check in HubSpot")


async def test_each_trouble_with_values_has_a_warning_of_its_own(api: ApiHarness) -> None:
    run = await api.run(await api.connection())
    counts = {"domain": 5, "description": 1, "annual_revenue_usd": 3, "crm_rep_id": 4, "hq_country": 6}
    await api.step(run, "companies", unreadable=counts, hidden={"phone": 9})
    for field, trouble, records in (
        ("domain", "unreadable", 5),
        ("description", "cut", 1),
        ("annual_revenue_usd", "no_exchange_rate", 3),
        ("crm_rep_id", "unknown_owner", 4),
    ):
        await api.unreadable(run, "companies", field, trouble, records=records, record_ids=["1"])
    report = (await api.get(f"{HUBSPOT}/runs/{run}")).json()
    assert report["warnings"] == [
        (
            "3 of the companies had an amount in a currency without an exchange rate at that time. "
            "annual_revenue_usd is empty here. Check the currency in HubSpot."
        ),
        (
            "4 of the companies had an owner that HubSpot does not list. crm_rep_id is empty here. "
            "Assign them to another owner in HubSpot."
        ),
        (
            "1 of the companies had a description that is too long. Its first 65,536 characters are stored. "
            "Shorten it in HubSpot."
        ),
        (
            "5 of the companies had a value of domain that we could not read. The field is empty here. "
            "Correct it in HubSpot."
        ),
        # Of a run of a release that counted by column alone.
        (
            "6 of the companies had a value of hq_country that we could not read. The field is empty here. "
            "Correct it in HubSpot."
        ),
        (
            "HubSpot hides phone of the companies from the user who connected (9 records). It is empty here. "
            "Have an administrator of HubSpot show the field to that user, then request a full sync."
        ),
    ]


async def test_a_refused_object_type_matters_more_than_deletions(api: ApiHarness) -> None:
    run = await api.run(await api.connection(), status="partial")
    await api.step(run, "companies", reason="900 of 1000 companies are gone")
    await api.step(run, "deals", status="refused", reason="No permission")
    report = (await api.get(f"{HUBSPOT}/runs/{run}")).json()
    assert report["run"]["action"].startswith("Have an administrator of HubSpot grant what is missing")
    assert "Check in HubSpot" in report["run"]["action"]


async def test_an_object_type_that_failed_is_no_matter_of_permissions(api: ApiHarness) -> None:
    run = await api.run(await api.connection(), status="partial", reason="odd")
    await api.step(run, "companies")
    await api.step(run, "contacts", status="failed", reason="HubSpot: INVALID_FIELD")
    await api.step(run, "deals", status="failed", reason="Odd")
    report = (await api.get(f"{HUBSPOT}/runs/{run}")).json()
    assert report["run"]["action"].startswith("The next sync reads the contacts and deals again.")
    assert "grant" not in report["run"]["action"]
    assert report["warnings"] == [
        (
            "The contacts could not be read to the end. HubSpot: INVALID_FIELD. "
            "The next sync reads them again. If it happens again, contact us."
        ),
        (
            "The deals could not be read to the end. Odd. "
            "The next sync reads them again. If it happens again, contact us."
        ),
    ]


async def test_owners_that_were_refused_have_a_warning_and_advice(api: ApiHarness) -> None:
    run = await api.run(
        await api.connection(), status="partial", owners_status="refused", owners_reason="No permission"
    )
    report = (await api.get(f"{HUBSPOT}/runs/{run}")).json()
    assert report["run"]["owners"] == {"status": "refused", "reason": "No permission"}
    assert report["run"]["action"].startswith("Have an administrator of HubSpot grant what is missing")
    assert report["warnings"] == ["The owners could not be read. No permission. " + report["run"]["action"]]


async def test_owners_that_failed_are_read_again(api: ApiHarness) -> None:
    run = await api.run(await api.connection(), status="partial", owners_status="failed", owners_reason="Odd")
    report = (await api.get(f"{HUBSPOT}/runs/{run}")).json()
    assert report["run"]["action"].startswith("The next sync reads the owners again.")
    assert report["warnings"] == [
        (
            "The owners could not be read to the end. Odd. "
            "The next sync reads them again. If it happens again, contact us."
        )
    ]


async def test_each_thing_that_a_run_lacks_has_its_advice(api: ApiHarness) -> None:
    run = await api.run(await api.connection(), status="partial")
    await api.step(run, "companies", reason="900 of 1000 companies are gone")
    await api.step(run, "contacts", status="failed", reason="Odd")
    await api.step(run, "deals", status="refused", reason="No permission")
    action = (await api.get(f"{HUBSPOT}/runs/{run}")).json()["run"]["action"]
    for advice in ("grant what is missing", "reads the contacts again", "Check in HubSpot"):
        assert advice in action


async def test_a_run_that_could_read_nothing_is_asked_for_again_and_then_reported_to_us(
    api: ApiHarness,
) -> None:
    run = await api.run(await api.connection(), status="failed", reason="Odd")
    await api.step(run, "companies", status="failed", reason="Odd")
    action = (await api.get(f"{HUBSPOT}/runs/{run}")).json()["run"]["action"]
    assert action.startswith("Request a sync")
    assert "contact us" in action


@pytest.mark.parametrize("mode", ["full", "incremental"])
async def test_a_sync_is_requested_in_the_mode_asked_for(api: ApiHarness, mode: str) -> None:
    await api.connection()
    response = await api.ask("POST", f"{HUBSPOT}/sync", params={"mode": mode})
    assert (response.status_code, response.json()["mode"]) == (202, mode)


@pytest.mark.parametrize("status", ["queued", "running", "parked"])
async def test_a_full_sync_asked_for_while_one_is_open_is_that_one(api: ApiHarness, status: str) -> None:
    run = await api.run(await api.connection(), status=status)
    response = await api.ask("POST", f"{HUBSPOT}/sync", params={"mode": "full"})
    assert (response.status_code, response.json()["id"], response.json()["mode"]) == (202, str(run), "full")
    assert response.headers["location"] == f"{HUBSPOT}/runs/{run}"


@pytest.mark.parametrize("mode", ["refetch", "everything", ""])
async def test_a_mode_that_cannot_be_asked_for_is_refused(api: ApiHarness, mode: str) -> None:
    await api.connection()
    response = await api.ask("POST", f"{HUBSPOT}/sync", params={"mode": mode})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_input")
