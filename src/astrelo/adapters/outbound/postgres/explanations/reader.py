"""Why companies show what they show, and contacts and deals are linked as they are."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import asyncpg

from astrelo.adapters.outbound.postgres.session.encoding import join_columns
from astrelo.adapters.outbound.postgres.session.reading import Reads
from astrelo.application.read.explanations import (
    CompanyExplanation,
    ContactExplanation,
    DealExplanation,
    ExplanationReader,
    GroupExplanation,
    LinkOutcome,
    LinkRule,
    LinkStep,
    PinStatus,
    PinView,
    RecordExplanation,
    Value,
)
from astrelo.application.read.views import CompanySource
from astrelo.domain.company import RecordKey
from astrelo.domain.contact import CompanyMatch, UnlinkedReason
from astrelo.domain.deal import DealUnlinkedReason
from astrelo.domain.golden_record import (
    COLUMNS,
    FieldGroup,
    Member,
    golden_record,
    groups_in,
    sort_by_freshness,
)
from astrelo.domain.identifiers import ObjectType, Provider, RecordId, UserId
from astrelo.domain.records import CompanyAssociation, EmailKind

_NO_DOMAIN: Mapping[EmailKind, LinkOutcome] = {
    EmailKind.MISSING: LinkOutcome.NO_EMAIL,
    EmailKind.INVALID: LinkOutcome.INVALID_EMAIL,
    EmailKind.FREE_MAIL: LinkOutcome.FREE_MAIL,
}


class PgExplanationReader(ExplanationReader):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._reads = Reads(pool)

    async def company(
        self, user_id: UserId, company_id: UUID, after: RecordKey | None, limit: int
    ) -> CompanyExplanation | None:
        rows = await self._reads.rows("read_company_records", user_id=user_id, company_id=company_id)
        if not rows:
            return None
        pins = await self._reads.rows("read_company_pins", user_id=user_id, company_id=company_id)
        hidden = await self._reads.rows(
            "read_hidden_fields", user_id=user_id, object_type=ObjectType.COMPANIES
        )
        records = {_record_key(row): row for row in rows}
        members = [Member(key, row["source_updated_at"], groups_in(row)) for key, row in records.items()]
        at = {(_record_key(pin), FieldGroup(pin["field_group"])): pin["pinned_at"] for pin in pins}
        sources = golden_record(members, at).sources
        page = _cut_page([member.key for member in sort_by_freshness(members)], after, limit + 1)
        hidden_by = {Provider(row["provider"]): row["hidden"] for row in hidden}
        return CompanyExplanation(
            company_id=company_id,
            groups=[_explain_group(group, sources.get(group), records, at) for group in FieldGroup],
            pins=[
                _explain_pin(pin, sources, {member.key: member.groups for member in members}) for pin in pins
            ],
            records=[_explain_record(records[key], hidden_by.get(key.source, [])) for key in page[:limit]],
            has_more=len(page) > limit,
        )

    async def contact(self, user_id: UserId, contact_id: UUID) -> ContactExplanation | None:
        rows = await self._reads.rows("read_contact_link", user_id=user_id, contact_id=contact_id)
        if not rows:
            return None
        (row,) = rows
        return ContactExplanation(
            contact_id=row["id"],
            company_id=row["company_id"],
            company_match=row["company_match"] and CompanyMatch(row["company_match"]),
            unlinked_reason=row["unlinked_reason"] and UnlinkedReason(row["unlinked_reason"]),
            tried=await self._list_steps(user_id, row),
        )

    async def deal(self, user_id: UserId, deal_id: UUID) -> DealExplanation | None:
        rows = await self._reads.rows("read_deal_link", user_id=user_id, deal_id=deal_id)
        if not rows:
            return None
        (row,) = rows
        return DealExplanation(
            deal_id=row["id"],
            company_id=row["company_id"],
            company_match=row["company_match"] and CompanyMatch(row["company_match"]),
            unlinked_reason=row["unlinked_reason"] and DealUnlinkedReason(row["unlinked_reason"]),
            tried=[await self._try_association(user_id, row)],
        )

    async def _list_steps(self, user_id: UserId, row: asyncpg.Record) -> list[LinkStep]:
        if row["is_person_account"]:
            account_id = row["provider_company_id"]
            return [
                LinkStep(
                    rule=LinkRule.COMPANY_ASSOCIATION, value=account_id, outcome=LinkOutcome.PERSON_ACCOUNT
                )
            ]
        steps = [await self._try_association(user_id, row), *await self._try_emails(user_id, row)]
        linked = next((place for place, step in enumerate(steps) if step.outcome is LinkOutcome.LINKED), None)
        return steps if linked is None else steps[: linked + 1]

    async def _try_association(self, user_id: UserId, row: asyncpg.Record) -> LinkStep:
        association = row["company_association"] and CompanyAssociation(row["company_association"])
        record_id = row["provider_company_id"]
        company_id = None
        if record_id is None:
            is_ambiguous = association is CompanyAssociation.AMBIGUOUS
            outcome = LinkOutcome.AMBIGUOUS if is_ambiguous else LinkOutcome.NOT_ASSOCIATED
        else:
            company_id = await self._reads.value(
                "get_company_of_record", user_id=user_id, source=row["external_source"], record_id=record_id
            )
            outcome = LinkOutcome.NO_COMPANY if company_id is None else LinkOutcome.LINKED
        return LinkStep(
            rule=LinkRule.COMPANY_ASSOCIATION,
            value=record_id,
            association=association,
            outcome=outcome,
            company_id=company_id,
        )

    async def _try_emails(self, user_id: UserId, row: asyncpg.Record) -> Sequence[LinkStep]:
        domains = list(_list_domains(row))
        searched = [rule.domain for rule in domains if rule.domain is not None and not rule.is_shared]
        found = await self._reads.rows(
            "find_companies_by_domain", user_id=user_id, **join_columns(domains=searched)
        )
        companies = {company["domain"]: company for company in found}
        return [
            _to_step(rule, None if rule.is_shared else companies.get(rule.domain or "")) for rule in domains
        ]


class _Domain(NamedTuple):
    rule: LinkRule
    domain: str | None
    outcome_without: LinkOutcome
    """The outcome if no company has the domain."""

    @property
    def is_shared(self) -> bool:
        return self.outcome_without is LinkOutcome.FREE_MAIL


def _list_domains(row: asyncpg.Record) -> Iterator[_Domain]:
    host, registrable = row["email_host"], row["email_registrable_domain"]
    outcome = _NO_DOMAIN.get(EmailKind(row["email_kind"]), LinkOutcome.NO_COMPANY)
    if outcome is LinkOutcome.FREE_MAIL:
        host = row["email"] and row["email"].rpartition("@")[2]
    yield _Domain(LinkRule.EMAIL_HOST, host, outcome)
    if registrable not in (None, host):
        yield _Domain(LinkRule.EMAIL_REGISTRABLE_DOMAIN, registrable, LinkOutcome.NO_COMPANY)
    for domain in row["additional_email_domains"]:
        yield _Domain(LinkRule.ADDITIONAL_EMAIL_DOMAIN, domain, LinkOutcome.NO_COMPANY)


def _to_step(rule: _Domain, company: asyncpg.Record | None) -> LinkStep:
    if company is None:
        return LinkStep(rule=rule.rule, value=rule.domain, outcome=rule.outcome_without)
    return LinkStep(
        rule=rule.rule,
        value=rule.domain,
        outcome=LinkOutcome.LINKED,
        company_id=company["company_id"],
        additional_domain=company["is_additional"],
    )


def _record_key(row: asyncpg.Record) -> RecordKey:
    return RecordKey(Provider(row["external_source"]), RecordId(row["external_provider_id"]))


def _cut_page(keys: Sequence[RecordKey], after: RecordKey | None, size: int) -> Sequence[RecordKey]:
    """Begin behind `after`, or at the start if it has left the company meanwhile."""
    start = keys.index(after) + 1 if after in keys else 0
    return keys[start : start + size]


def _explain_group(
    group: FieldGroup,
    source: RecordKey | None,
    records: Mapping[RecordKey, asyncpg.Record],
    pins: Mapping[tuple[RecordKey, FieldGroup], object],
) -> GroupExplanation:
    if source is None:
        return GroupExplanation(group=group, values=dict.fromkeys(COLUMNS[group]), source=None, pinned=False)
    row = records[source]
    return GroupExplanation(
        group=group,
        values={column: _to_value(row[column]) for column in COLUMNS[group]},
        source=CompanySource(
            external_source=source.source,
            external_provider_id=source.record_id,
            source_updated_at=row["source_updated_at"],
        ),
        pinned=(source, group) in pins,
    )


def _explain_record(row: asyncpg.Record, hidden: list[str]) -> RecordExplanation:
    return RecordExplanation(
        external_source=Provider(row["external_source"]),
        external_provider_id=row["external_provider_id"],
        source_updated_at=row["source_updated_at"],
        values={
            column: _to_value(row[column])
            for column in ("domain", *(column for columns in COLUMNS.values() for column in columns))
        },
        hidden=sorted(hidden),
    )


def _explain_pin(
    pin: asyncpg.Record,
    sources: Mapping[FieldGroup, RecordKey],
    groups: Mapping[RecordKey, frozenset[FieldGroup]],
) -> PinView:
    key, group = _record_key(pin), FieldGroup(pin["field_group"])
    if key not in groups:
        status = PinStatus.ARCHIVED
    elif group not in groups[key]:
        status = PinStatus.EMPTY
    else:
        status = PinStatus.EFFECTIVE if sources[group] == key else PinStatus.SUPERSEDED
    return PinView(
        group=group,
        external_source=key.source,
        external_provider_id=key.record_id,
        pinned_at=pin["pinned_at"],
        status=status,
    )


def _to_value(stored: object) -> Value:
    """Show a column as the company's view does: amounts as text, dates in ISO 8601."""
    match stored:
        case None | str() | int():
            return stored
        case Decimal():
            return format(stored, "f")
        case date():
            return stored.isoformat()
        case _:
            return str(stored)
