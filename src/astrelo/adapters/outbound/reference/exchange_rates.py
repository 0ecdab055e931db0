"""What a unit of a currency is worth in US dollars, by day: the table and the legally fixed rates beside this file."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Context, Decimal
from functools import cached_property, lru_cache
from typing import NamedTuple

from astrelo.adapters.outbound.reference.data_files import DATA
from astrelo.domain.ports.reference import MAX_RATE_AGE, MAX_RATES_AGE, UsdRate

TABLE = "exchange_rates.csv"
"""Made by `make rates`."""
FIXED_RATES = "fixed_rates.tsv"

CACHED_RATES = 4_096
"""About a megabyte, and enough for the days of a dozen years in one currency."""

_DOLLAR, _EURO = "USD", "EUR"
_DIGITS = Context(prec=28)
"""Of our own, so that a rate is a function of the table alone."""
_ONE = Decimal(1)


class _FixedRate(NamedTuple):
    """So many units are so many of the anchor, by law."""

    units: Decimal
    anchor: str
    anchor_units: Decimal
    since: date


class _Column(NamedTuple):
    """Units for one euro, as whole numbers of the last decimal; 0 on a day without a rate."""

    units: "array[int]"
    decimals: int

    def rate(self, row: int) -> Decimal:
        return Decimal(self.units[row]).scaleb(-self.decimals)


class _Days(NamedTuple):
    ordinals: "array[int]"
    dollars: _Column


class ExchangeRates:
    """Reads the table's days at the first question, and a currency's column at the first for that currency.

    A column takes about 15 ms to read and 30 kB to keep.
    """

    def __init__(self) -> None:
        self._column = lru_cache(None)(_read_column)
        self.usd_rate: Callable[[str, date], UsdRate | None] = lru_cache(CACHED_RATES)(self._usd_rate)

    @cached_property
    def until(self) -> date:
        """The table's last day."""
        return date.fromisoformat(next(_cells("day")))

    @cached_property
    def _days(self) -> _Days:
        ordinals = array("i", [date.fromisoformat(day).toordinal() for day in _cells("day")])
        ordinals.reverse()
        return _Days(ordinals, _read_column(_DOLLAR))

    @cached_property
    def _currencies(self) -> frozenset[str]:
        return frozenset(_head()[1:])

    @cached_property
    def _fixed_rates(self) -> Mapping[str, _FixedRate]:
        return {
            currency: _FixedRate(Decimal(units), anchor, Decimal(anchor_units), date.fromisoformat(since))
            for currency, units, anchor, anchor_units, since in _fixed_rate_lines()
        }

    def _usd_rate(self, currency: str, on: date) -> UsdRate | None:
        if currency == _DOLLAR:
            return UsdRate(_ONE, on)
        fixed = self._fixed_rates.get(currency)
        if fixed is None:
            return self._by_table(currency, on)
        anchor = self._by_table(fixed.anchor, on)
        if anchor is None or anchor.on < fixed.since:
            return None
        dollars = _DIGITS.multiply(fixed.anchor_units, anchor.rate)
        return UsdRate(_DIGITS.divide(dollars, fixed.units), anchor.on)

    def _by_table(self, currency: str, on: date) -> UsdRate | None:
        ordinals, dollars = self._days
        column = self._column(currency) if currency in self._currencies else None
        if column is None and currency != _EURO:
            return None
        asked, last = on.toordinal(), ordinals[-1]
        if asked - last > MAX_RATES_AGE.days:
            return None
        asked = min(asked, last)
        row = bisect_right(ordinals, asked) - 1
        while row >= 0 and asked - ordinals[row] <= MAX_RATE_AGE.days:
            if column is None:
                return UsdRate(dollars.rate(row), date.fromordinal(ordinals[row]))
            if column.units[row]:
                rate = _DIGITS.divide(dollars.rate(row), column.rate(row))
                return UsdRate(rate, date.fromordinal(ordinals[row]))
            row -= 1
        return None


def _read_column(currency: str) -> _Column:
    told = list(_cells(currency))
    decimals = max(len(rate.partition(".")[2]) for rate in told)
    units = array("I", [_scaled(rate, decimals) for rate in told])
    units.reverse()
    return _Column(units, decimals)


def _scaled(rate: str, decimals: int) -> int:
    whole, _, fraction = rate.partition(".")
    return int(whole + fraction.ljust(decimals, "0")) if rate else 0


def _cells(name: str) -> Iterator[str]:
    """Yield a column, newest day first."""
    lines = _lines(TABLE)
    number = next(lines).split(",").index(name)
    for line in lines:
        yield line.split(",", number + 1)[number]


def _head() -> Sequence[str]:
    return next(_lines(TABLE)).split(",")


def _fixed_rate_lines() -> Iterator[Sequence[str]]:
    return (line.split("\t") for line in _lines(FIXED_RATES))


def _lines(file_name: str) -> Iterator[str]:
    with DATA.joinpath(file_name).open(encoding="utf-8") as file:
        yield from (line.rstrip("\n") for line in file if not line.startswith("#"))
