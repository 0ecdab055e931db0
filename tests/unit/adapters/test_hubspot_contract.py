"""HubSpot's adapter, over the sandbox, keeps the contract of every CrmProvider."""

from collections.abc import Sequence

import pytest

from astrelo.domain.connection import AuthorizationRequest
from astrelo.domain.identifiers import ObjectType
from astrelo.sandbox import Association
from astrelo.sandbox.hubspot import RecordChange, create_sandbox
from astrelo.sandbox.hubspot.oauth import REQUIRED_SCOPES
from tests.unit.adapters.hubspot_sandbox import EMPTY_PORTAL, REDIRECT_URI, hubspot_over
from tests.unit.contracts.crm_provider import CrmAccountUnderTest, CrmProviderContract, Person
from tests.unit.fakes.clock import FakeClock


class SandboxAccount(CrmAccountUnderTest):
    def __init__(self) -> None:
        self.clock = self._time = FakeClock()
        self._sandbox = create_sandbox(EMPTY_PORTAL, clock=lambda: self._time.now().timestamp())
        self._account = self._sandbox.account
        self.provider = hubspot_over(self._sandbox, self._time)

    def consent(self, request: AuthorizationRequest) -> str:
        portal_id = self._account.portal_id
        return self._sandbox.oauth.issue_code(
            portal_id, REDIRECT_URI, REQUIRED_SCOPES, request.code_challenge
        )

    def put_companies(self, ids: Sequence[str]) -> None:
        for number in ids:
            self._put("companies", number, {"name": f"Company {number}"}, {})

    def put_contact(self, person: Person) -> None:
        links = {"companies": _primary_first(person.company_ids)}
        self._put("contacts", person.id, {"email": person.email}, links)

    def put_deal(self, deal_id: str, company_ids: Sequence[str], contact_ids: Sequence[str]) -> None:
        people = [Association(id=number) for number in contact_ids]
        links = {"companies": _primary_first(company_ids), "contacts": people}
        self._put("deals", deal_id, {"dealname": f"Deal {deal_id}"}, links)

    def put_owner(self, owner_id: str, *, archived: bool) -> None:
        properties: dict[str, str | None] = {"email": f"rep{owner_id}@acme.com"}
        self._account.upsert(
            RecordChange(object_name="owners", id=owner_id, properties=properties, archived=archived)
        )

    def archive(self, object_type: ObjectType, record_id: str) -> None:
        assert self._account.archive(object_type.value, record_id)

    def erase_contact(self, record_id: str) -> None:
        assert self._account.gdpr_delete(record_id)

    def merge_companies(self, kept: str, gone: str) -> str:
        return self._account.merge("companies", kept, gone)

    def expire_access_tokens(self) -> None:
        self._sandbox.oauth.expire_access_tokens()

    def uninstall(self) -> None:
        self._sandbox.oauth.uninstall()

    def forbid(self, object_type: ObjectType) -> None:
        self._sandbox.oauth.remove_scope(f"crm.objects.{object_type.value}.read")

    def pass_time(self, seconds: float) -> None:
        self._time.advance(seconds)

    def _put(
        self,
        object_name: str,
        record_id: str,
        properties: dict[str, str | None],
        associations: dict[str, list[Association]],
    ) -> None:
        change = RecordChange(
            object_name=object_name, id=record_id, properties=properties, associations=associations
        )
        self._account.upsert(change)


def _primary_first(ids: Sequence[str]) -> list[Association]:
    return [Association(id=number, primary=place == 0) for place, number in enumerate(ids)]


class TestHubSpot(CrmProviderContract):
    @pytest.fixture
    def account(self) -> CrmAccountUnderTest:
        return SandboxAccount()
