import httpx
import pytest

from crm_sandbox import Dataset
from crm_sandbox.hubspot import create_sandbox
from tests.hubspot.builders import NOW, company

pytestmark = pytest.mark.anyio


async def test_the_account_shows_its_currency_and_only_v3_its_name(
    client: httpx.AsyncClient, dataset: Dataset
) -> None:
    details = (await client.get("/account-info/2026-09/details")).json()
    assert (details["portalId"], details["companyCurrency"]) == (dataset.account_id, "USD")
    assert {"portalName", "createdAt"}.isdisjoint(details)
    older = (await client.get("/account-info/v3/details")).json()
    assert older.pop("portalName") == "Small account"
    assert older.pop("createdAt") == 1_577_836_800_000
    assert older == details


def test_an_account_may_be_in_another_currency() -> None:
    sandbox = create_sandbox(
        Dataset.from_records([company(1)], account={"companyCurrency": "EUR"}), clock=lambda: NOW
    )
    assert sandbox.account.details()["companyCurrency"] == "EUR"
