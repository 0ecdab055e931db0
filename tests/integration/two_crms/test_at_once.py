"""Both CRMs of one user writing at the same time: nobody waits in a circle, and what comes out is the same."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import chain

import pytest

from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.sync import RunStatus
from tests.support.builders import at, company, contact
from tests.support.harness.locks import wait_for_blocked_sessions
from tests.support.harness.sync import SyncHarness
from tests.support.harness.two_crms import HUBSPOT, SALESFORCE, TwoCrms, play

CONTACTS = ObjectType.CONTACTS


@asynccontextmanager
async def row_held(
    made: SyncHarness, both: TwoCrms, source: Provider, query: str, *arguments: object
) -> AsyncIterator[None]:
    """Hold a row from when a source's contacts are read, so that the batch with it waits."""
    async with made.pool.acquire() as holder:
        transaction = holder.transaction()

        async def hold(object_type: ObjectType, place: int) -> None:
            if (object_type, place) == (CONTACTS, 0):
                await transaction.start()
                assert await holder.fetchval(f"{query} for update", *arguments) is not None

        both.crms[source].before_page = hold
        yield
        both.crms[source].before_page = None
        await transaction.rollback()


async def _write_contacts_and_meanwhile(
    made: SyncHarness,
    both: TwoCrms,
    held: tuple[str, *tuple[object, ...]],
    meanwhile: Callable[[], Awaitable[object]],
) -> None:
    """Sync Salesforce up to a batch of contacts that waits for a row; begin the other; let both end."""
    async with row_held(made, both, SALESFORCE, *held):
        writing = asyncio.ensure_future(made.sync(SALESFORCE))
        await wait_for_blocked_sessions(made.pool, 1)
        other = asyncio.ensure_future(meanwhile())
        await wait_for_blocked_sessions(made.pool, 2)
    run, _ = await asyncio.gather(writing, other)
    assert run.status is RunStatus.COMPLETED


CONTACT = "select id from contacts where external_provider_id = $1"

PEOPLE = ("11", "12", "15", "13", "14")
ORDERS = (("11", "13", "15", "12", "14"), ("12", "14", "15", "11", "13"), PEOPLE, PEOPLE[::-1])
"""How the contacts are reported again. Two transactions that go through the same rows in unlike orders wait for each
other; in which order the database goes through them is its own affair, so several are tried."""

CHANGES = {
    "companies come and go": ([company("1", "b.com")], [company("1", "c.com")]),
    "companies fall together and part": (
        [company("1", "a.com"), company("2", "b.com")],
        [company("1", "a.com"), company("2", "a.com")],
    ),
}
"""What HubSpot holds in every other round: the contacts at b.com have a company or have none."""


@pytest.mark.parametrize("change", CHANGES)
def test_one_crm_s_run_decides_links_while_the_other_s_contacts_are_written(
    database: str, change: str
) -> None:
    both = TwoCrms()

    def report(order: Sequence[str], minutes: int) -> None:
        people = [contact(id_, None if id_ == "15" else "x@b.com", minutes=minutes) for id_ in order]
        both.set_records(SALESFORCE, contacts=people)
        companies = [
            record._replace(source_updated_at=at(minutes)) for record in CHANGES[change][minutes % 2]
        ]
        both.set_records(HUBSPOT, companies)

    async def scenario(made: SyncHarness) -> None:
        report(PEOPLE, 0)
        for source in both.crms:
            await made.sync(source)
        for minutes, order in enumerate(chain.from_iterable(zip(ORDERS, ORDERS, strict=True)), 1):
            report(order, minutes)
            await _write_contacts_and_meanwhile(made, both, (CONTACT, "15"), lambda: made.sync(HUBSPOT))
            assert await made.view() == both.expected()

    play(database, both, scenario)


def test_a_purge_of_one_crm_while_the_other_s_contacts_are_written(database: str) -> None:
    both = TwoCrms()
    both.set_records(HUBSPOT, [company("1", "acme.com")], [contact("11", "ann@acme.com")])
    both.set_records(SALESFORCE, [], [contact("12", "bo@elsewhere.com")])

    async def scenario(made: SyncHarness) -> None:
        for source in both.crms:
            await made.sync(source)
        both.set_records(SALESFORCE, [], [contact("12", "bo@acme.com", minutes=1)])
        await _write_contacts_and_meanwhile(
            made, both, (CONTACT, "12"), lambda: made.disconnect(HUBSPOT, purge=True)
        )
        assert await made.view() == both.expected(SALESFORCE)

    play(database, both, scenario)
