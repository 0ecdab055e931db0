"""Nothing is lost that changes while it is read: it comes in this walk, in the next window, or as gone.

What a run does with pages is done here with a mirror: the latest of each record counts, what a walk calls gone
is read by id before it is believed, and so is, after a whole walk, what it did not bring.
"""

from contextlib import aclosing

import pytest

from astrelo.domain.identifiers import ObjectType
from astrelo.domain.sync import Window
from tests.unit.contracts.crm.account import CrmAccountUnderTest, OverAnAccount
from tests.unit.contracts.crm.reading import Mirror, ids_in, pages
from tests.unit.contracts.crm.told import MANY, Version, draft, drafts, some_names
from tests.unit.fakes.crm_session import FakeCrmSession

NAMES = some_names(MANY)
EARLY, LATE = NAMES[:5], NAMES[-5:]


def change(account: CrmAccountUnderTest, object_type: ObjectType) -> list[Version]:
    """Change records at both ends of a walk; return what lives afterwards."""
    for edited, archived, back, kept, gone in (EARLY, LATE):
        account.put(draft(object_type, edited, 2))
        account.archive(object_type, archived)
        account.archive(object_type, back)
        account.restore(object_type, back)
        if object_type is ObjectType.DEALS:  # CRMs do not merge them
            account.archive(object_type, gone)
        else:
            account.merge(object_type, kept, gone)
    account.put(draft(object_type, "New"))
    departed = {EARLY[1], EARLY[4], LATE[1], LATE[4]}
    second = {EARLY[0], LATE[0]}
    living = [Version(name, 2 if name in second else 1) for name in NAMES if name not in departed]
    return sorted([*living, Version("New", 1)])


async def walk(
    account: CrmAccountUnderTest, session: FakeCrmSession, object_type: ObjectType, window: Window | None
) -> tuple[Mirror, list[Version]]:
    """Walk while records change; return what came, and what lives at the end."""
    mirror, living = Mirror(), list[Version]()
    async with aclosing(account.provider.read(session, object_type, window=window)) as reading:
        async for page in reading:
            mirror.take(page)
            if not living and page.records:
                account.pass_time(1)
                living = change(account, object_type)
    return mirror, living


@pytest.mark.anyio
class ReadingWhileRecordsChange(OverAnAccount):
    @pytest.mark.parametrize("is_windowed", [False, True], ids=["whole", "windowed"])
    @pytest.mark.parametrize("object_type", ObjectType)
    async def test_nothing_is_lost_that_changes_during_a_walk(
        self,
        account: CrmAccountUnderTest,
        session: FakeCrmSession,
        object_type: ObjectType,
        is_windowed: bool,
    ) -> None:
        account.put(*drafts(object_type, NAMES))
        begun = Window(start=account.clock.now(), end=account.clock.now())
        mirror, living = await walk(account, session, object_type, begun if is_windowed else None)
        following = Window(start=begun.end, end=account.clock.now())
        for page in await pages(account.provider, session, object_type, window=following):
            mirror.take(page)
        assert set(living) <= set(mirror.versions)

        whole = await pages(account.provider, session, object_type)
        doubtful = sorted(mirror.doubtful | mirror.ids - set(ids_in(whole)))
        assert len(doubtful) < 10
        mirror.settle(await account.provider.fetch(session, object_type, doubtful))
        assert mirror.versions == living
