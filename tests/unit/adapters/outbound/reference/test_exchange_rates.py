"""The exchange rates that ship: what the table holds, and what is found in it."""

import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pycountry
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrelo.adapters.outbound.reference.data_files import DATA
from astrelo.adapters.outbound.reference.exchange_rates import FIXED_RATES, TABLE, ExchangeRates
from astrelo.domain.ports.reference import MAX_RATE_AGE, MAX_RATES_AGE, UsdRate

RATES = ExchangeRates()


def lines(file_name: str) -> list[str]:
    raw = DATA.joinpath(file_name).read_text("ascii").splitlines()
    return [line for line in raw if not line.startswith("#")]


HEAD, *ROWS = (line.split(",") for line in lines(TABLE))
FIXED = [line.split("\t") for line in lines(FIXED_RATES)]
DAYS = [date.fromisoformat(row[0]) for row in ROWS]
ENDED = {
    "CYP": date(2007, 12, 31), "MTL": date(2007, 12, 31), "SIT": date(2006, 12, 29), "SKK": date(2008, 12, 31),
    "EEK": date(2010, 12, 31), "LVL": date(2013, 12, 31), "LTL": date(2014, 12, 31), "HRK": date(2022, 12, 30),
    "BGN": date(2025, 12, 31), "ROL": date(2005, 6, 30), "TRL": date(2004, 12, 31), "RUB": date(2022, 3, 1),
}  # fmt: skip
LATE = {"ILS": date(2011, 1, 3), "ISK": date(2018, 2, 1)}
"""Currencies that the European Central Bank took up, or took up again, after 2010 began."""


def days_of(currency: str) -> list[date]:
    column = HEAD.index(currency)
    return [day for day, row in zip(DAYS, ROWS, strict=True) if row[column]]


class TestTable:
    @pytest.mark.parametrize("currency", HEAD[1:])
    def test_a_living_currency_has_no_gap_from_2010_on(self, currency: str) -> None:
        days = days_of(currency)
        assert days[0] == ENDED.get(currency, DAYS[0])
        since = LATE.get(currency, date(2010, 1, 15))
        known = [day for day in days if day >= since]
        assert not known or known[-1] - since <= timedelta(days=7)
        assert all(later - day < MAX_RATE_AGE for later, day in pairwise(known))

    def test_days_are_newest_first_and_each_once(self) -> None:
        assert sorted(set(DAYS), reverse=True) == DAYS
        assert RATES.until == DAYS[0]

    def test_every_day_has_a_rate_of_the_dollar(self) -> None:
        assert len(days_of("USD")) == len(DAYS)

    @pytest.mark.parametrize("row", FIXED, ids=lambda row: row[0])
    def test_a_fixed_rate_is_one_of_a_currency_that_the_table_lacks(self, row: list[str]) -> None:
        code, units, anchor, anchor_units, since = row
        assert code == "ANG" or pycountry.currencies.get(alpha_3=code) is not None
        assert code not in HEAD
        assert anchor == "EUR" or anchor in HEAD
        assert Decimal(units) > 0
        assert Decimal(anchor_units) > 0
        assert date.fromisoformat(since) <= DAYS[0]


class TestLookingUp:
    @pytest.mark.parametrize(
        ("currency", "on", "rate", "day"),
        [
            ("EUR", date(2015, 6, 19), Decimal("1.1299"), date(2015, 6, 19)),
            ("EUR", date(2015, 6, 21), Decimal("1.1299"), date(2015, 6, 19)),
            ("JPY", date(2015, 6, 19), Decimal("1.1299") / Decimal("139.19"), date(2015, 6, 19)),
            ("RUB", date(2022, 3, 31), Decimal("1.1162") / Decimal("117.201"), date(2022, 3, 1)),
            ("AED", date(2015, 6, 20), 1 / Decimal("3.6725"), date(2015, 6, 19)),
            ("KYD", date(2015, 6, 19), Decimal("1.2"), date(2015, 6, 19)),
            ("XAF", date(2015, 6, 19), Decimal("1.1299") / Decimal("655.957"), date(2015, 6, 19)),
            ("USD", date(1970, 1, 1), Decimal(1), date(1970, 1, 1)),
            ("USD", date.max, Decimal(1), date.max),
        ],
    )
    def test_the_rate_is_that_of_the_day_or_the_last_before_it(
        self, currency: str, on: date, rate: Decimal, day: date
    ) -> None:
        assert RATES.usd_rate(currency, on) == UsdRate(rate, day)

    @pytest.mark.parametrize(
        ("currency", "on"),
        [
            ("RUB", date(2022, 4, 1)),
            ("HRK", date(2023, 2, 1)),
            ("EUR", date(1999, 1, 3)),
            ("SAR", date(1999, 1, 3)),
            ("QAR", date(2001, 7, 8)),
            ("XCG", date(2025, 3, 30)),
            ("TWD", date(2020, 1, 2)),
            ("usd", date(2020, 1, 2)),
            ("day", date(2020, 1, 2)),
            ("ISK", date(2012, 1, 2)),
            ("EUR", date.min),
            ("JPY", date.max),
        ],
    )
    def test_without_a_recent_rate_there_is_none(self, currency: str, on: date) -> None:
        assert RATES.usd_rate(currency, on) is None

    @pytest.mark.parametrize("currency", ["EUR", "JPY", "AED", "NAD"])
    def test_after_the_last_day_the_last_rate_holds_for_more_than_a_year(self, currency: str) -> None:
        last = RATES.usd_rate(currency, RATES.until)
        assert last is not None
        for days in (1, 30, 31, 366, MAX_RATES_AGE.days):
            assert RATES.usd_rate(currency, RATES.until + timedelta(days)) == last
        assert RATES.usd_rate(currency, RATES.until + MAX_RATES_AGE + timedelta(days=1)) is None

    @pytest.mark.parametrize("currency", ["RUB", "HRK"])
    def test_a_currency_that_ended_before_the_last_day_stays_without_a_rate(self, currency: str) -> None:
        assert RATES.usd_rate(currency, RATES.until + timedelta(days=7)) is None

    @given(st.sampled_from(HEAD[1:]) | st.text(max_size=4), st.dates())
    def test_any_currency_at_any_time_has_a_recent_rate_or_none(self, currency: str, on: date) -> None:
        found = RATES.usd_rate(currency, on)
        assert found is None or (found.rate > 0 and found.on <= on)
        if found is not None and currency != "USD":
            assert min(on, RATES.until) - found.on <= MAX_RATE_AGE
            assert on - RATES.until <= MAX_RATES_AGE


def test_the_table_is_read_when_a_rate_is_asked_for_and_not_before() -> None:
    program = (
        "from datetime import date\n"
        "from astrelo.adapters.outbound.reference import exchange_rates as module\n"
        "rates, read = module.ExchangeRates(), []\n"
        "lines = module._lines\n"
        "module._lines = lambda name: (read.append(name), lines(name))[1]\n"
        "rates.usd_rate('USD', date(2020, 1, 2))\n"
        "before = len(read)\n"
        "rates.usd_rate('JPY', date(2020, 1, 2))\n"
        "print(before, len(read) > 0)\n"
    )
    raw = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert raw.stdout == "0 True\n"
