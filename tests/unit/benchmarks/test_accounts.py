"""The benchmark's made-up account: whichever CRM reports it, our adapters read the same firms, people and deals."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from benchmarks.answering import Answers
from benchmarks.crms import CRMS

from astrelo.adapters.outbound.hubspot.provider import build_hubspot
from astrelo.adapters.outbound.salesforce.provider import build_salesforce
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.ports.crm import CrmProvider
from astrelo.domain.records import CompanyRecord, ContactRecord, CrmRecord, DealRecord
from astrelo.domain.sync import Window
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.crm_session import FakeCrmSession
from tests.support.fakes.randomness import FakeRandomness
from tests.support.hubspot import sandbox as hubspot_sandbox
from tests.support.salesforce import sandbox as salesforce_sandbox

RECORDS = 2_100
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SHARED = {
    CompanyRecord: (
        *("name", "domain", "identity_domain", "employee_count", "annual_revenue", "annual_revenue_currency"),
        *("revenue_range", "hq_country", "hq_region", "hq_city", "description", "phone"),
    ),
    ContactRecord: (
        *("email", "email_host", "email_registrable_domain", "email_kind", "first_name", "last_name"),
        *("job_title", "phone"),
    ),
    DealRecord: ("name", "amount", "is_closed", "is_won"),
}


def transport_to(answers: Answers) -> httpx.MockTransport:
    def handle(request: httpx.Request) -> httpx.Response:
        raw = answers.answer(request.method.encode(), request.url.raw_path, request.content)
        head, _, body = raw.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        return httpx.Response(int(status.split()[1]), headers=headers, stream=httpx.ByteStream(body))

    return httpx.MockTransport(handle)


class Played:
    """An adapter of ours, over the answers of a page server."""

    def __init__(self, provider: Provider, bulk_threshold: int = RECORDS // 2) -> None:
        self.answers = CRMS[provider].answers(RECORDS)
        transport, clock = transport_to(self.answers), FakeClock(NOW)
        self.crm: CrmProvider
        if provider is Provider.HUBSPOT:
            reference, randomness = hubspot_sandbox.reference(), FakeRandomness()
            self.crm = build_hubspot(
                hubspot_sandbox.CONFIG, reference, clock, randomness, reads=transport, oauth=transport
            )
        else:
            config = salesforce_sandbox.config(bulk_threshold=bulk_threshold)
            reference, randomness = salesforce_sandbox.reference(), FakeRandomness()
            self.crm = build_salesforce(
                config, reference, clock, randomness, reads=transport, oauth=transport
            )
        self.session = FakeCrmSession(self.crm, CRMS[provider].grant("https://crm.test", NOW))

    async def read(self, object_type: ObjectType, window: Window | None = None) -> Sequence[CrmRecord]:
        pages = self.crm.read(self.session, object_type, window=window)
        return [record async for page in pages for record in page.records]


def shared_fields(record: CrmRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in SHARED[type(record)]}


@pytest.mark.anyio
@pytest.mark.parametrize("object_type", ObjectType)
async def test_both_crms_hold_the_same_account(object_type: ObjectType) -> None:
    hubspot = await Played(Provider.HUBSPOT).read(object_type)
    salesforce = await Played(Provider.SALESFORCE).read(object_type)
    assert len(hubspot) == RECORDS
    assert list(map(shared_fields, salesforce)) == list(map(shared_fields, hubspot))


@pytest.mark.anyio
@pytest.mark.parametrize("provider", Provider)
async def test_people_and_deals_point_at_records_that_are_there(provider: Provider) -> None:
    played = Played(provider)
    companies = [record.record_id for record in await played.read(ObjectType.COMPANIES)]
    contacts = await played.read(ObjectType.CONTACTS)
    contact_ids = [record.record_id for record in contacts]
    for number, contact in enumerate(contacts):
        assert isinstance(contact, ContactRecord)
        assert contact.company_id == (None if number % 5 == 4 else companies[number])
    for number, deal in enumerate(await played.read(ObjectType.DEALS)):
        assert isinstance(deal, DealRecord)
        assert deal.company_id == companies[number]
        assert set(deal.contact_ids) == {contact_ids[number], contact_ids[number - number % 7]}


@pytest.mark.anyio
@pytest.mark.parametrize("provider", Provider)
async def test_owners_are_there_whole_and_some_are_archived(provider: Provider) -> None:
    played = Played(provider)
    owners = await played.crm.list_owners(played.session)
    assert (len(owners), sum(owner.archived for owner in owners)) == (60, 5)


@pytest.mark.anyio
@pytest.mark.parametrize("provider", Provider)
@pytest.mark.parametrize("every", [1, 100])
async def test_a_window_holds_what_was_changed_in_it(provider: Provider, every: int) -> None:
    played = Played(provider, bulk_threshold=RECORDS)
    window = Window(start=NOW - timedelta(hours=1), end=NOW)
    assert await played.read(ObjectType.CONTACTS, window) == []
    played.answers.change(every, int(NOW.timestamp() * 1000))
    changed = await played.read(ObjectType.CONTACTS, window)
    names = {record.last_name for record in changed if isinstance(record, ContactRecord)}
    assert names == {f"renamed {number}" for number in range(0, RECORDS, every)}
    assert (
        await played.read(ObjectType.CONTACTS, Window(start=NOW + timedelta(1), end=NOW + timedelta(2))) == []
    )
