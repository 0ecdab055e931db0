"""Which record each column of a company comes from."""

from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrelo.domain.company import RecordKey
from astrelo.domain.golden_record import COLUMNS, FieldGroup, Member, Pins, golden_record, groups_in
from astrelo.domain.identifiers import Provider, RecordId
from tests.support.domain_records import at

PINNED_AT = datetime(2026, 11, 30, tzinfo=UTC)
EMPTY: dict[str, object] = dict.fromkeys(column for columns in COLUMNS.values() for column in columns)


def key(record_id: str, source: Provider = Provider.HUBSPOT) -> RecordKey:
    return RecordKey(source, RecordId(record_id))


def member(
    record_id: str, minutes: int = 0, source: Provider = Provider.HUBSPOT, **columns: object
) -> Member:
    return Member(key(record_id, source), at(minutes), groups_in(EMPTY | columns))


def sources(*members: Member, pins: Pins | None = None) -> dict[FieldGroup, str]:
    golden = golden_record(members, pins or {})
    return {group: str(source.record_id) for group, source in golden.sources.items()}


FULL = member(
    "1",
    company_name="Acme Inc.",
    industry="Software",
    employee_count=900,
    annual_revenue=300_000_000,
    hq_country="US",
    crm_rep_id=7,
)


def test_a_nearly_empty_duplicate_takes_only_what_it_has() -> None:
    assert sources(FULL, member("2", 5, company_name="acme", hq_city="Graz")) == {
        FieldGroup.NAME: "2",
        FieldGroup.INDUSTRY: "1",
        FieldGroup.EMPLOYEE_COUNT: "1",
        FieldGroup.REVENUE: "1",
        FieldGroup.PLACE: "2",
        FieldGroup.REP: "1",
    }


def test_a_group_is_there_when_its_main_column_is() -> None:
    beside_the_point = member("2", 5, annual_revenue_currency="EUR", naics="5112")
    assert beside_the_point.groups == frozenset()
    assert sources(FULL, beside_the_point)[FieldGroup.REVENUE] == "1"


@pytest.mark.parametrize("part", ["hq_country", "hq_region", "hq_city"])
def test_any_part_of_a_place_is_a_place(part: str) -> None:
    assert groups_in(EMPTY | {part: "somewhere"}) == {FieldGroup.PLACE}


def test_among_equally_fresh_ones_the_smallest_source_and_id_counts() -> None:
    members = [
        member("1", source=Provider.SALESFORCE, company_name="S"),
        member("2", company_name="H2"),
        member("10", company_name="H10"),
    ]
    assert sources(*members) == {FieldGroup.NAME: "10"}
    assert golden_record(reversed(members), {}).leading == key("10")


def test_a_pin_outlives_fresher_records() -> None:
    pins = {(key("1"), FieldGroup.NAME): PINNED_AT}
    assert sources(FULL, member("2", 5, company_name="acme"), pins=pins)[FieldGroup.NAME] == "1"


def test_of_two_pins_that_meet_the_latest_stands() -> None:
    others = (member("2", 5, company_name="acme"), member("3", 6, company_name="ACME"))
    pins = {(key("1"), FieldGroup.NAME): PINNED_AT, (key("2"), FieldGroup.NAME): PINNED_AT.replace(hour=1)}
    assert sources(FULL, *others, pins=pins)[FieldGroup.NAME] == "2"


@pytest.mark.parametrize("pinned", ["2", "404"])
def test_a_pin_on_an_empty_group_or_on_a_record_of_another_company_holds_nothing(pinned: str) -> None:
    pins = {(key(pinned), FieldGroup.NAME): PINNED_AT}
    assert sources(FULL, member("2", 5), pins=pins)[FieldGroup.NAME] == "1"


def test_no_records_have_no_golden_one() -> None:
    with pytest.raises(IndexError):
        golden_record([], {})


def test_every_group_has_columns_and_no_column_is_in_two() -> None:
    columns = [column for group in FieldGroup for column in COLUMNS[group]]
    assert len(columns) == len(EMPTY)


members = st.lists(
    st.builds(
        lambda record_id, minutes, name, city: member(record_id, minutes, company_name=name, hq_city=city),
        st.sampled_from("abcdef"),
        st.integers(0, 3),
        st.sampled_from([None, "Acme", "Beta"]),
        st.sampled_from([None, "Graz"]),
    ),
    min_size=1,
    unique_by=lambda one: one.key,
)


@given(members, st.randoms())
def test_the_order_of_records_does_not_matter(reported: list[Member], random: Random) -> None:
    shuffled = list(reported)
    random.shuffle(shuffled)
    assert golden_record(reported, {}) == golden_record(shuffled, {})


@given(members)
def test_a_group_comes_from_a_record_that_has_it_whenever_one_does(reported: list[Member]) -> None:
    groups = {one.key: one.groups for one in reported}
    found = golden_record(reported, {}).sources
    assert found.keys() == frozenset().union(*groups.values())
    assert all(group in groups[source] for group, source in found.items())
