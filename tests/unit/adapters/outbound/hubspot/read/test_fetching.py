"""Records read by their ids: who survived, and what a batch does not mention."""

import pytest

from astrelo.domain.errors import CrmRejected
from astrelo.domain.identifiers import ObjectType, RecordId
from crm_sandbox.hubspot import RecordChange
from tests.support.hubspot.account import SandboxAccount, companies, ids

pytestmark = pytest.mark.anyio


async def test_ids_whose_survivors_do_not_say_whom_they_merged_are_asked_for_alone() -> None:
    world = SandboxAccount(*companies(4))
    survivors = {"1": world.sandbox.account.merge("companies", "1", "2")}
    survivors["3"] = world.sandbox.account.merge("companies", "3", "4")
    for survivor in survivors.values():
        silent: dict[str, str | None] = {"hs_merged_object_ids": None}
        world.sandbox.account.upsert(RecordChange(object_name="companies", id=survivor, properties=silent))
    page = await world.provider.fetch(world.session, ObjectType.COMPANIES, [RecordId("1"), RecordId("3")])
    assert page.merged == survivors
    assert sorted(ids([page])) == sorted(survivors.values())


async def test_a_record_that_a_batch_does_not_mention_is_not_taken_for_gone() -> None:
    world = SandboxAccount(*companies(1))
    world.fault("respond", match="/batch/read", status=200, body={"results": []}, times=9)
    with pytest.raises(CrmRejected, match="no word"):
        await world.provider.fetch(world.session, ObjectType.COMPANIES, [RecordId("1")])
