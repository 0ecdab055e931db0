"""Nothing is lost that changes while it is read: it comes in this stream, in the next window, or as gone.

What a run does with pages is done here with a mirror: the latest of each record counts, what a stream calls gone
is read by id before it is believed, and so is, after a full listing, what it did not bring.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing
from functools import partial
from itertools import islice

import pytest

from astrelo.domain.identifiers import ObjectType
from astrelo.domain.sync import Window
from tests.support.contracts.crm.account import CrmAccountUnderTest, OverAnAccount
from tests.support.contracts.crm.reading import Mirror, ids_in, pages
from tests.support.contracts.crm.records import MANY, Version, draft, drafts, some_names
from tests.support.fakes.crm_session import FakeCrmSession

NAMES = some_names(MANY)
EARLY, LATE = NAMES[:5], NAMES[-5:]
EDITED = NAMES[10:-10:100]
MIDDLE = len(EDITED) // 2
TURNS = 2
"""Loop turns between two changes: a stream in process takes from a dozen to a few hundred."""

Change = Callable[[], object]


def changes(account: CrmAccountUnderTest, object_type: ObjectType) -> Iterator[Change]:
    """Everything that happens to records, at both ends of a stream, and edits all along it."""
    for (edited, archived, back, kept, gone), others in ((EARLY, EDITED[:MIDDLE]), (LATE, EDITED[MIDDLE:])):
        yield partial(account.put, draft(object_type, edited, 2))
        yield partial(account.archive, object_type, archived)
        yield partial(account.archive, object_type, back)
        for name in others:
            yield partial(account.put, draft(object_type, name, 2))
        yield partial(account.restore, object_type, back)
        if object_type is ObjectType.DEALS:  # CRMs do not merge them
            yield partial(account.archive, object_type, gone)
        else:
            yield partial(account.merge, object_type, kept, gone)
        yield partial(account.put, draft(object_type, f"New {edited}"))


def live_records() -> list[Version]:
    """Return what lives after all changes."""
    departed = {EARLY[1], EARLY[4], LATE[1], LATE[4]}
    second = {EARLY[0], LATE[0], *EDITED}
    old = [Version(name, 2 if name in second else 1) for name in NAMES if name not in departed]
    return sorted([*old, Version(f"New {EARLY[0]}", 1), Version(f"New {LATE[0]}", 1)])


async def meddle(remaining: Iterator[Change]) -> None:
    """Change one thing after the other, while others run."""
    for change in remaining:
        change()
        for _ in range(TURNS):
            await asyncio.sleep(0)


@pytest.mark.anyio
class ReadingWhileRecordsChange(OverAnAccount):
    @pytest.mark.parametrize("is_windowed", [False, True], ids=["whole", "windowed"])
    @pytest.mark.parametrize("object_type", ObjectType)
    async def test_nothing_is_lost_that_changes_during_a_stream(
        self,
        account: CrmAccountUnderTest,
        session: FakeCrmSession,
        object_type: ObjectType,
        is_windowed: bool,
    ) -> None:
        account.put(*drafts(object_type, NAMES))
        put_at = account.clock.now()
        account.pass_time(1)
        begun = Window(start=put_at, end=account.clock.now())
        account.pass_time(1)  # what changes now is in the following window alone
        mirror, remaining = Mirror(), changes(account, object_type)
        meddling = asyncio.create_task(meddle(remaining))
        window = begun if is_windowed else None
        async with aclosing(account.provider.read(session, object_type, window=window)) as reading:
            async for page in reading:
                mirror.take(page)
                for change in islice(remaining, 1):
                    change()
        await meddling
        following = Window(start=begun.end, end=account.clock.now())
        for page in await pages(account.provider, session, object_type, window=following):
            mirror.take(page)
        assert set(live_records()) <= set(mirror.versions)

        whole = await pages(account.provider, session, object_type)
        doubtful = sorted(mirror.doubtful | mirror.ids - set(ids_in(whole)))
        assert len(doubtful) < 10
        mirror.settle(await account.provider.fetch(session, object_type, doubtful))
        assert mirror.versions == live_records()
