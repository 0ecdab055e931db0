"""The canonical view of a user's data: natural keys, mapped columns, links with their reasons.

A company is named by the set of its live records; no id or time of ours appears. Two databases that
hold the same truth have equal views, however they came to it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from astrelo.domain.company import RecordKey
from astrelo.domain.contact import CompanyMatch, UnlinkedReason
from astrelo.domain.deal import DealUnlinkedReason
from astrelo.domain.golden_record import FieldGroup
from astrelo.domain.identifiers import Provider, RecordId
from astrelo.domain.records import CompanyAssociation, CompanyRecord, ContactRecord, DealRecord, EmailKind

CompanyName = frozenset[tuple[str, str]]
"""The (source, record id) pairs of its live records."""

_GROUPS: dict[FieldGroup, tuple[str, ...]] = {
    FieldGroup.NAME: ("name",),
    FieldGroup.INDUSTRY: ("industry", "naics", "sic"),
    FieldGroup.EMPLOYEE_COUNT: ("employee_count",),
    FieldGroup.REVENUE: ("annual_revenue", "annual_revenue_currency", "revenue_range"),
    FieldGroup.PLACE: ("hq_country", "hq_region", "hq_city"),
    FieldGroup.DESCRIPTION: ("description",),
    FieldGroup.PHONE: ("phone",),
    FieldGroup.LINKEDIN_URL: ("linkedin_url",),
    FieldGroup.LIFECYCLE_STAGE: ("lifecycle_stage",),
}
_SHOWN = ["company_name" if column == "name" else column for group in _GROUPS.values() for column in group]

_NO_COMPANY: dict[EmailKind, UnlinkedReason] = {
    EmailKind.MISSING: UnlinkedReason.NO_EMAIL,
    EmailKind.INVALID: UnlinkedReason.INVALID_EMAIL,
    EmailKind.FREE_MAIL: UnlinkedReason.FREE_MAIL,
    EmailKind.BUSINESS: UnlinkedReason.NO_COMPANY,
}


class View(NamedTuple):
    companies: dict[CompanyName, tuple[Any, ...]]
    """Its domain, the freshest record's key, and the columns that it shows."""
    contacts: dict[tuple[str, str], tuple[Any, ...]]
    """Company, match, unlinked reason, e-mail, first name."""
    deals: dict[tuple[str, str], tuple[Any, ...]]
    """Company, match, unlinked reason, name, amount, contacts that have arrived."""
    pins: frozenset[tuple[str, str, str]] = frozenset()
    """Source, record id and field group of every pin."""


async def stored_view(connection: asyncpg.Connection, user_id: UUID) -> View:
    """Read the view from the database."""
    names = await _company_names(connection, user_id)
    companies = await connection.fetch(
        f"""select company.id, domain, external_source, external_provider_id, {", ".join(_SHOWN)},
                   (select rep.external_provider_id from crm_owners rep
                    where rep.user_id = $1 and rep.id = company.crm_rep_id)
           from companies company where user_id = $1 and archived_at is null""",
        user_id,
    )
    contacts = await connection.fetch(
        """select external_source, external_provider_id, company_id, company_match, unlinked_reason,
                  email, first_name
           from contacts where user_id = $1 and archived_at is null""",
        user_id,
    )
    deals = await connection.fetch(
        """select deal.external_source, deal.external_provider_id, deal.company_id, deal.company_match,
                  deal.unlinked_reason, deal.name, deal.amount,
                  array(select contact.external_provider_id
                        from contacts contact
                        where contact.user_id = $1 and contact.id = any (deal.contact_ids)) as contacts
           from deals deal where user_id = $1 and archived_at is null""",
        user_id,
    )
    pins = await connection.fetch(
        """select external_source, external_provider_id, field_group from company_pins where user_id = $1""",
        user_id,
    )
    return View(
        {names[row[0]]: tuple(row[1:]) for row in companies},
        {(row[0], row[1]): (names.get(row[2]), *row[3:]) for row in contacts},
        {(row[0], row[1]): (names.get(row[2]), *row[3:7], frozenset(row[7])) for row in deals},
        frozenset(map(tuple, pins)),
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


class SourceRecords(NamedTuple):
    """One source's final records, and the ids of its owners."""

    source: Provider
    companies: Sequence[CompanyRecord] = ()
    contacts: Sequence[ContactRecord] = ()
    deals: Sequence[DealRecord] = ()
    owners: Sequence[str] = ()


Pin = tuple[RecordKey, FieldGroup]


def expected_view(
    source: Provider,
    companies: Iterable[CompanyRecord],
    contacts: Iterable[ContactRecord] = (),
    deals: Iterable[DealRecord] = (),
) -> View:
    """Make the view that one source's final records must lead to."""
    return expected_view_of([SourceRecords(source, list(companies), list(contacts), list(deals))])


def expected_view_of(sources: Sequence[SourceRecords], pins: Sequence[Pin] = ()) -> View:
    """Make the view that several sources' final records must lead to: a naive group-by, straight from the rules.

    `pins` are those that were made, the latest last. Ids lead to records of their own source only; a domain leads to the company, whichever source reported it.
    """
    groups: dict[object, list[_Keyed]] = defaultdict(list)
    for held in sources:
        for record in held.companies:
            key = RecordKey(held.source, record.record_id)
            groups[record.identity_domain or key].append((key, record))
    names: dict[object, CompanyName] = {
        group: frozenset((key.source.value, str(key.record_id)) for key, _ in members)
        for group, members in groups.items()
    }
    by_record = {key: names[group] for group, members in groups.items() for key, _ in members}
    own = {group: names[group] for group in groups if isinstance(group, str)}
    by_domain = _further_domains(groups, names) | own
    owners = {(held.source, owner) for held in sources for owner in held.owners}
    companies = {names[group]: _company_row(members, pins, owners) for group, members in groups.items()}
    pinned = {(key.source.value, str(key.record_id), group.value) for key, group in pins}
    view = View(companies, {}, {}, frozenset(pinned))
    for held in sources:
        of_this = {key.record_id: name for key, name in by_record.items() if key.source is held.source}
        arrived = {person.record_id for person in held.contacts}
        for person in held.contacts:
            view.contacts[held.source.value, person.record_id] = _contact_row(person, of_this, by_domain)
        for sale in held.deals:
            view.deals[held.source.value, sale.record_id] = _deal_row(sale, of_this, arrived)
    return view


_Keyed = tuple[RecordKey, CompanyRecord]


def _further_domains(
    groups: dict[object, list[_Keyed]], names: dict[object, CompanyName]
) -> dict[str, CompanyName]:
    """Say where additional domains lead: to the only company that names one."""
    naming: dict[str, set[CompanyName]] = defaultdict(set)
    for group, members in groups.items():
        for _, record in members:
            for domain in record.additional_domains:
                naming[domain].add(names[group])
    return {domain: next(iter(companies)) for domain, companies in naming.items() if len(companies) == 1}


def _company_row(
    members: list[_Keyed], pins: Sequence[Pin], owners: set[tuple[Provider, str]]
) -> tuple[Any, ...]:
    """Show each group of the freshest member that has it, the latest pinned one before others."""
    ordered = sorted(members)
    ordered.sort(key=lambda member: member[1].source_updated_at, reverse=True)
    lead_key, lead = ordered[0]
    shown: list[Any] = []
    for group, columns in _GROUPS.items():
        main = columns if group is FieldGroup.PLACE else columns[:1]
        having = [one for one in ordered if any(getattr(one[1], column) is not None for column in main)]
        record = _put_pinned_first(having, group, pins)[0][1] if having else lead
        shown += [getattr(record, column) for column in columns]
    with_rep = [one for one in ordered if (one[0].source, one[1].owner_id) in owners]
    rep = _put_pinned_first(with_rep, FieldGroup.REP, pins)[0][1].owner_id if with_rep else None
    return (lead.identity_domain, lead_key.source.value, lead_key.record_id, *shown, rep)


def _put_pinned_first(members: list[_Keyed], group: FieldGroup, pins: Sequence[Pin]) -> list[_Keyed]:
    latest = {pin: place for place, pin in enumerate(pins, start=1)}
    return sorted(members, key=lambda member: -latest.get((member[0], group), 0))


def _deal_row(
    sale: DealRecord, by_record: dict[RecordId, CompanyName], arrived: set[RecordId]
) -> tuple[Any, ...]:
    company = by_record.get(sale.company_id) if sale.company_id else None
    contacts = frozenset(c for c in sale.contact_ids if c in arrived)
    if company is not None:
        link: tuple[Any, ...] = (company, CompanyMatch.PROVIDER_ID.value, None)
    elif sale.company_id is not None:
        link = (None, None, DealUnlinkedReason.NO_COMPANY.value)
    elif sale.company_association is CompanyAssociation.AMBIGUOUS:
        link = (None, None, DealUnlinkedReason.AMBIGUOUS.value)
    else:
        link = (None, None, DealUnlinkedReason.NOT_ASSOCIATED.value)
    return (*link, sale.name, sale.amount, contacts)


def _contact_row(
    person: ContactRecord, by_record: dict[RecordId, CompanyName], by_domain: dict[str, CompanyName]
) -> tuple[Any, ...]:
    if person.is_person_account:
        link: tuple[Any, ...] = (None, None, UnlinkedReason.PERSON_ACCOUNT.value)
    elif person.company_id is not None and person.company_id in by_record:
        link = (by_record[person.company_id], CompanyMatch.PROVIDER_ID.value, None)
    else:
        domains = (person.email_host, person.email_registrable_domain, *person.additional_email_domains)
        found = [by_domain[domain] for domain in domains if domain in by_domain]
        reason = _NO_COMPANY[person.email_kind].value
        if person.additional_email_domains:
            reason = UnlinkedReason.NO_COMPANY.value
        link = (found[0], CompanyMatch.EMAIL_DOMAIN.value, None) if found else (None, None, reason)
    return (*link, person.email, person.first_name)
