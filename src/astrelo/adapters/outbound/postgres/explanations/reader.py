"""Why companies show what they show, and contacts and deals are linked as they are."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import asyncpg

from astrelo.adapters.outbound.postgres.explanations.icp import explain_icp
from astrelo.adapters.outbound.postgres.session.columns import join_columns
from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.application.read import explanations, views
from astrelo.domain import golden_record
from astrelo.domain.company import RecordKey
from astrelo.domain.contact import CompanyMatch, UnlinkedReason
from astrelo.domain.deal import DealUnlinkedReason
from astrelo.domain.identifiers import ObjectType, Provider, RecordId, UserId
from astrelo.domain.records import CompanyAssociation, EmailKind

_NO_DOMAIN: Mapping[EmailKind, explanations.LinkOutcome] = {
    EmailKind.MISSING: explanations.LinkOutcome.NO_EMAIL,
    EmailKind.INVALID: explanations.LinkOutcome.INVALID_EMAIL,
    EmailKind.FREE_MAIL: explanations.LinkOutcome.FREE_MAIL,
}


class PgExplanationReader(explanations.ExplanationReader):
    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def company(
        self, user_id: UserId, company_id: UUID, after: RecordKey | None, limit: int
    ) -> explanations.CompanyExplanation | None:
        rows = await self._reads.rows("read_company_records", user_id=user_id, company_id=company_id)
        if not rows:
            return None
        pins = await self._reads.rows("read_company_pins", user_id=user_id, company_id=company_id)
        profile = await self._reads.view(views.IcpProfileView, "read_icp_profile", user_id=user_id)
        (values,) = await self._reads.rows(
            "read_company_profile_values", user_id=user_id, company_id=company_id
        )
        hidden = await self._reads.rows(
            "read_hidden_fields", user_id=user_id, object_type=ObjectType.COMPANIES
        )
        records = {_record_key(row): row for row in rows}
        members = [
            golden_record.Member(key, row["source_updated_at"], golden_record.groups_in(row))
            for key, row in records.items()
        ]
        at = {
            (_record_key(pin), golden_record.FieldGroup(pin["field_group"])): pin["pinned_at"] for pin in pins
        }
        sources = golden_record.golden_record(members, at).sources
        keys = [member.key for member in golden_record.sort_by_freshness(members)]
        # From the start if the record before the page has left the company meanwhile.
        begin = keys.index(after) + 1 if after in keys else 0
        page = keys[begin : begin + limit + 1]
        hidden_by = {Provider(row["provider"]): row["hidden"] for row in hidden}
        return explanations.CompanyExplanation(
            company_id=company_id,
            groups=[
                _explain_group(group, sources.get(group), records, at) for group in golden_record.FieldGroup
            ],
            icp=explain_icp(values, profile),
            pins=[
                _explain_pin(pin, sources, {member.key: member.groups for member in members}) for pin in pins
            ],
            records=[_explain_record(records[key], hidden_by.get(key.source, [])) for key in page[:limit]],
            has_more=len(page) > limit,
        )

    async def contact(self, user_id: UserId, contact_id: UUID) -> explanations.ContactExplanation | None:
        rows = await self._reads.rows("read_contact_link", user_id=user_id, contact_id=contact_id)
        if not rows:
            return None
        (row,) = rows
        return explanations.ContactExplanation(
            contact_id=row["id"],
            company_id=row["company_id"],
            company_match=row["company_match"] and CompanyMatch(row["company_match"]),
            unlinked_reason=row["unlinked_reason"] and UnlinkedReason(row["unlinked_reason"]),
            tried=await self._list_steps(user_id, row),
        )

    async def deal(self, user_id: UserId, deal_id: UUID) -> explanations.DealExplanation | None:
        rows = await self._reads.rows("read_deal_link", user_id=user_id, deal_id=deal_id)
        if not rows:
            return None
        (row,) = rows
        return explanations.DealExplanation(
            deal_id=row["id"],
            company_id=row["company_id"],
            company_match=row["company_match"] and CompanyMatch(row["company_match"]),
            unlinked_reason=row["unlinked_reason"] and DealUnlinkedReason(row["unlinked_reason"]),
            tried=[await self._try_association(user_id, row)],
        )

    async def _list_steps(self, user_id: UserId, row: asyncpg.Record) -> list[explanations.LinkStep]:
        if row["is_person_account"]:
            account_id = row["provider_company_id"]
            return [
                explanations.LinkStep(
                    rule=explanations.LinkRule.COMPANY_ASSOCIATION,
                    value=account_id,
                    outcome=explanations.LinkOutcome.PERSON_ACCOUNT,
                )
            ]
        steps = [await self._try_association(user_id, row), *await self._try_emails(user_id, row)]
        linked = next(
            (place for place, step in enumerate(steps) if step.outcome is explanations.LinkOutcome.LINKED),
            None,
        )
        return steps if linked is None else steps[: linked + 1]

    async def _try_association(self, user_id: UserId, row: asyncpg.Record) -> explanations.LinkStep:
        association = row["company_association"] and CompanyAssociation(row["company_association"])
        record_id = row["provider_company_id"]
        company_id = None
        if record_id is None:
            is_ambiguous = association is CompanyAssociation.AMBIGUOUS
            outcome = (
                explanations.LinkOutcome.AMBIGUOUS
                if is_ambiguous
                else explanations.LinkOutcome.NOT_ASSOCIATED
            )
        else:
            company_id = await self._reads.value(
                "get_company_of_record", user_id=user_id, source=row["external_source"], record_id=record_id
            )
            outcome = (
                explanations.LinkOutcome.NO_COMPANY if company_id is None else explanations.LinkOutcome.LINKED
            )
        return explanations.LinkStep(
            rule=explanations.LinkRule.COMPANY_ASSOCIATION,
            value=record_id,
            association=association,
            outcome=outcome,
            company_id=company_id,
        )

    async def _try_emails(self, user_id: UserId, row: asyncpg.Record) -> Sequence[explanations.LinkStep]:
        domains = list(_list_domains(row))
        searched = [rule.domain for rule in domains if rule.domain is not None and not rule.is_shared]
        found = await self._reads.rows(
            "find_companies_by_domain", user_id=user_id, **join_columns(domains=searched)
        )
        companies = {company["domain"]: company for company in found}
        return [rule.step(None if rule.is_shared else companies.get(rule.domain or "")) for rule in domains]


class _Domain(NamedTuple):
    rule: explanations.LinkRule
    domain: str | None
    outcome_without: explanations.LinkOutcome
    """The outcome if no company has the domain."""

    @property
    def is_shared(self) -> bool:
        return self.outcome_without is explanations.LinkOutcome.FREE_MAIL

    def step(self, company: asyncpg.Record | None) -> explanations.LinkStep:
        if company is None:
            return explanations.LinkStep(rule=self.rule, value=self.domain, outcome=self.outcome_without)
        return explanations.LinkStep(
            rule=self.rule,
            value=self.domain,
            outcome=explanations.LinkOutcome.LINKED,
            company_id=company["company_id"],
            additional_domain=company["is_additional"],
        )


def _list_domains(row: asyncpg.Record) -> Iterator[_Domain]:
    host, registrable = row["email_host"], row["email_registrable_domain"]
    outcome = _NO_DOMAIN.get(EmailKind(row["email_kind"]), explanations.LinkOutcome.NO_COMPANY)
    if outcome is explanations.LinkOutcome.FREE_MAIL:
        host = row["email"] and row["email"].rpartition("@")[2]
    yield _Domain(explanations.LinkRule.EMAIL_HOST, host, outcome)
    if registrable not in (None, host):
        yield _Domain(
            explanations.LinkRule.EMAIL_REGISTRABLE_DOMAIN, registrable, explanations.LinkOutcome.NO_COMPANY
        )
    for domain in row["additional_email_domains"]:
        yield _Domain(
            explanations.LinkRule.ADDITIONAL_EMAIL_DOMAIN, domain, explanations.LinkOutcome.NO_COMPANY
        )


def _record_key(row: asyncpg.Record) -> RecordKey:
    return RecordKey(Provider(row["external_source"]), RecordId(row["external_provider_id"]))


def _explain_group(
    group: golden_record.FieldGroup,
    source: RecordKey | None,
    records: Mapping[RecordKey, asyncpg.Record],
    pins: Mapping[tuple[RecordKey, golden_record.FieldGroup], object],
) -> explanations.GroupExplanation:
    if source is None:
        return explanations.GroupExplanation(
            group=group, values=dict.fromkeys(golden_record.COLUMNS[group]), source=None, pinned=False
        )
    row = records[source]
    return explanations.GroupExplanation(
        group=group,
        values={column: _to_value(row[column]) for column in golden_record.COLUMNS[group]},
        source=views.CompanySource(
            external_source=source.source,
            external_provider_id=source.record_id,
            source_updated_at=row["source_updated_at"],
        ),
        pinned=(source, group) in pins,
    )


def _explain_record(row: asyncpg.Record, hidden: list[str]) -> explanations.RecordExplanation:
    return explanations.RecordExplanation(
        external_source=Provider(row["external_source"]),
        external_provider_id=row["external_provider_id"],
        source_updated_at=row["source_updated_at"],
        values={
            column: _to_value(row[column])
            for column in (
                "domain",
                *(column for columns in golden_record.COLUMNS.values() for column in columns),
            )
        },
        hidden=sorted(hidden),
    )


def _explain_pin(
    pin: asyncpg.Record,
    sources: Mapping[golden_record.FieldGroup, RecordKey],
    groups: Mapping[RecordKey, frozenset[golden_record.FieldGroup]],
) -> explanations.PinView:
    key, group = _record_key(pin), golden_record.FieldGroup(pin["field_group"])
    if key not in groups:
        status = explanations.PinStatus.ARCHIVED
    elif group not in groups[key]:
        status = explanations.PinStatus.EMPTY
    else:
        status = (
            explanations.PinStatus.EFFECTIVE if sources[group] == key else explanations.PinStatus.SUPERSEDED
        )
    return explanations.PinView(
        group=group,
        external_source=key.source,
        external_provider_id=key.record_id,
        pinned_at=pin["pinned_at"],
        status=status,
    )


def _to_value(stored: object) -> explanations.Value:
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
