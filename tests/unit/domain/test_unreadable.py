"""Which values of a batch could not be kept as they are, and what is the matter with each."""

from decimal import Decimal

import pytest

from astrelo.domain.identifiers import RecordId
from astrelo.domain.normalization import text
from astrelo.domain.records import CrmRecord
from astrelo.domain.unreadable import Trouble, Unreadable, find_unreadable_values
from tests.support.domain_records import company_record, contact_record, deal_record

LONG = text("x" * 100_000)


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (
            company_record(unreadable=("domain", "hq_country")),
            {("domain", "unreadable"), ("hq_country", "unreadable")},
        ),
        (company_record(owner_id="404"), {("crm_rep_id", "unknown_owner")}),
        (company_record(owner_id="7"), set()),
        (company_record(name=LONG), {("company_name", "cut")}),
        (contact_record(job_title=LONG, phone=LONG), {("job_title", "cut"), ("phone", "cut")}),
        (
            company_record(annual_revenue=Decimal(5), annual_revenue_currency="VND"),
            {("annual_revenue_usd", "no_exchange_rate")},
        ),
        (company_record(annual_revenue=Decimal(5)), {("annual_revenue_usd", "unknown_currency")}),
        (company_record(annual_revenue=Decimal(5), annual_revenue_usd=Decimal(5)), set()),
        (deal_record(amount=None, currency="VND"), set()),
        (deal_record(currency="VND"), {("amount_usd", "no_exchange_rate")}),
        (deal_record(stage_label=LONG, amount=None), {("stage_label", "cut")}),
    ],
)
def test_each_trouble_is_named_with_its_column(record: CrmRecord, found: set[tuple[str, str]]) -> None:
    assert find_unreadable_values([record], frozenset({RecordId("7")})) == {
        Unreadable(field, Trouble(trouble)): [record.record_id] for field, trouble in found
    }


def test_owners_that_are_not_known_are_no_trouble_of_the_records() -> None:
    assert find_unreadable_values([company_record(owner_id="404")], None) == {}


def test_records_are_named_in_their_order() -> None:
    records = [
        company_record(number, unreadable=("domain",) if number != "2" else ()) for number in ("3", "2", "1")
    ]
    assert find_unreadable_values(records, None)[Unreadable("domain", Trouble.UNREADABLE)] == ["3", "1"]


def test_no_records_have_no_trouble() -> None:
    assert find_unreadable_values([], None) == {}
