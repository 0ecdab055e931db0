"""The fake CRM keeps the contract that the real adapters keep."""

from collections.abc import Sequence

import pytest

from astrelo.domain.connection import AuthorizationRequest
from astrelo.domain.identifiers import ObjectType, RecordId
from astrelo.domain.records import OwnerRecord
from tests.unit.contracts.crm_provider import CrmAccountUnderTest, CrmProviderContract, Person
from tests.unit.domain.records import company_record, contact_record, deal_record
from tests.unit.fakes.clock import FakeClock
from tests.unit.fakes.crm_provider import FakeCrmProvider


class FakeAccount(CrmAccountUnderTest):
    def __init__(self) -> None:
        self.clock = self._time = FakeClock()
        self.provider = self._crm = FakeCrmProvider(self._time, page_size=90)

    def consent(self, request: AuthorizationRequest) -> str:
        return self._crm.consent(request)

    def put_companies(self, ids: Sequence[str]) -> None:
        now = self._time.now()
        companies = [company_record(number, now, name=f"Company {number}") for number in ids]
        self._crm.put(ObjectType.COMPANIES, *companies)

    def put_contact(self, person: Person) -> None:
        company_id = next(iter(person.company_ids), None)
        contact = contact_record(person.id, self._time.now(), email=person.email, company_id=company_id)
        self._crm.put(ObjectType.CONTACTS, contact)

    def put_deal(self, deal_id: str, company_ids: Sequence[str], contact_ids: Sequence[str]) -> None:
        deal = deal_record(
            deal_id,
            self._time.now(),
            company_id=next(iter(company_ids), None),
            contact_ids=tuple(sorted(contact_ids)),
        )
        self._crm.put(ObjectType.DEALS, deal)

    def put_owner(self, owner_id: str, *, archived: bool) -> None:
        self._crm.reps.append(OwnerRecord(RecordId(owner_id), None, None, None, archived))

    def archive(self, object_type: ObjectType, record_id: str) -> None:
        self._crm.archived[object_type].add(record_id)

    def erase_contact(self, record_id: str) -> None:
        self._crm.archived[ObjectType.CONTACTS].add(record_id)
        self._crm.erased.add(record_id)

    def merge_companies(self, kept: str, gone: str) -> str:
        self._crm.merged[RecordId(gone)] = RecordId(kept)
        return kept

    def expire_access_tokens(self) -> None:
        self._crm.expire_access_tokens()

    def uninstall(self) -> None:
        self._crm.uninstall()

    def forbid(self, object_type: ObjectType) -> None:
        self._crm.forbidden.add(object_type)

    def pass_time(self, seconds: float) -> None:
        self._time.advance(seconds)


class TestFakeCrmProvider(CrmProviderContract):
    @pytest.fixture
    def account(self) -> CrmAccountUnderTest:
        return FakeAccount()
