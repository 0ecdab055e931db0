"""Which record each column of a company comes from."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrelo.domain.company import RecordKey
from astrelo.domain.golden_record import COLUMNS, FieldGroup, Member, Pins, golden_record
from astrelo.domain.identifiers import Provider, RecordId
from astrelo.domain.records import CompanyRecord
from tests.unit.domain.records import at, company_record

PINNED_AT = datetime(2026, 11, 30, tzinfo=UTC)


def key(record_id: str, source: Provider = Provider.HUBSPOT) -> RecordKey:
    return RecordKey(source, RecordId(record_id))


def nobody_has_a_rep(key: RecordKey, record: CompanyRecord) -> bool:
    return False


def owner_7_is_known(key: RecordKey, record: CompanyRecord) -> bool:
    return record.owner_id == "7"


def sources(*members: Member, pins: Pins | None = None) -> dict[FieldGroup, str]:
    golden = golden_record(members, pins or {}, owner_7_is_known)
    return {group: str(source.record_id) for group, source in golden.sources.items()}


FULL = company_record(
    "1",
    at(0),
    name="Acme Inc.",
    industry="Software",
    employee_count=900,
    annual_revenue=Decimal(300_000_000),
    hq_country="US",
    owner_id="7",
)


def test_a_nearly_empty_duplicate_takes_only_what_it_has() -> None:
    fresher = company_record("2", at(5), name="acme", hq_city="Graz", owner_id="404")
    assert sources((key("1"), FULL), (key("2"), fresher)) == {
        FieldGroup.NAME: "2",
        FieldGroup.INDUSTRY: "1",
        FieldGroup.EMPLOYEE_COUNT: "1",
        FieldGroup.REVENUE: "1",
        FieldGroup.PLACE: "2",
        FieldGroup.DESCRIPTION: "2",
        FieldGroup.PHONE: "2",
        FieldGroup.LINKEDIN_URL: "2",
        FieldGroup.LIFECYCLE_STAGE: "2",
        FieldGroup.REP: "1",
    }


def test_a_group_is_there_when_its_main_column_is() -> None:
    beside_the_point = company_record("2", at(5), annual_revenue_currency="EUR", naics="5112")
    found = sources((key("1"), FULL), (key("2"), beside_the_point))
    assert (found[FieldGroup.REVENUE], found[FieldGroup.INDUSTRY]) == ("1", "1")


def test_among_equally_fresh_ones_the_smallest_source_and_id_counts() -> None:
    members = [
        (key("1", Provider.SALESFORCE), company_record("1", name="S")),
        (key("2"), company_record("2", name="H2")),
        (key("10"), company_record("10", name="H10")),
    ]
    assert sources(*members)[FieldGroup.NAME] == "10"
    assert golden_record(reversed(members), {}, nobody_has_a_rep).leading == key("10")


def test_a_pin_outlives_fresher_records() -> None:
    fresher = company_record("2", at(5), name="acme")
    pins = {(key("1"), FieldGroup.NAME): PINNED_AT}
    assert sources((key("1"), FULL), (key("2"), fresher), pins=pins)[FieldGroup.NAME] == "1"


def test_of_two_pins_that_meet_the_latest_stands() -> None:
    other, third = company_record("2", at(5), name="acme"), company_record("3", at(6), name="ACME")
    pins = {(key("1"), FieldGroup.NAME): PINNED_AT, (key("2"), FieldGroup.NAME): PINNED_AT.replace(hour=1)}
    members = [(key("1"), FULL), (key("2"), other), (key("3"), third)]
    assert sources(*members, pins=pins)[FieldGroup.NAME] == "2"


@pytest.mark.parametrize("pinned", ["2", "404"])
def test_a_pin_on_an_empty_group_or_on_a_record_of_another_company_holds_nothing(pinned: str) -> None:
    fresher = company_record("2", at(5))
    pins = {(key(pinned), FieldGroup.NAME): PINNED_AT}
    assert sources((key("1"), FULL), (key("2"), fresher), pins=pins)[FieldGroup.NAME] == "1"


def test_no_records_have_no_golden_one() -> None:
    with pytest.raises(IndexError):
        golden_record([], {}, nobody_has_a_rep)


def test_every_group_has_its_columns_and_no_column_is_in_two() -> None:
    columns = [column for group in FieldGroup for column in COLUMNS[group]]
    assert len(columns) == len(set(columns))


members = st.lists(
    st.builds(
        lambda record_id, minutes, name, city: (
            key(record_id),
            company_record(record_id, at(minutes), name=name, hq_city=city),
        ),
        st.sampled_from("abcdef"),
        st.integers(0, 3),
        st.sampled_from([None, "Acme", "Beta"]),
        st.sampled_from([None, "Graz"]),
    ),
    min_size=1,
    unique_by=lambda member: member[0],
)


@given(members, st.randoms())
def test_the_order_of_records_does_not_matter(told: list[Member], random: st.DataObject) -> None:
    shuffled = list(told)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert golden_record(told, {}, nobody_has_a_rep) == golden_record(shuffled, {}, nobody_has_a_rep)


@given(members)
def test_an_empty_value_never_replaces_one(told: list[Member]) -> None:
    by_key = dict(told)
    golden = golden_record(told, {}, nobody_has_a_rep)
    if any(record.name is not None for record in by_key.values()):
        assert by_key[golden.sources[FieldGroup.NAME]].name is not None
