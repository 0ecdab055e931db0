"""A HubSpot account with the records a test wants, and the adapter that reads it."""

from collections.abc import Sequence
from typing import Any

from astrelo.adapters.outbound.hubspot.provider import HubSpotProvider
from astrelo.domain.identifiers import Cursor, ObjectType
from astrelo.domain.records import RecordPage
from astrelo.domain.sync import Window
from crm_sandbox import Association, Dataset, DatasetRecord, Fault
from crm_sandbox.hubspot import Sandbox, create_sandbox
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.crm_session import FakeCrmSession
from tests.support.hubspot.sandbox import hubspot_over, session_of

CREATED = "2026-11-23T09:00:00.000Z"


def record(
    kind: str, number: int, updated_at: str = CREATED, **associations: Sequence[Association]
) -> DatasetRecord:
    return DatasetRecord(
        object=kind,
        id=str(number),
        properties={},
        created_at=CREATED,
        updated_at=updated_at,
        associations={name: list(found) for name, found in associations.items()},
    )


class SandboxAccount:
    """An account, a clock, the adapter, and a session for it."""

    def __init__(self, *records: DatasetRecord) -> None:
        self.clock = FakeClock()
        self.sandbox: Sandbox = create_sandbox(
            Dataset.from_records(records), clock=lambda: self.clock.now().timestamp()
        )
        self.provider: HubSpotProvider = hubspot_over(self.sandbox, self.clock)
        self.session: FakeCrmSession = session_of(self.sandbox, self.provider)

    async def pages(
        self, object_type: ObjectType, *, window: Window | None = None, cursor: Cursor | None = None
    ) -> list[RecordPage]:
        reading = self.provider.read(self.session, object_type, window=window, cursor=cursor)
        return [page async for page in reading]

    def fault(self, kind: str, **options: Any) -> None:
        self.sandbox.faults.add(Fault(kind=kind, **options))  # type: ignore[arg-type] # one of its kinds

    def count_requests(self, endpoint: str) -> int:
        return sum(entry.endpoint == endpoint for entry in self.sandbox.journal.entries)


def ids(pages: Sequence[RecordPage]) -> list[str]:
    return [record.record_id for page in pages for record in page.records]


def contacts(count: int) -> list[DatasetRecord]:
    """Contacts, and the ten companies that they belong to."""
    people = [
        record("contacts", number, companies=[Association(id=company_of(number), primary=True)])
        for number in range(1, count + 1)
    ]
    return people + [record("companies", int(company_of(number))) for number in range(10)]


def company_of(number: int) -> str:
    return str(1_000_000 + number % 10)


def companies(count: int, updated_at: str = CREATED) -> list[DatasetRecord]:
    return [record("companies", number, updated_at) for number in range(1, count + 1)]
