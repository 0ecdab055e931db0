"""Companies: grouping a user's company records by identity domain.

Live company records with the same identity domain are one company; a record without a domain is a company
of its own; nothing else is merged. This module decides *ids* only; `golden_record` chooses the record that
each column comes from.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from astrelo.domain.identifiers import CompanyId, Provider, RecordId


class RecordKey(NamedTuple):
    """A company record, unique within a user."""

    source: Provider
    record_id: RecordId


GroupKey = str | RecordKey
"""What the records of a company share: an identity domain, or the single record that has none."""


class RecordMove(NamedTuple):
    """A record that is new, archived, revived, or has a new identity domain."""

    key: RecordKey
    identity_domain: str | None
    company_id: CompanyId | None
    """The company that it belongs to, or last belonged to; None for a new record."""
    live: bool = True
    merged_into: RecordKey | None = None
    """The record that this one was merged into: `identity_domain` is then that record's, and it moves too."""

    @property
    def group(self) -> GroupKey:
        return self.identity_domain or self.merged_into or self.key


class Company(NamedTuple):
    """The properties of a company that decide which records keep its id."""

    id: CompanyId
    created_at: datetime
    domain: str | None
    has_other_records: bool
    """Whether it has live records that are not among the moves."""

    def claim(self, followers: Sequence[RecordMove]) -> GroupKey | None:
        """Return the group that the company claims, or None if it has lost all its records.

        `followers` are the moves that it follows. Also None for a company whose only record has no domain and is
        not among the moves: a record that once shared the company has come back after the other one had kept it.
        """
        if self.has_other_records:
            return self.domain
        groups = [move.group for move in followers]
        if self.domain in groups:
            return self.domain
        return groups[0] if groups else None


@dataclass(frozen=True, slots=True)
class Regrouping:
    """The new grouping of the moved records."""

    assignments: Mapping[RecordKey, CompanyId]
    """Every live move → its company."""
    domains: Mapping[CompanyId, str | None]
    """Every company that a moved record now belongs to → its domain."""
    created: frozenset[CompanyId]
    merged_into: Mapping[CompanyId, CompanyId]
    """Companies that were merged into an older one → the surviving company."""
    emptied: frozenset[CompanyId]
    """Companies without live records, to be archived."""

    def company_of(self, record: RecordKey, stored: UUID | None) -> CompanyId:
        """Return the company of a record; `stored` is the one that it had before, None for a new record."""
        if (assigned := self.assignments.get(record)) is not None:
            return assigned
        if stored is None:
            raise ValueError(f"company record {record.record_id} is new and was not assigned a company")
        kept = CompanyId(stored)
        return self.merged_into.get(kept, kept)

    def changed(self, before: set[CompanyId]) -> set[CompanyId]:
        """Return the live ones of the companies that the moved records had `before` and have now."""
        return (before - self.merged_into.keys() - self.emptied) | set(self.domains)


def regroup(
    moves: Iterable[RecordMove], companies: Iterable[Company], new_id: Callable[[], CompanyId]
) -> Regrouping:
    """Decide which company each moved record belongs to.

    `companies` must hold every company that a move comes from, and every live one whose domain is a
    move's identity domain. A company keeps its domain while any of its records has it; otherwise it
    follows its records (the smallest key decides when they separate). Where several companies claim one
    domain, the oldest keeps it and the others are merged into it.
    """
    members: dict[GroupKey, list[RecordMove]] = defaultdict(list)
    followers: dict[CompanyId, list[RecordMove]] = defaultdict(list)
    for move in sorted(moves):
        if move.live:
            members[move.group].append(move)
        if move.company_id is not None and (move.live or move.merged_into is not None):
            followers[move.company_id].append(move)

    claims: dict[GroupKey, list[Company]] = defaultdict(list)
    emptied: set[CompanyId] = set()
    for company in companies:
        group = company.claim(followers.get(company.id, []))
        if group is not None:
            claims[group].append(company)
        elif not company.has_other_records:
            emptied.add(company.id)
    return _assign(members, claims, emptied, new_id)


def _assign(
    members: Mapping[GroupKey, list[RecordMove]],
    claims: Mapping[GroupKey, list[Company]],
    emptied: set[CompanyId],
    new_id: Callable[[], CompanyId],
) -> Regrouping:
    assignments: dict[RecordKey, CompanyId] = {}
    domains: dict[CompanyId, str | None] = {}
    merged_into: dict[CompanyId, CompanyId] = {}
    created: set[CompanyId] = set()
    for group, moves in members.items():
        if group in claims:
            oldest, *others = sorted(claims[group], key=lambda company: (company.created_at, company.id))
            company_id = oldest.id
            merged_into.update((other.id, company_id) for other in others)
        else:
            company_id = new_id()
            created.add(company_id)
        domains[company_id] = group if isinstance(group, str) else None
        for move in moves:
            assignments[move.key] = company_id
    return Regrouping(assignments, domains, frozenset(created), merged_into, frozenset(emptied))
