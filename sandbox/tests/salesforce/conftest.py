"""A sandbox over a small hand-made org, a clock that stands still, and a connected client."""

from collections.abc import AsyncIterator

import httpx
import pytest

from crm_sandbox import Dataset, SandboxTransport
from crm_sandbox.salesforce import Sandbox, create_sandbox, record_id
from tests.salesforce.builders import NOW, record


@pytest.fixture
def dataset() -> Dataset:
    accounts = [
        record("Account", number, {"Name": f"Account {number}", "Website": f"a{number}.com"})
        for number in range(1, 451)
    ]
    first = record_id("Account", 1)
    contacts = [
        record("Contact", 1, {"LastName": "Ada", "Email": "ada@a1.com", "AccountId": first}),
        record("Contact", 2, {"LastName": "Bo", "Email": "Bo@A1.com", "AccountId": first}),
        record("Contact", 3, {"LastName": "Nobody"}),
    ]
    opportunities = [
        record(
            "Opportunity",
            1,
            {"Name": "Deal", "Amount": "100.5", "StageName": "Closed Won", "AccountId": first},
            contacts=(1, 2),
        ),
        record("Opportunity", 2, {"Name": "Alone", "StageName": "Prospecting", "CloseDate": "2026-03-01"}),
    ]
    users = [
        record("User", 31, {"Username": "o31@example.com", "Email": "o31@example.com", "LastName": "One"}),
        record("User", 32, {"Username": "o32@example.com", "LastName": "Two"}, archived=True),
    ]
    return Dataset.from_records([*accounts, *contacts, *opportunities, *users], name="Small org")


@pytest.fixture
def sandbox(dataset: Dataset) -> Sandbox:
    return create_sandbox(dataset, clock=lambda: NOW)


@pytest.fixture
async def http(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token, at the org's own instance unless a URL says otherwise."""
    base = f"https://{sandbox.org.my_domain}.my.salesforce.com"
    async with httpx.AsyncClient(transport=SandboxTransport(sandbox), base_url=base) as client:
        yield client


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a living session of the sandbox's org."""
    tokens = sandbox.oauth.connect(sandbox.org.org_id)
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    async with httpx.AsyncClient(
        transport=SandboxTransport(sandbox), base_url=str(tokens["instance_url"]), headers=headers
    ) as connected:
        yield connected
