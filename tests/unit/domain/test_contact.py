"""Which company a contact belongs to: the CRM's word first, then the address, else the reason why none."""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrelo.domain.contact import CompanyMatch, ContactLink, UnlinkedReason, link_contact
from astrelo.domain.deal import DealLink, DealUnlinkedReason, link_deal
from astrelo.domain.identifiers import CompanyId, RecordId
from astrelo.domain.records import CompanyAssociation, ContactRecord, EmailKind
from tests.support.domain_records import contact_record, deal_record

ACME = CompanyId(UUID(int=1))
GLOBEX = CompanyId(UUID(int=2))
BY_RECORD = {RecordId("10"): ACME}
BY_DOMAIN = {"acme.com": ACME, "globex.com": GLOBEX, "eu.globex.com": ACME}


def person(
    host: str | None = None, registrable: str | None = None, company: str | None = None
) -> ContactRecord:
    return contact_record(
        company_id=company,
        email_host=host,
        email_registrable_domain=registrable,
        email_kind=EmailKind.MISSING if host is None else EmailKind.BUSINESS,
    )


def link(record: ContactRecord) -> ContactLink:
    return link_contact(record, BY_RECORD, BY_DOMAIN)


class TestLinkedContacts:
    def test_the_primary_company_of_the_crm_goes_before_the_address(self) -> None:
        assert link(person("globex.com", "globex.com", company="10")) == (
            ACME,
            CompanyMatch.PROVIDER_ID,
            None,
        )

    def test_a_primary_company_that_has_not_come_leaves_it_to_the_address(self) -> None:
        assert link(person("globex.com", "globex.com", company="11")) == (
            GLOBEX,
            CompanyMatch.EMAIL_DOMAIN,
            None,
        )

    def test_the_host_goes_before_the_registrable_domain(self) -> None:
        assert link(person("eu.globex.com", "globex.com")) == (ACME, CompanyMatch.EMAIL_DOMAIN, None)

    def test_a_host_that_no_company_has_falls_back_to_its_registrable_domain(self) -> None:
        assert link(person("mail.globex.com", "globex.com")) == (GLOBEX, CompanyMatch.EMAIL_DOMAIN, None)

    def test_a_company_is_not_found_by_a_part_of_its_name(self) -> None:
        assert link(person("notacme.com", "notacme.com")).company_id is None


class TestUnlinkedContacts:
    @pytest.mark.parametrize(
        ("kind", "reason"),
        [
            (EmailKind.MISSING, UnlinkedReason.NO_EMAIL),
            (EmailKind.INVALID, UnlinkedReason.INVALID_EMAIL),
            (EmailKind.FREE_MAIL, UnlinkedReason.FREE_MAIL),
            (EmailKind.BUSINESS, UnlinkedReason.NO_COMPANY),
        ],
    )
    def test_the_reason_is_reported(self, kind: EmailKind, reason: UnlinkedReason) -> None:
        record = contact_record(email_kind=kind, company_id="unknown")
        assert link(record) == (None, None, reason)

    @pytest.mark.parametrize("company", [None, "10", "11"])
    @pytest.mark.parametrize("host", [None, "acme.com", "other.com"])
    def test_a_person_account_has_no_company_whatever_leads_to_one(
        self, host: str | None, company: str | None
    ) -> None:
        record = person(host, host, company)._replace(is_person_account=True)
        assert link(record) == (None, None, UnlinkedReason.PERSON_ACCOUNT)


hosts = st.sampled_from([None, "acme.com", "globex.com", "eu.globex.com", "mail.globex.com", "other.com"])
people = st.builds(person, hosts, hosts, st.sampled_from([None, "10", "11"]))


@given(people)
@settings(max_examples=100, deadline=None)
def test_a_contact_is_either_linked_with_its_match_or_unlinked_with_its_reason(record: ContactRecord) -> None:
    company_id, match, reason = link(record)
    assert (company_id is None) == (match is None) == (reason is not None)


@given(people)
@settings(max_examples=100, deadline=None)
def test_a_contact_is_linked_whenever_anything_leads_to_a_company(record: ContactRecord) -> None:
    leads = [
        BY_RECORD.get(record.company_id or RecordId("")),
        BY_DOMAIN.get(record.email_host or ""),
        BY_DOMAIN.get(record.email_registrable_domain or ""),
    ]
    assert link(record).company_id == next((company for company in leads if company), None)


class TestDeals:
    def test_a_deal_is_linked_to_the_company_that_the_crm_associates(self) -> None:
        link = link_deal(deal_record(company_id="10"), BY_RECORD)
        assert link == DealLink(ACME, CompanyMatch.PROVIDER_ID, None)

    @pytest.mark.parametrize(
        ("company_id", "association", "reason"),
        [
            (None, None, DealUnlinkedReason.NOT_ASSOCIATED),
            (None, CompanyAssociation.AMBIGUOUS, DealUnlinkedReason.AMBIGUOUS),
            ("11", CompanyAssociation.PRIMARY, DealUnlinkedReason.NO_COMPANY),
        ],
    )
    def test_a_deal_is_never_linked_by_a_guess_and_says_why_not(
        self, company_id: str | None, association: CompanyAssociation | None, reason: DealUnlinkedReason
    ) -> None:
        record = deal_record(company_id=company_id, company_association=association)
        assert link_deal(record, BY_RECORD) == DealLink(None, None, reason)
