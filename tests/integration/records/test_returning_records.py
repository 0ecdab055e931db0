"""Records that come back after they were taken for gone."""

import pytest

from astrelo.domain.identifiers import ObjectType, RecordId
from tests.support.builders import contact, deal
from tests.support.harness.sync import ScriptedCrm, sync_harness

pytestmark = pytest.mark.anyio

CONTACTS, DEALS = ObjectType.CONTACTS, ObjectType.DEALS


async def test_a_contact_that_was_taken_for_erased_comes_back_with_its_deals(database: str) -> None:
    crm = ScriptedCrm(
        pages={
            CONTACTS: [[contact("11"), contact("12")]],
            DEALS: [[deal("21", contact_ids=("11", "12")), deal("22", contact_ids=("11",))]],
        }
    )
    async with sync_harness(database, crm) as made:
        await made.sync()
        before = await made.view()
        crm.pages[CONTACTS], crm.erased = [[contact("12")]], frozenset({RecordId("11")})
        await made.sync()
        assert await made.view() != before
        crm.pages[CONTACTS], crm.erased = [[contact("11"), contact("12")]], frozenset()
        await made.sync()
        assert await made.view() == before
