"""The canonical view of a user's data: natural keys, mapped columns, links with their reasons.

A company is named by the set of its live records; no id or time of ours appears. Two databases that
hold the same truth have equal views, however they came to it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from astrelo.domain.company import RecordKey, leading_record
from astrelo.domain.contact import CompanyMatch, UnlinkedReason
from astrelo.domain.identifiers import Provider, RecordId
from astrelo.domain.records import CompanyRecord, ContactRecord, DealRecord, EmailKind

CompanyName = frozenset[tuple[str, str]]
"""The (source, record id) pairs of its live records."""

_NO_COMPANY: dict[EmailKind, UnlinkedReason] = {
    EmailKind.MISSING: UnlinkedReason.NO_EMAIL,
    EmailKind.INVALID: UnlinkedReason.INVALID_EMAIL,
    EmailKind.FREE_MAIL: UnlinkedReason.FREE_MAIL,
    EmailKind.BUSINESS: UnlinkedReason.NO_COMPANY,
}


class View(NamedTuple):
    companies: dict[CompanyName, tuple[Any, ...]]
    """Its domain, leading record's key, and the columns it shows."""
    contacts: dict[tuple[str, str], tuple[Any, ...]]
    """Company, match, unlinked reason, e-mail, first name."""
    deals: dict[tuple[str, str], tuple[Any, ...]]
    """Company, name, amount, contacts that have arrived."""


async def stored_view(connection: asyncpg.Connection, user_id: UUID) -> View:
    """Read the view from the database."""
    names = await _company_names(connection, user_id)
    companies = await connection.fetch(
        """select id, domain, external_source, external_provider_id, company_name, employee_count
           from companies where user_id = $1 and archived_at is null""",
        user_id,
    )
    contacts = await connection.fetch(
        """select external_source, external_provider_id, company_id, company_match, unlinked_reason,
                  email, first_name
           from contacts where user_id = $1 and archived_at is null""",
        user_id,
    )
    deals = await connection.fetch(
        """select deal.external_source, deal.external_provider_id, deal.company_id, deal.name, deal.amount,
                  array(select contact.external_provider_id
                        from contacts contact
                        where contact.user_id = $1 and contact.external_source = deal.external_source
                          and contact.external_provider_id = any (deal.provider_contact_ids)
                          and contact.archived_at is null) as contacts
           from deals deal where user_id = $1 and archived_at is null""",
        user_id,
    )
    return View(
        {names[row[0]]: tuple(row[1:]) for row in companies},
        {(row[0], row[1]): (names.get(row[2]), *row[3:]) for row in contacts},
        {(row[0], row[1]): (names.get(row[2]), *row[3:5], frozenset(row[5])) for row in deals},
    )


async def _company_names(connection: asyncpg.Connection, user_id: UUID) -> dict[UUID, CompanyName]:
    rows = await connection.fetch(
        """select company_id, external_source, external_provider_id from crm_companies
           where user_id = $1 and archived_at is null""",
        user_id,
    )
    members: dict[UUID, set[tuple[str, str]]] = defaultdict(set)
    for company_id, source, record_id in rows:
        members[company_id].add((source, record_id))
    return {company_id: frozenset(keys) for company_id, keys in members.items()}


class Told(NamedTuple):
    """One source's final records."""

    source: Provider
    companies: Sequence[CompanyRecord] = ()
    contacts: Sequence[ContactRecord] = ()
    deals: Sequence[DealRecord] = ()


def expected_view(
    source: Provider,
    companies: Iterable[CompanyRecord],
    contacts: Iterable[ContactRecord] = (),
    deals: Iterable[DealRecord] = (),
) -> View:
    """Make the view that one source's final records must lead to."""
    return expected_view_of([Told(source, list(companies), list(contacts), list(deals))])


def expected_view_of(sources: Sequence[Told]) -> View:
    """Make the view that several sources' final records must lead to: a naive group-by, straight from the rules.

    Ids lead to records of their own source only; a domain leads to the company, whichever source told of it.
    """
    groups: dict[object, list[_Keyed]] = defaultdict(list)
    for told in sources:
        for record in told.companies:
            key = RecordKey(told.source, record.record_id)
            groups[record.identity_domain or key].append((key, record))
    names: dict[object, CompanyName] = {
        group: frozenset((key.source.value, str(key.record_id)) for key, _ in members)
        for group, members in groups.items()
    }
    by_record = {key: names[group] for group, members in groups.items() for key, _ in members}
    by_domain = {group: names[group] for group in groups if isinstance(group, str)}
    companies = {names[group]: _company_row(members) for group, members in groups.items()}
    view = View(companies, {}, {})
    for told in sources:
        of_this = {key.record_id: name for key, name in by_record.items() if key.source is told.source}
        arrived = {person.record_id for person in told.contacts}
        for person in told.contacts:
            view.contacts[told.source.value, person.record_id] = _contact_row(person, of_this, by_domain)
        for sale in told.deals:
            view.deals[told.source.value, sale.record_id] = _deal_row(sale, of_this, arrived)
    return view


_Keyed = tuple[RecordKey, CompanyRecord]


def _company_row(members: list[_Keyed]) -> tuple[Any, ...]:
    key, lead = leading_record(members)
    return lead.identity_domain, key.source.value, key.record_id, lead.name, lead.employee_count


def _deal_row(
    sale: DealRecord, by_record: dict[RecordId, CompanyName], arrived: set[RecordId]
) -> tuple[Any, ...]:
    company = by_record.get(sale.company_id) if sale.company_id else None
    return company, sale.name, sale.amount, frozenset(c for c in sale.contact_ids if c in arrived)


def _contact_row(
    person: ContactRecord, by_record: dict[RecordId, CompanyName], by_domain: dict[str, CompanyName]
) -> tuple[Any, ...]:
    if person.company_id is not None and person.company_id in by_record:
        link: tuple[Any, ...] = (by_record[person.company_id], CompanyMatch.PROVIDER_ID.value, None)
    else:
        told = (person.email_host, person.email_registrable_domain)
        found = [by_domain[domain] for domain in told if domain in by_domain]
        reason = _NO_COMPANY[person.email_kind].value
        link = (found[0], CompanyMatch.EMAIL_DOMAIN.value, None) if found else (None, None, reason)
    return (*link, person.email, person.first_name)
