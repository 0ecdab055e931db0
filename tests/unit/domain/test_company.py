"""Companies are a partition of records: whatever happens, equal to a naive group-by; ids live on as promised."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrelo.domain.company import Company, GroupKey, RecordKey, RecordMove, Regrouping, regroup
from astrelo.domain.identifiers import CompanyId, Provider, RecordId
from tests.support.domain_records import at


def key(record_id: str, source: Provider = Provider.HUBSPOT) -> RecordKey:
    return RecordKey(source, RecordId(record_id))


class Change(NamedTuple):
    """What a batch says of a record: its identity domain now, or that it is gone."""

    key: RecordKey
    domain: str | None
    live: bool = True


class StoredRecord(NamedTuple):
    domain: str | None
    live: bool
    company_id: CompanyId

    def group(self, record_key: RecordKey) -> GroupKey:
        return self.domain or record_key


class StoredCompany(NamedTuple):
    created: int
    domain: str | None
    live: bool = True


@dataclass
class Shelf:
    """The naive store: keeps what `regroup` decides and hands it the companies that its contract asks for."""

    records: dict[RecordKey, StoredRecord] = field(default_factory=dict)
    companies: dict[CompanyId, StoredCompany] = field(default_factory=dict)
    aliases: dict[CompanyId, CompanyId] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def apply(self, changes: Sequence[Change]) -> Regrouping:
        moves = [self._move(change) for change in changes if self._is_news(change)]
        result = regroup(moves, self._affected_keys(moves), self._mint)
        self._keep(moves, result)
        return result

    def company_of(self, record_id: str) -> CompanyId:
        return self.records[key(record_id)].company_id

    def current(self, company_id: CompanyId) -> CompanyId:
        while company_id in self.aliases:
            company_id = self.aliases[company_id]
        return company_id

    def partition(self) -> dict[frozenset[RecordKey], str | None]:
        """Every live company, named by its records, and its domain."""
        members: dict[CompanyId, set[RecordKey]] = {}
        for record_key, record in self.records.items():
            if record.live:
                members.setdefault(record.company_id, set()).add(record_key)
        return {frozenset(keys): self.companies[company].domain for company, keys in members.items()}

    def live_companies(self) -> set[CompanyId]:
        return {company_id for company_id, company in self.companies.items() if company.live}

    def _mint(self) -> CompanyId:
        return CompanyId(UUID(int=next(self._numbers)))

    def _is_news(self, change: Change) -> bool:
        stored = self.records.get(change.key)
        if stored is None:
            return change.live
        return (stored.domain, stored.live) != (change.domain, change.live)

    def _move(self, change: Change) -> RecordMove:
        stored = self.records.get(change.key)
        return RecordMove(
            change.key, change.domain, None if stored is None else stored.company_id, live=change.live
        )

    def _affected_keys(self, moves: Iterable[RecordMove]) -> list[Company]:
        moved = {move.key for move in moves}
        origins = {move.company_id for move in moves}
        domains = {move.identity_domain for move in moves if move.identity_domain}
        return [
            Company(company_id, at(company.created), company.domain, self._has_others(company_id, moved))
            for company_id, company in self.companies.items()
            if company_id in origins or (company.live and company.domain in domains)
        ]

    def _has_others(self, company_id: CompanyId, moved: set[RecordKey]) -> bool:
        return any(
            record.live and record.company_id == company_id and record_key not in moved
            for record_key, record in self.records.items()
        )

    def _keep(self, moves: Iterable[RecordMove], result: Regrouping) -> None:
        for company_id in sorted(result.created):
            self.companies[company_id] = StoredCompany(company_id.int, None)
        for move in moves:
            belongs = result.assignments.get(move.key, move.company_id)
            assert belongs is not None
            self.records[move.key] = StoredRecord(move.identity_domain, move.live, belongs)
        for merged_into, survivor in result.merged_into.items():
            del self.companies[merged_into]
            self.aliases[merged_into] = survivor
        for record_key, record in self.records.items():
            self.records[record_key] = record._replace(company_id=self.current(record.company_id))
        for company_id in result.emptied:
            self.companies[company_id] = self.companies[company_id]._replace(domain=None, live=False)
        for company_id, domain in result.domains.items():
            self.companies[company_id] = self.companies[company_id]._replace(domain=domain, live=True)


def group_by_domain(changes_by_key: dict[RecordKey, Change]) -> dict[frozenset[RecordKey], str | None]:
    """Group the live records by identity domain, each without one alone: the whole specification."""
    groups: dict[GroupKey, set[RecordKey]] = {}
    for change in changes_by_key.values():
        if change.live:
            groups.setdefault(change.domain or change.key, set()).add(change.key)
    return {frozenset(keys): group if isinstance(group, str) else None for group, keys in groups.items()}


keys = st.builds(key, st.sampled_from("1234567"), st.sampled_from(Provider))
changes = st.builds(Change, keys, st.sampled_from([None, "a.com", "b.com", "c.com"]), st.booleans())
batches = st.lists(st.lists(changes, min_size=1, max_size=6, unique_by=lambda change: change.key), max_size=8)


class TestAnySequenceOfBatches:
    @given(batches)
    @settings(max_examples=150, deadline=None)
    def test_companies_equal_a_group_by_of_the_records(self, story: list[list[Change]]) -> None:
        shelf, changes_by_key = Shelf(), dict[RecordKey, Change]()
        for batch in story:
            shelf.apply(batch)
            changes_by_key |= {change.key: change for change in batch}
            assert shelf.partition() == group_by_domain(changes_by_key)

    @given(batches)
    @settings(max_examples=150, deadline=None)
    def test_companies_without_live_records_are_archived_and_no_other(
        self, story: list[list[Change]]
    ) -> None:
        shelf = Shelf()
        for batch in story:
            shelf.apply(batch)
            assert shelf.live_companies() == {
                record.company_id for record in shelf.records.values() if record.live
            }

    @given(batches)
    @settings(max_examples=150, deadline=None)
    def test_every_id_ever_made_leads_to_a_company(self, story: list[list[Change]]) -> None:
        shelf, made = Shelf(), set[CompanyId]()
        for batch in story:
            made |= shelf.apply(batch).created
        assert {shelf.current(company_id) for company_id in made} <= shelf.companies.keys()

    @given(batches)
    @settings(max_examples=150, deadline=None)
    def test_a_company_stays_with_its_domain_while_one_of_its_records_does(
        self, story: list[list[Change]]
    ) -> None:
        shelf = Shelf()
        for batch in story:
            before = dict(shelf.records)
            shelf.apply(batch)
            for record_key, record in before.items():
                after = shelf.records[record_key]
                if record.live and after.live and record.domain and record.domain == after.domain:
                    assert after.company_id == shelf.current(record.company_id)

    @given(batches, st.randoms(use_true_random=False))
    @settings(max_examples=100, deadline=None)
    def test_the_order_within_a_batch_decides_nothing(
        self, story: list[list[Change]], random: object
    ) -> None:
        straight, shuffled = Shelf(), Shelf()
        for batch in story:
            straight.apply(batch)
            mixed = list(batch)
            random.shuffle(mixed)  # type: ignore[attr-defined] # hypothesis hides the type of its Random
            shuffled.apply(mixed)
        assert straight.partition() == shuffled.partition()
        assert straight.aliases.keys() == shuffled.aliases.keys()

    @given(batches)
    @settings(max_examples=100, deadline=None)
    def test_the_same_batch_again_changes_nothing(self, story: list[list[Change]]) -> None:
        shelf = Shelf()
        for batch in story:
            shelf.apply(batch)
            records, companies = dict(shelf.records), dict(shelf.companies)
            shelf.apply(batch)
            assert (shelf.records, shelf.companies) == (records, companies)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def report(shelf: Shelf, **domains: str | None) -> Regrouping:
    """Apply a batch: report(shelf, r1="a.com") says that record 1 has this domain."""
    return shelf.apply([Change(key(name[1:]), domain) for name, domain in domains.items()])


def drop(shelf: Shelf, *record_ids: str) -> Regrouping:
    return shelf.apply([Change(key(one), shelf.records[key(one)].domain, live=False) for one in record_ids])


class TestIds:
    def test_two_new_records_of_one_domain_in_one_batch_are_one_company(self, shelf: Shelf) -> None:
        assert len(report(shelf, r1="a.com", r2="a.com").created) == 1
        assert shelf.company_of("1") == shelf.company_of("2")

    def test_records_of_two_crms_with_one_domain_are_one_company(self, shelf: Shelf) -> None:
        shelf.apply(
            [Change(key("1", Provider.HUBSPOT), "a.com"), Change(key("1", Provider.SALESFORCE), "a.com")]
        )
        assert len(shelf.live_companies()) == 1

    def test_records_without_a_domain_are_companies_of_their_own(self, shelf: Shelf) -> None:
        report(shelf, r1=None, r2=None)
        assert shelf.company_of("1") != shelf.company_of("2")

    def test_a_record_without_a_domain_reported_again_makes_no_second_company(self, shelf: Shelf) -> None:
        report(shelf, r1=None)
        assert report(shelf, r1=None).created == frozenset()
        assert len(shelf.companies) == 1

    def test_a_later_record_of_the_domain_joins(self, shelf: Shelf) -> None:
        report(shelf, r1="a.com")
        assert report(shelf, r2="a.com").created == frozenset()
        assert shelf.company_of("2") == shelf.company_of("1")

    def test_a_lone_record_whose_domain_changes_takes_its_company_along(self, shelf: Shelf) -> None:
        report(shelf, r1="a.com")
        first = shelf.company_of("1")
        result = report(shelf, r1="b.com")
        assert (result.created, result.domains) == (frozenset(), {first: "b.com"})

    def test_a_record_that_leaves_others_makes_another_company(self, shelf: Shelf) -> None:
        report(shelf, r1="a.com", r2="a.com")
        first = shelf.company_of("1")
        assert report(shelf, r2="b.com").created == {shelf.company_of("2")}
        assert shelf.company_of("1") == first

    def test_domains_swapped_in_one_batch_take_their_companies_along(self, shelf: Shelf) -> None:
        report(shelf, r1="a.com", r2="b.com")
        first, second = shelf.company_of("1"), shelf.company_of("2")
        result = report(shelf, r1="b.com", r2="a.com")
        assert (shelf.company_of("1"), shelf.company_of("2")) == (first, second)
        assert result.domains == {first: "b.com", second: "a.com"}
        assert (result.created, dict(result.merged_into), result.emptied) == (frozenset(), {}, frozenset())

    def test_a_chain_of_domains_in_one_batch_moves_every_company_by_one(self, shelf: Shelf) -> None:
        report(shelf, r1="a.com", r2="b.com", r3="c.com")
        before = [shelf.company_of(one) for one in "123"]
        report(shelf, r1="b.com", r2="c.com", r3="d.com")
        assert [shelf.company_of(one) for one in "123"] == before

    def test_when_companies_fall_together_the_one_made_first_survives(self, shelf: Shelf) -> None:
        report(shelf, r1="a.com")
        report(shelf, r2="b.com")
        older, younger = shelf.company_of("1"), shelf.company_of("2")
        assert report(shelf, r1="b.com").merged_into == {younger: older}
        assert shelf.company_of("2") == older
        assert shelf.companies[older].domain == "b.com"

    def test_a_company_that_parts_goes_with_its_smallest_record(self, shelf: Shelf) -> None:
        report(shelf, r1="a.com", r2="a.com")
        first = shelf.company_of("1")
        report(shelf, r1="b.com", r2="c.com")
        assert shelf.company_of("1") == first
        assert shelf.company_of("2") != first

    def test_a_company_whose_last_record_is_archived_is_emptied(self, shelf: Shelf) -> None:
        report(shelf, r1="a.com", r2="a.com")
        first = shelf.company_of("1")
        assert drop(shelf, "1").emptied == frozenset()
        assert drop(shelf, "2").emptied == {first}

    def test_a_record_that_comes_back_revives_its_company(self, shelf: Shelf) -> None:
        report(shelf, r1="a.com")
        first = shelf.company_of("1")
        drop(shelf, "1")
        assert report(shelf, r1="a.com").created == frozenset()
        assert shelf.live_companies() == {first}

    def test_a_record_that_comes_back_to_a_domain_taken_meanwhile_joins_the_older_id(
        self, shelf: Shelf
    ) -> None:
        report(shelf, r1="a.com")
        first = shelf.company_of("1")
        drop(shelf, "1")
        report(shelf, r2="a.com")
        younger = shelf.company_of("2")
        assert report(shelf, r1="a.com").merged_into == {younger: first}

    def test_a_record_that_comes_back_leaves_its_company_to_the_one_that_took_it_along(
        self, shelf: Shelf
    ) -> None:
        report(shelf, r1="a.com", r2="a.com")
        first = shelf.company_of("1")
        drop(shelf, "2")
        report(shelf, r1=None)
        result = report(shelf, r2="a.com")
        assert not result.emptied
        assert result.created == {shelf.company_of("2")}
        assert (shelf.company_of("1"), shelf.companies[first].live) == (first, True)

    def test_a_record_that_loses_its_domain_keeps_its_company(self, shelf: Shelf) -> None:
        report(shelf, r1="a.com")
        first = shelf.company_of("1")
        report(shelf, r1=None)
        assert shelf.company_of("1") == first
        assert shelf.companies[first].domain is None
