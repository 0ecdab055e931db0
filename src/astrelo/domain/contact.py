"""Linking a contact to its company, or the reason why it has none."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from astrelo.domain.identifiers import CompanyId, ContactId, RecordId
from astrelo.domain.records import ContactRecord, EmailKind


class CompanyMatch(StrEnum):
    """What a link is based on."""

    PROVIDER_ID = "provider_id"
    """The CRM's own primary company."""
    EMAIL_DOMAIN = "email_domain"
    """The e-mail's host, or its registrable domain, is the company's domain."""


class UnlinkedReason(StrEnum):
    NO_EMAIL = "no_email"
    INVALID_EMAIL = "invalid_email"
    FREE_MAIL = "free_mail"
    NO_COMPANY = "no_company"
    PERSON_ACCOUNT = "person_account"
    """A person account: belongs to no company, whatever its e-mail address."""


class ContactLink(NamedTuple):
    """Either a company and the match, or the reason why there is none."""

    company_id: CompanyId | None
    match: CompanyMatch | None
    unlinked_reason: UnlinkedReason | None


class Contact(NamedTuple):
    """A contact with its link, as derived from its record."""

    id: ContactId
    record: ContactRecord
    link: ContactLink


_REASON_BY_EMAIL = {
    EmailKind.MISSING: UnlinkedReason.NO_EMAIL,
    EmailKind.INVALID: UnlinkedReason.INVALID_EMAIL,
    EmailKind.FREE_MAIL: UnlinkedReason.FREE_MAIL,
    EmailKind.BUSINESS: UnlinkedReason.NO_COMPANY,
}


def link_contact(
    record: ContactRecord,
    company_by_record: Mapping[RecordId, CompanyId],
    company_by_domain: Mapping[str, CompanyId],
) -> ContactLink:
    """Link by the company that the CRM associates, else by the host or registrable domain of an e-mail address.

    Further addresses are tried after the first. A person account is never linked.

    Both maps hold live companies of the contact's own user only. The final pass of a run applies the
    same rule set-based, once all companies are stored.
    """
    if record.is_person_account:
        return ContactLink(None, None, UnlinkedReason.PERSON_ACCOUNT)
    if record.company_id is not None and (company := company_by_record.get(record.company_id)):
        return ContactLink(company, CompanyMatch.PROVIDER_ID, None)
    for domain in record.email_domains:
        if company := company_by_domain.get(domain):
            return ContactLink(company, CompanyMatch.EMAIL_DOMAIN, None)
    if record.additional_email_domains:
        return ContactLink(None, None, UnlinkedReason.NO_COMPANY)
    return ContactLink(None, None, _REASON_BY_EMAIL[record.email_kind])
