"""The Salesforce adapter wired to a sandbox in the same process."""

from collections.abc import AsyncIterator, Sequence
from functools import cache
from typing import Any

import httpx

from astrelo.adapters.outbound.crm.http import MAX_RESPONSE_BYTES
from astrelo.adapters.outbound.reference import RESERVED_NAMES, BundledReferenceData
from astrelo.adapters.outbound.salesforce.config import SalesforceConfig
from astrelo.adapters.outbound.salesforce.provider import SalesforceProvider, build_salesforce
from astrelo.domain.connection import CrmAccount, Grant, TokenSet
from astrelo.domain.identifiers import CrmAccountId, Cursor, ObjectType, RecordId
from astrelo.domain.ports.system import Clock
from astrelo.domain.records import RecordPage
from astrelo.domain.sync import Window
from crm_sandbox import Association, Dataset, DatasetRecord, Fault, SandboxTransport
from crm_sandbox.salesforce import (
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    Flags,
    Sandbox,
    create_sandbox,
    record_id,
)
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.crm_session import FakeCrmSession
from tests.support.fakes.randomness import FakeRandomness

CREATED = "2026-11-23T09:00:00.000Z"
API = "/services/data/v68.0"

reference = cache(lambda: BundledReferenceData(RESERVED_NAMES))


def config(**settings: Any) -> SalesforceConfig:
    return SalesforceConfig(
        client_id=DEFAULT_CLIENT_ID,
        client_secret=DEFAULT_CLIENT_SECRET,
        redirect_uri="http://127.0.0.1:8000/api/integrations/salesforce/callback",
        **settings,
    )


def salesforce_over(
    transport: httpx.AsyncBaseTransport,
    clock: Clock,
    settings: SalesforceConfig | None = None,
    max_response_bytes: int = MAX_RESPONSE_BYTES,
) -> SalesforceProvider:
    return build_salesforce(
        settings or config(),
        reference(),
        clock,
        FakeRandomness(),
        reads=transport,
        oauth=transport,
        max_response_bytes=max_response_bytes,
    )


def tokens_of(answer: dict[str, object], login: str = "https://login.salesforce.com") -> TokenSet:
    """Take what the sandbox sends with a grant that it makes without a browser."""
    return TokenSet(
        access_token=str(answer["access_token"]),
        refresh_token=str(answer["refresh_token"]),
        expires_at=None,
        api_url=str(answer["instance_url"]),
        issuer_url=login,
    )


def session_of(sandbox: Sandbox, provider: SalesforceProvider) -> FakeCrmSession:
    org = sandbox.org
    account = CrmAccount(account_id=CrmAccountId(org.org_id), name=org.name, currency="USD")
    return FakeCrmSession(
        provider, Grant(tokens=tokens_of(sandbox.oauth.connect(org.org_id)), account=account)
    )


class SandboxOrg:
    """An org, a clock, the adapter, and a session for it."""

    def __init__(
        self,
        *records: DatasetRecord,
        flags: Flags | None = None,
        settings: SalesforceConfig | None = None,
    ) -> None:
        self.clock = FakeClock()
        dataset = Dataset.from_records(records)
        self.sandbox = create_sandbox(
            dataset, clock=lambda: self.clock.now().timestamp(), flags=flags, rate_limit=False
        )
        self.transport = SandboxTransport(self.sandbox)
        self.provider = salesforce_over(self.transport, self.clock, settings)
        self.session = session_of(self.sandbox, self.provider)

    @property
    def flags(self) -> Flags:
        return self.sandbox.flags

    def read(
        self, object_type: ObjectType, *, window: Window | None = None, cursor: Cursor | None = None
    ) -> AsyncIterator[RecordPage]:
        return self.provider.read(self.session, object_type, window=window, cursor=cursor)

    async def pages(
        self, object_type: ObjectType, *, window: Window | None = None, cursor: Cursor | None = None
    ) -> list[RecordPage]:
        return [page async for page in self.read(object_type, window=window, cursor=cursor)]

    async def fetch(self, object_type: ObjectType, *ids: str) -> RecordPage:
        return await self.provider.fetch(self.session, object_type, [RecordId(one) for one in ids])

    def fault(self, kind: str, **options: Any) -> None:
        self.sandbox.faults.add(Fault(kind=kind, **options))  # type: ignore[arg-type] # one of its kinds

    def refuse(self, code: str, status: int = 400, **options: Any) -> None:
        self.fault(
            "respond", status=status, body=[{"errorCode": code, "message": "refused by the test"}], **options
        )

    def count_requests(self, part: str) -> int:
        return sum(part in f"{entry.method} {entry.path}" for entry in self.sandbox.journal.entries)


def row(
    object_name: str,
    number: int,
    at: str = CREATED,
    *contacts: int,
    archived: bool = False,
    **fields: str | None,
) -> DatasetRecord:
    """Make a record; `contacts` are those that have a role in an Opportunity."""
    linked = [Association(id=record_id("Contact", one)) for one in contacts]
    return DatasetRecord(
        object=object_name,
        id=record_id(object_name, number),
        properties=dict(fields),
        created_at=CREATED,
        updated_at=at,
        archived=archived,
        associations={"Contact": linked} if linked else {},
    )


def accounts(count: int, at: str = CREATED) -> list[DatasetRecord]:
    return [row("Account", number, at, Name=f"Firm {number}") for number in range(1, count + 1)]


def deals(count: int, contacts: int = 2) -> list[DatasetRecord]:
    """Make opportunities and 29 contacts, of whom each has a role in some; `contacts` in every opportunity."""
    people = [row("Contact", number, LastName="P") for number in range(1, 30)]
    return people + [
        row("Opportunity", number, CREATED, *range(number % 9 + 1, number % 9 + 1 + contacts))
        for number in range(1, count + 1)
    ]


def account_ids(*numbers: int) -> list[str]:
    return [record_id("Account", number) for number in numbers]


def ids(pages: Sequence[RecordPage]) -> list[str]:
    return [record.record_id for page in pages for record in page.records]
