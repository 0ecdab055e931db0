"""Reading through the port, and keeping what comes as the application does."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from astrelo.domain.identifiers import Cursor, ObjectType, RecordId
from astrelo.domain.ports.crm import CrmProvider, CrmSession
from astrelo.domain.records import CrmRecord, RecordPage
from astrelo.domain.sync import Window
from tests.support.contracts.crm.records import Version, version_of


async def pages(
    provider: CrmProvider,
    session: CrmSession,
    object_type: ObjectType = ObjectType.COMPANIES,
    *,
    window: Window | None = None,
    cursor: Cursor | None = None,
) -> list[RecordPage]:
    async with aclosing(provider.read(session, object_type, window=window, cursor=cursor)) as reading:
        return [page async for page in reading]


async def first_page(reading: AsyncGenerator[RecordPage, None]) -> RecordPage:
    """Take one page and leave."""
    async with aclosing(reading):
        return await anext(reading)


def records_in(received: Iterable[RecordPage]) -> list[CrmRecord]:
    return [record for page in received for record in page.records]


def ids_in(received: Iterable[RecordPage]) -> list[RecordId]:
    return [record.record_id for record in records_in(received)]


class Mirror:
    """What a store holds after these pages: the latest of each record, and apart from those the ids reported as gone."""

    def __init__(self) -> None:
        self._records: dict[RecordId, CrmRecord] = {}
        self.doubtful: set[RecordId] = set()
        """Ids that a stream called archived, erased or merged away: to be read by id before that is believed."""

    def take(self, page: RecordPage) -> None:
        for record in page.records:
            known = self._records.get(record.record_id)
            if known is None or known.source_updated_at <= record.source_updated_at:
                self._records[record.record_id] = record
        self.doubtful.update(page.removed_ids, page.erased_ids, page.merged)

    def settle(self, page: RecordPage) -> None:
        """Take what was read by id, which is believed."""
        for gone in (*page.removed_ids, *page.erased_ids, *page.merged):
            self._records.pop(gone, None)
        self._records.update({record.record_id: record for record in page.records})

    @property
    def ids(self) -> frozenset[RecordId]:
        return frozenset(self._records)

    @property
    def versions(self) -> list[Version]:
        return sorted(map(version_of, self._records.values()))
