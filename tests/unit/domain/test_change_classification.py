"""Which reported records are news, and which copy of a repeated one counts."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrelo.domain.change_classification import (
    ClassifiedChanges,
    KnownRecord,
    classify_changes,
    count_outcomes,
    keep_latest,
)
from astrelo.domain.identifiers import ObjectType, RecordId
from astrelo.domain.reading_version import ReadingVersions
from astrelo.domain.records import CompanyRecord, EmailKind, content_hash
from tests.support.builders import VERSIONS
from tests.support.domain_records import at, company_record, contact_record, deal_record

ENTITY = UUID(int=7)
VERSION = VERSIONS.get(ObjectType.COMPANIES)

records = st.builds(
    lambda record_id, minutes, name: company_record(record_id, at(minutes), name=name),
    st.sampled_from("abc"),
    st.integers(0, 3),
    st.sampled_from(["Acme", "Acme Inc."]),
)


def known_records(record: CompanyRecord, *, archived: bool = False) -> dict[RecordId, KnownRecord]:
    stored = KnownRecord(
        ENTITY, content_hash(record, VERSION), record.source_updated_at, at(9) if archived else None
    )
    return {record.record_id: stored}


def counts(batch: ClassifiedChanges[CompanyRecord]) -> tuple[int, int, int, int]:
    """Inserted, updated, unchanged and stale, when the store writes all that it is given."""
    total = count_outcomes(batch, {write.record.record_id: write.known is None for write in batch.writes})
    return total.inserted, total.updated, total.unchanged, total.stale


class TestRepeats:
    def test_the_latest_copy_counts(self) -> None:
        old, new = company_record("1", at(0), name="Old"), company_record("1", at(1), name="New")
        assert list(keep_latest([new, old]).values()) == [new]

    def test_among_equally_late_copies_the_last_reported_counts(self) -> None:
        first, second = company_record("1", name="First"), company_record("1", name="Second")
        assert list(keep_latest([first, second]).values()) == [second]

    @given(st.lists(records), st.data())
    @settings(max_examples=100, deadline=None)
    def test_which_copy_counts_does_not_depend_on_how_a_stream_was_cut(
        self, reported: Sequence[CompanyRecord], data: st.DataObject
    ) -> None:
        cut = data.draw(st.integers(0, len(reported)))
        first, rest = keep_latest(reported[:cut]), keep_latest(reported[cut:])
        assert keep_latest([*first.values(), *rest.values()]) == keep_latest(reported)


class TestClassifyChanges:
    def test_an_unknown_record_is_inserted(self) -> None:
        batch = classify_changes([company_record()], {}, VERSION)
        assert counts(batch) == (1, 0, 0, 0)
        assert [write.known for write in batch.writes] == [None]

    def test_other_content_is_an_update(self) -> None:
        stored = known_records(company_record("1", at(0), name="Acme"))
        batch = classify_changes([company_record("1", at(1), name="Acme Inc.")], stored, VERSION)
        assert counts(batch) == (0, 1, 0, 0)
        assert batch.writes[0].known == stored[RecordId("1")]

    def test_other_content_of_the_same_moment_is_an_update(self) -> None:
        batch = classify_changes(
            [company_record("1", name="Acme Inc.")], known_records(company_record("1", name="Acme")), VERSION
        )
        assert counts(batch) == (0, 1, 0, 0)

    def test_the_same_record_again_is_not_written(self) -> None:
        batch = classify_changes(
            [company_record("1", name="Acme")], known_records(company_record("1", name="Acme")), VERSION
        )
        assert counts(batch) == (0, 0, 1, 0)
        assert batch.writes == []

    def test_a_bump_of_the_time_alone_is_written_and_counted_as_unchanged(self) -> None:
        batch = classify_changes(
            [company_record("1", at(1), name="Acme")],
            known_records(company_record("1", at(0), name="Acme")),
            VERSION,
        )
        assert counts(batch) == (0, 0, 1, 0)
        assert len(batch.writes) == 1

    @pytest.mark.parametrize(("minutes", "expected"), [(0, (0, 0, 1, 0)), (1, (0, 1, 0, 0))])
    def test_what_other_rules_read_is_written_and_an_update_only_if_the_customer_touched_it(
        self, minutes: int, expected: tuple[int, int, int, int]
    ) -> None:
        stored = known_records(company_record("1", at(0), name="n.a."))
        other = ReadingVersions("a newer list").get(ObjectType.COMPANIES)
        batch = classify_changes([company_record("1", at(minutes), name=None)], stored, other)
        assert (len(batch.writes), counts(batch)) == (1, expected)

    def test_an_older_copy_is_stale_and_not_written(self) -> None:
        batch = classify_changes(
            [company_record("1", at(0), name="Old")],
            known_records(company_record("1", at(1), name="New")),
            VERSION,
        )
        assert counts(batch) == (0, 0, 0, 1)
        assert batch.writes == []

    def test_an_archived_record_reported_again_is_an_update_though_its_content_is_the_same(self) -> None:
        batch = classify_changes(
            [company_record("1")], known_records(company_record("1"), archived=True), VERSION
        )
        assert counts(batch) == (0, 1, 0, 0)

    def test_what_the_store_left_out_had_a_newer_copy_by_then_and_is_stale(self) -> None:
        batch = classify_changes([company_record("1"), company_record("2")], {}, VERSION)
        total = count_outcomes(batch, {RecordId("2"): True})
        assert (total.inserted, total.stale) == (1, 1)

    def test_what_another_inserted_meanwhile_is_an_update(self) -> None:
        total = count_outcomes(classify_changes([company_record("1")], {}, VERSION), {RecordId("1"): False})
        assert (total.inserted, total.updated) == (0, 1)

    @given(st.lists(records), st.lists(records))
    @settings(max_examples=100, deadline=None)
    def test_every_record_is_counted_once(
        self, reported: Sequence[CompanyRecord], before: Sequence[CompanyRecord]
    ) -> None:
        stored = {
            key: value
            for record in keep_latest(before).values()
            for key, value in known_records(record).items()
        }
        distinct = keep_latest(reported)
        assert sum(counts(classify_changes(distinct.values(), stored, VERSION))) == len(distinct)


class TestContentHash:
    @pytest.mark.parametrize("record", [company_record(), contact_record(), deal_record()])
    def test_it_is_the_reading_version_and_16_bytes(self, record: CompanyRecord) -> None:
        hashed = content_hash(record, VERSION)
        assert (hashed[:4], len(hashed)) == (VERSION, 20)

    def test_it_does_not_see_the_modification_time(self) -> None:
        assert content_hash(company_record("1", at(0)), VERSION) == content_hash(
            company_record("1", at(1)), VERSION
        )

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (company_record(name="Acme"), company_record(name=None)),
            (company_record(name="Acme"), company_record(description="Acme")),
            (
                contact_record(first_name="Ada", last_name=None),
                contact_record(first_name=None, last_name="Ada"),
            ),
            (
                contact_record(first_name="Ada", last_name="Z"),
                contact_record(first_name="AdaZ", last_name=None),
            ),
            (company_record(unreadable=("domain",)), company_record()),
            (contact_record(email_kind=EmailKind.INVALID), contact_record()),
            (deal_record(amount=Decimal(1)), deal_record(amount=None)),
            (deal_record(contact_ids=("1",)), deal_record(contact_ids=("2",))),
        ],
    )
    def test_it_sees_everything_reported(self, one: CompanyRecord, other: CompanyRecord) -> None:
        assert content_hash(one, VERSION) != content_hash(other, VERSION)

    def test_a_lone_surrogate_does_not_stop_it(self) -> None:
        assert content_hash(company_record(name="\ud800"), VERSION) != content_hash(
            company_record(name="\ud801"), VERSION
        )
