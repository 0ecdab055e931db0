"""Amounts in US dollars, at the rates that ship."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrelo.adapters.outbound.reference import BundledReferenceData
from astrelo.domain.normalization import AMOUNT_BOUND, amount, revenue_range
from astrelo.domain.normalization.money import NO_USD, usd_amount

REFERENCE = BundledReferenceData()
FRIDAY = date(2015, 6, 19)
"""1.1299 dollars, 139.19 yen, 0.7134 pounds for a euro."""
MOMENT = datetime(2015, 6, 19, 12, tzinfo=UTC)

currencies = st.sampled_from(("USD", "EUR", "JPY", "GBP", "CHF", "AED", "XOF", "NAD", "XXX", "TRL"))
moments = st.datetimes(timezones=st.sampled_from((UTC, timezone(timedelta(hours=14)))) | st.none())
amounts = st.decimals(-AMOUNT_BOUND + 1, AMOUNT_BOUND - 1, places=6)


@pytest.mark.parametrize(
    ("raw", "code", "usd", "label"),
    [
        ("500000000", "JPY", "4058840.433939", "1M-10M"),
        ("500000000", "USD", "500000000", "250M-1B"),
        ("1000000", "EUR", "1129900", "1M-10M"),
        ("885000", "EUR", "999961.5", "<1M"),
        ("7134", "GBP", "11299", "<1M"),
        ("-7134", "GBP", "-11299", None),
        ("0", "JPY", "0", "<1M"),
        ("3672500", "AED", "1000000", "1M-10M"),
        ("655.957", "XOF", "1.1299", "<1M"),
        ("0.0001", "JPY", "0.000001", "<1M"),
    ],
)
def test_an_amount_is_converted_at_the_days_rate(raw: str, code: str, usd: str, label: str | None) -> None:
    converted, rate_date = usd_amount(Decimal(raw), code, MOMENT, REFERENCE)
    assert str(converted) == usd
    assert rate_date == (None if code == "USD" else FRIDAY)
    assert revenue_range(converted) == label


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2015, 6, 21, 23, tzinfo=UTC), FRIDAY),
        (datetime(2015, 6, 20, 1, tzinfo=timezone(timedelta(hours=2))), FRIDAY),
        (datetime(2015, 6, 18, 23, tzinfo=timezone(-timedelta(hours=5))), FRIDAY),
        (datetime(2015, 6, 19), FRIDAY),  # noqa: DTZ001 - a moment without offset is one in UTC
        (datetime(2015, 6, 18, 23, 59, tzinfo=UTC), date(2015, 6, 18)),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))), None),
        (datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=2))), None),
    ],
)
def test_the_day_is_that_in_utc_or_the_last_before_it(moment: datetime, day: date | None) -> None:
    _, rate_date = usd_amount(Decimal(1), "JPY", moment, REFERENCE)
    assert rate_date == day


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (None, "EUR"),
        (Decimal(1), None),
        (Decimal(1), "XXX"),
        (Decimal(1), "VND"),
        (Decimal(1), "eur"),
        (Decimal(1), "day"),
        (Decimal(1), ""),
        (AMOUNT_BOUND - 1, "EUR"),
    ],
)
def test_where_nothing_can_be_converted_there_is_no_amount(raw: Decimal | None, code: str | None) -> None:
    assert usd_amount(raw, code, MOMENT, REFERENCE) == NO_USD


@given(amounts, moments)
def test_dollars_are_themselves_at_any_time(raw: Decimal, moment: datetime) -> None:
    assert usd_amount(raw, "USD", moment, REFERENCE) == (raw, None)


@given(amounts, amounts, currencies)
def test_more_is_never_worth_less(one: Decimal, other: Decimal, code: str) -> None:
    (less, _), (more, _) = (
        usd_amount(raw, code, MOMENT, REFERENCE) for raw in (min(one, other), max(one, other))
    )
    assert less is None or more is None or less <= more


@given(amounts, currencies | st.text(max_size=4), moments)
def test_whatever_is_converted_is_an_amount_as_amounts_are_written(
    raw: Decimal, code: str, moment: datetime
) -> None:
    read = amount(f"{raw:f}")
    converted, rate_date = usd_amount(read, code, moment, REFERENCE)
    if converted is None:
        assert (converted, rate_date) == NO_USD
    else:
        again = amount(f"{converted:f}")
        assert (again, str(again)) == (converted, str(converted))
