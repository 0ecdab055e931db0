"""The adapter on connections of its own, against a sandbox on a real socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from astrelo.adapters.outbound.salesforce.provider import SalesforceProvider, open_salesforce
from astrelo.domain.connection import CrmAccount, Grant
from astrelo.domain.identifiers import CrmAccountId, ObjectType
from crm_sandbox import Dataset, Fault, serve
from crm_sandbox.salesforce import Sandbox, create_sandbox
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.crm_session import FakeCrmSession
from tests.support.fakes.randomness import FakeRandomness
from tests.support.salesforce.sandbox import config, reference, tokens_of


@asynccontextmanager
async def salesforce_on_a_socket(
    sandbox: Sandbox, clock: FakeClock, **settings: Any
) -> AsyncIterator[tuple[SalesforceProvider, FakeCrmSession]]:
    async with serve(sandbox) as url:
        app = config(login_url=url, **settings)
        async with open_salesforce(app, reference(), clock, FakeRandomness()) as provider:
            org = sandbox.org
            tokens = tokens_of(sandbox.oauth.connect(org.org_id, host=url.removeprefix("http://")), login=url)
            account = CrmAccount(account_id=CrmAccountId(org.org_id), name=org.name, currency="USD")
            yield provider, FakeCrmSession(provider, Grant(tokens=tokens, account=account))


@pytest.mark.anyio
@pytest.mark.parametrize("threshold", [10**6, 10], ids=["queries", "bulk"])
async def test_a_stream_over_a_socket_survives_cut_dropped_and_refused_answers(threshold: int) -> None:
    clock = FakeClock()
    dataset = Dataset.generate(companies=150)
    sandbox = create_sandbox(dataset, clock=lambda: clock.now().timestamp(), rate_limit=False)
    sandbox.flags.bulk_rows_per_page = 100
    path = "/jobs/query/" if threshold == 10 else "/query"
    for kind in ("cut", "drop", "truncate", "drop_response"):
        sandbox.faults.add(Fault(kind=kind, match=path))
    settings = {"bulk_threshold": threshold, "batch_size": 200}
    async with salesforce_on_a_socket(sandbox, clock, **settings) as (provider, session):
        sandbox.oauth.expire_access_tokens()
        received = [
            record.record_id
            async for page in provider.read(session, ObjectType.CONTACTS)
            for record in page.records
        ]
    live = sandbox.org.tables["Contact"].live_rows()
    assert sorted(received) == sorted(row.id for row in live)
    assert session.refreshes == 1
    assert not sandbox.faults.waiting
