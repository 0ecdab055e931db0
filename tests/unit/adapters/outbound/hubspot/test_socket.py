"""The adapter on connections of its own, against a sandbox on a real socket."""

from dataclasses import replace

import pytest

from astrelo.adapters.outbound.hubspot.provider import open_hubspot
from astrelo.domain.identifiers import ObjectType
from crm_sandbox import Dataset, Fault, serve
from crm_sandbox.hubspot import create_sandbox
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.randomness import FakeRandomness
from tests.support.hubspot.sandbox import CONFIG, reference, session_of


@pytest.mark.anyio
async def test_a_stream_over_a_socket_survives_cut_dropped_and_refused_answers() -> None:
    clock = FakeClock()
    sandbox = create_sandbox(Dataset.generate(companies=150), clock=lambda: clock.now().timestamp())
    for number, kind in enumerate(("cut", "drop", "truncate", "drop_response")):
        sandbox.faults.add(Fault(kind=kind, match="/crm/objects/2026-09/contacts", skip=number))  # type: ignore[arg-type] # one of its kinds
    async with serve(sandbox) as url:
        config = replace(CONFIG, api_base=url)
        async with open_hubspot(config, reference(), clock, FakeRandomness()) as provider:
            session = session_of(sandbox, provider)
            session.tokens = await provider.refresh(session.tokens)
            received = [
                record.record_id
                async for page in provider.read(session, ObjectType.CONTACTS)
                for record in page.records
            ]
    live = sandbox.account.store.tables["contacts"].live()
    assert sorted(received) == sorted(record.id for record in live)
