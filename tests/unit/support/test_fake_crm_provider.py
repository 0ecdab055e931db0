"""The fake CRM keeps the contract that the real adapters keep."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from astrelo.domain.connection import AuthorizationRequest
from astrelo.domain.errors import CrmRejected, CrmUnavailable, ReauthorizationRequired
from astrelo.domain.identifiers import ObjectType, RecordId
from astrelo.domain.records import CrmRecord, OwnerRecord
from tests.support.contracts.crm.account import Consent, CrmAccountUnderTest
from tests.support.contracts.crm.conformance import CrmProviderContract
from tests.support.contracts.crm.records import Company, Contact, Deal, Owner, RecordDraft
from tests.support.domain_records import company_record, contact_record, deal_record
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.crm_provider import FakeCrmProvider
from tests.support.fakes.crm_session import FakeCrmSession

HOSTS = ("acme.crm.example", "test.crm.example")


class FakeAccount(CrmAccountUnderTest):
    """Ids are the names, each behind a letter for its kind."""

    def __init__(self, clock: FakeClock, crm: FakeCrmProvider) -> None:
        self.clock = self._time = clock
        self.provider = self._crm = crm

    @property
    def requests(self) -> int:
        return self._crm.requests

    async def consent(self, authorization_url: str) -> Consent:
        url = urlsplit(authorization_url)
        query = parse_qs(url.query)
        asked = AuthorizationRequest(
            state=query["state"][0],
            code_challenge=query["code_challenge"][0],
            login_host=url.hostname if url.hostname in self.login_hosts else None,
        )
        return Consent(self._crm.consent(asked), asked.state)

    def put(self, *drafts: RecordDraft) -> None:
        for one in drafts:
            if isinstance(one, Owner):
                owner_id = RecordId(f"o-{one.name}")
                self._crm.reps[owner_id] = OwnerRecord(owner_id, None, None, one.name, one.archived)
            else:
                self._crm.put(*self._record(one))

    def record_id(self, object_type: ObjectType, name: str) -> RecordId:
        return RecordId(f"{object_type[:2]}-{name}")

    def unknown_id(self, object_type: ObjectType) -> RecordId:
        return self.record_id(object_type, "nobody")

    def archive(self, object_type: ObjectType, name: str) -> None:
        self._crm.archived[object_type].add(self.record_id(object_type, name))

    def restore(self, object_type: ObjectType, name: str) -> None:
        self._crm.archived[object_type].remove(self.record_id(object_type, name))
        self._touch(object_type, name)

    def erase_contact(self, name: str) -> None:
        self.archive(ObjectType.CONTACTS, name)
        self._crm.erased.add(self.record_id(ObjectType.CONTACTS, name))

    def merge(self, object_type: ObjectType, kept: str, gone: str) -> RecordId:
        survivor = self.record_id(object_type, kept)
        self._crm.merged[object_type][self.record_id(object_type, gone)] = survivor
        self._touch(object_type, kept)
        return survivor

    def malform(self, object_type: ObjectType, name: str) -> None:
        self._crm.malformed[object_type].add(self.record_id(object_type, name))

    def forbid(self, object_type: ObjectType | None) -> None:
        self._crm.forbidden.add(object_type)

    def expire_access_tokens(self) -> None:
        self._crm.expire_access_tokens()

    def uninstall(self) -> None:
        self._crm.end_every_grant()

    def refuse_our_credentials(self) -> None:
        self._crm.knows_us = False

    def limit_rate(self, seconds: float) -> None:
        self._crm.limit_rate(seconds)

    def stumble(self) -> None:
        self._crm.hiccups = 3

    def lose_next_answer(self) -> None:
        self._crm.loses_next_answer = True

    def hide_itself(self) -> None:
        self._crm.hides_account = True

    def break_down(self) -> None:
        self._crm.failure = CrmUnavailable(self._crm.provider, "no answer")

    def talk_nonsense(self, body: str) -> None:
        try:
            json.loads(body)
            self._crm.failure = CrmRejected(self._crm.provider, 200, "no answer of ours")
        except ValueError:
            self._crm.failure = CrmUnavailable(self._crm.provider, "no whole answer")

    def refuse_requests(self) -> None:
        self._crm.failure = CrmRejected(self._crm.provider, 400, "a request of no sense")

    def refuse_access_tokens(self) -> None:
        self._crm.knows_tokens = False

    def recover(self) -> None:
        self._crm.failure = None
        self._crm.knows_tokens = True
        self._crm.hides_account = False

    def restart(self) -> None:
        """Nothing is forgotten: all that the fake knows is the CRM's own."""

    def pass_time(self, seconds: float) -> None:
        self._time.advance(seconds)

    def _record(self, record: Company | Contact | Deal) -> tuple[ObjectType, CrmRecord]:
        now = self._time.now()
        match record:
            case Company(name, city, owner):
                record_id = self.record_id(ObjectType.COMPANIES, name)
                owner_id = RecordId(f"o-{owner}") if owner else None
                company = company_record(record_id, now, name=name, hq_city=city, owner_id=owner_id)
                return ObjectType.COMPANIES, company
            case Contact(name, title, company_name):
                record_id = self.record_id(ObjectType.CONTACTS, name)
                company_id = self._company_id(company_name)
                contact = contact_record(
                    record_id, now, last_name=name, job_title=title, company_id=company_id
                )
                return ObjectType.CONTACTS, contact
            case Deal(name, amount, company_name, contacts):
                record_id = self.record_id(ObjectType.DEALS, name)
                people = tuple(sorted(self.record_id(ObjectType.CONTACTS, one) for one in contacts))
                deal = deal_record(
                    record_id,
                    now,
                    name=name,
                    amount=amount,
                    company_id=self._company_id(company_name),
                    contact_ids=people,
                )
                return ObjectType.DEALS, deal

    def _company_id(self, name: str | None) -> RecordId | None:
        return None if name is None else self.record_id(ObjectType.COMPANIES, name)

    def _touch(self, object_type: ObjectType, name: str) -> None:
        record = self._crm.records[object_type][self.record_id(object_type, name)]
        self._crm.put(object_type, record._replace(source_updated_at=self._time.now()))


class TestFakeCrmProvider(CrmProviderContract):
    @pytest.fixture
    def account(self) -> CrmAccountUnderTest:
        clock = FakeClock()
        return FakeAccount(clock, FakeCrmProvider(clock, page_size=900))


class TestFakeCrmProviderWhoseRefreshTokensAreSingleUse(CrmProviderContract):
    """And whose access tokens say how long they live only when asked, and whose users sign in at several places."""

    @pytest.fixture
    def account(self) -> CrmAccountUnderTest:
        clock = FakeClock()
        crm = FakeCrmProvider(
            clock, page_size=700, rotates=True, reports_expiry=False, can_uninstall=False, login_hosts=HOSTS
        )
        account = FakeAccount(clock, crm)
        account.login_hosts = HOSTS
        return account

    @pytest.mark.anyio
    async def test_a_used_up_refresh_token_that_is_sent_again_ends_the_grant(
        self, account: CrmAccountUnderTest, session: FakeCrmSession
    ) -> None:
        renewed = await account.provider.refresh(session.tokens)
        for tokens in (session.tokens, renewed):
            with pytest.raises(ReauthorizationRequired):
                await account.provider.refresh(tokens)
