"""Links are decided anew after whatever changed a record, and only then; a full run decides them in any case."""

from astrelo.domain.identifiers import Provider, RecordId
from astrelo.domain.sync import SyncMode
from tests.support.harness.scenarios import Play, small_crm
from tests.support.harness.sync import SyncHarness


async def spoil_links(made: SyncHarness) -> None:
    """Take every contact off its company, unseen by the feed: what nothing in the product does."""
    await made.pool.execute(
        "update contacts set company_id = null, company_match = null, unlinked_reason = 'no_company'"
    )


async def count_linked(made: SyncHarness) -> int:
    return int(await made.pool.fetchval("select count(*) from contacts where company_id is not null"))


async def sync_increment(made: SyncHarness) -> None:
    made.clock.advance(60)
    await made.sync(mode=SyncMode.INCREMENTAL)


def test_a_run_that_finds_nothing_new_leaves_links_as_they_are(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        await spoil_links(made)
        await sync_increment(made)
        assert await count_linked(made) == 0
        await made.sync()
        assert await count_linked(made) == 2

    play(small_crm(), scenario)


def test_what_was_written_without_a_finished_run_is_linked_by_the_next_one(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        await spoil_links(made)
        async with made.uow(made.user_id) as tx:
            await tx.deals.archive(Provider.HUBSPOT, [RecordId("21")], made.clock.now())
        await sync_increment(made)
        assert await count_linked(made) == 2

    play(small_crm(), scenario)


def test_what_is_written_while_a_run_ends_is_linked_by_the_next_one(play: Play) -> None:
    async def scenario(made: SyncHarness) -> None:
        await made.sync()
        async with made.uow(made.user_id) as tx:
            await tx.links.relink()
            async with made.uow(made.user_id) as other:
                await other.owners.purge(Provider.HUBSPOT)
        await spoil_links(made)
        await sync_increment(made)
        assert await count_linked(made) == 2

    play(small_crm(), scenario)
