"""What a company is, and which one a company record belongs to.

A company is a partition of a user's live company records: records with the same identity domain
are one company, a record without one is its own, and nothing else is merged. The rules here only
decide *ids*; which record each column comes from is `golden_record`'s to say.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from astrelo.domain.identifiers import CompanyId, Provider, RecordId


class RecordKey(NamedTuple):
    """A company record, unique within a user."""

    source: Provider
    record_id: RecordId


GroupKey = str | RecordKey
"""What holds a company together: an identity domain, or the single record that has none."""


class RecordMove(NamedTuple):
    """A record that is new, archived, revived, or whose identity domain changed."""

    key: RecordKey
    identity_domain: str | None
    company_id: CompanyId | None
    """The company it belongs, or last belonged, to; None for a new record."""
    live: bool = True
    merged_into: RecordKey | None = None
    """The record that took this one in. `identity_domain` is then that record's, and it is a move too."""

    @property
    def group(self) -> GroupKey:
        return self.identity_domain or self.merged_into or self.key


class Company(NamedTuple):
    """The part of a company that decides who keeps its id."""

    id: CompanyId
    created_at: datetime
    domain: str | None
    has_other_records: bool
    """Whether live records belong to it that are not among the moves."""


@dataclass(frozen=True, slots=True)
class Regrouping:
    """The new partition, as far as the moves touch it."""

    assignments: Mapping[RecordKey, CompanyId]
    """Every live move → its company."""
    domains: Mapping[CompanyId, str | None]
    """Every company that the moves' records now belong to → its domain."""
    created: frozenset[CompanyId]
    merged_into: Mapping[CompanyId, CompanyId]
    """Companies that fell together with an older one → the one that lives."""
    emptied: frozenset[CompanyId]
    """Companies without live records, to be archived."""


def regroup(
    moves: Iterable[RecordMove], companies: Iterable[Company], mint: Callable[[], CompanyId]
) -> Regrouping:
    """Decide which company each moved record belongs to.

    `companies` must hold every company that a move comes from, and every live one whose domain is a
    move's identity domain. A company stays with its domain while any of its records does; otherwise
    it goes along with its records (the smallest key decides when they part). Where several claim one
    domain, the one made first keeps it and absorbs the others.
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
        group = _claimed_group(company, followers.get(company.id, []))
        if group is not None:
            claims[group].append(company)
        elif not company.has_other_records:
            emptied.add(company.id)
    return _settle(members, claims, emptied, mint)


def _claimed_group(company: Company, followers: list[RecordMove]) -> GroupKey | None:
    """None for a company that is left, and for one whose only record has no domain and is not among the moves.

    The latter happens when a record that once shared a company comes back after the other had taken it along.
    """
    if company.has_other_records:
        return company.domain
    groups = [move.group for move in followers]
    if company.domain in groups:
        return company.domain
    return groups[0] if groups else None


def _settle(
    members: Mapping[GroupKey, list[RecordMove]],
    claims: Mapping[GroupKey, list[Company]],
    emptied: set[CompanyId],
    mint: Callable[[], CompanyId],
) -> Regrouping:
    assignments: dict[RecordKey, CompanyId] = {}
    domains: dict[CompanyId, str | None] = {}
    merged_into: dict[CompanyId, CompanyId] = {}
    created: set[CompanyId] = set()
    for group, moves in members.items():
        if group in claims:
            oldest, *others = sorted(claims[group], key=_seniority)
            company_id = oldest.id
            merged_into.update((other.id, company_id) for other in others)
        else:
            company_id = mint()
            created.add(company_id)
        domains[company_id] = group if isinstance(group, str) else None
        for move in moves:
            assignments[move.key] = company_id
    return Regrouping(assignments, domains, frozenset(created), merged_into, frozenset(emptied))


def _seniority(company: Company) -> tuple[datetime, CompanyId]:
    return company.created_at, company.id
