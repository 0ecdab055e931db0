"""A batch of deals, and contacts that go and have to leave their deals: nobody waits in a circle."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from astrelo.domain.deal import Deal, link_deal
from astrelo.domain.identifiers import DealId, ObjectType, Provider, RecordId
from astrelo.domain.ports.state import Transaction
from astrelo.domain.records import content_hash
from tests.support.builders import VERSIONS, contact, deal
from tests.support.harness.locks import wait_for_blocked_sessions
from tests.support.harness.sync import ScriptedCrm, SyncHarness, sync_harness

pytestmark = pytest.mark.anyio

HUBSPOT = Provider.HUBSPOT
LEAVING, COMING = RecordId("11"), RecordId("12")

Ids = tuple[RecordId, RecordId]
FIRST, SECOND = RecordId("1"), RecordId("2")


async def erase(tx: Transaction) -> None:
    await tx.contacts.erase(HUBSPOT, [LEAVING])


async def merge(tx: Transaction) -> None:
    await tx.links.follow_merges(HUBSPOT, ObjectType.CONTACTS, {LEAVING: COMING})


async def put(tx: Transaction, made: SyncHarness, ids: Ids | tuple[RecordId]) -> None:
    known = await tx.deals.find_known(HUBSPOT, ids)
    records = [deal(id_, None, (COMING,)) for id_ in ids]
    version = VERSIONS.get(ObjectType.DEALS)
    deals = [
        (Deal(DealId(known[one.record_id].entity_id), one, link_deal(one, {})), content_hash(one, version))
        for one in records
    ]
    await tx.deals.put(HUBSPOT, deals)


async def put_one_and_archive_the_other(tx: Transaction, made: SyncHarness, ids: Ids) -> None:
    await put(tx, made, ids[:1])
    await tx.deals.archive(HUBSPOT, ids[1:], made.clock.now())


async def archive_one_after_the_other(tx: Transaction, made: SyncHarness, ids: Ids) -> None:
    for id_ in ids:
        await tx.deals.archive(HUBSPOT, [id_], made.clock.now())


@pytest.mark.parametrize("ids", [(FIRST, SECOND), (SECOND, FIRST)])
@pytest.mark.parametrize("write", [put, put_one_and_archive_the_other, archive_one_after_the_other])
@pytest.mark.parametrize("leave", [erase, merge])
async def test_contacts_leave_their_deals_while_a_batch_of_these_is_written(
    database: str,
    leave: Callable[[Transaction], Awaitable[None]],
    write: Callable[[Transaction, SyncHarness, Ids], Awaitable[None]],
    ids: Ids,
) -> None:
    """In which order the database goes through rows is its own affair: one of the two is the other way round."""
    crm = ScriptedCrm(
        pages={
            ObjectType.CONTACTS: [[contact(LEAVING), contact(COMING)]],
            ObjectType.DEALS: [[deal(FIRST, None, (LEAVING,)), deal(SECOND, None, (LEAVING,))]],
        }
    )
    async with sync_harness(database, crm) as made:
        await made.sync()

        async def leave_together() -> None:
            async with made.uow(made.user_id) as tx:
                await tx.links.share()
                await leave(tx)

        async def write_together() -> None:
            async with made.uow(made.user_id) as tx:
                await tx.links.share()
                await write(tx, made, ids)

        async with made.pool.acquire() as holder:
            held = holder.transaction()
            await held.start()
            await holder.execute("select from deals where external_provider_id = $1 for update", ids[1])
            others = [asyncio.create_task(leave_together())]
            await wait_for_blocked_sessions(made.pool, 1)
            others.append(asyncio.create_task(write_together()))
            await wait_for_blocked_sessions(made.pool, 2)
            await held.rollback()
        await asyncio.gather(*others)
        named = await made.pool.fetch("select provider_contact_ids from deals where archived_at is null")
        assert all(LEAVING not in row[0] for row in named)
