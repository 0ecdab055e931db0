"""Exchange rates to the US dollar, by day: from the table and the legally fixed rates in data/."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
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
    """By law `units` are worth `anchor_units` of the anchor currency."""

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
    """Reads the table's days at the first call, and a currency's column at the first call for that currency.

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
        return frozenset(next(_lines(TABLE)).split(",")[1:])

    @cached_property
    def _fixed_rates(self) -> Mapping[str, _FixedRate]:
        return {
            currency: _FixedRate(Decimal(units), anchor, Decimal(anchor_units), date.fromisoformat(since))
            for line in _lines(FIXED_RATES)
            for currency, units, anchor, anchor_units, since in [line.split("\t")]
        }

    def _usd_rate(self, currency: str, on: date) -> UsdRate | None:
        if currency == _DOLLAR:
            return UsdRate(_ONE, on)
        fixed = self._fixed_rates.get(currency)
        if fixed is None:
            return self._table_rate(currency, on)
        anchor = self._table_rate(fixed.anchor, on)
        if anchor is None or anchor.on < fixed.since:
            return None
        dollars = _DIGITS.multiply(fixed.anchor_units, anchor.rate)
        return UsdRate(_DIGITS.divide(dollars, fixed.units), anchor.on)

    def _table_rate(self, currency: str, on: date) -> UsdRate | None:
        ordinals, dollars = self._days
        column = self._column(currency) if currency in self._currencies else None
        if column is None and currency != _EURO:
            return None
        wanted, last = on.toordinal(), ordinals[-1]
        if wanted - last > MAX_RATES_AGE.days:
            return None
        wanted = min(wanted, last)
        row = bisect_right(ordinals, wanted) - 1
        while row >= 0 and wanted - ordinals[row] <= MAX_RATE_AGE.days:
            if column is None:
                return UsdRate(dollars.rate(row), date.fromordinal(ordinals[row]))
            if column.units[row]:
                rate = _DIGITS.divide(dollars.rate(row), column.rate(row))
                return UsdRate(rate, date.fromordinal(ordinals[row]))
            row -= 1
        return None


def _read_column(currency: str) -> _Column:
    rates = list(_cells(currency))
    decimals = max(len(rate.partition(".")[2]) for rate in rates)
    units = array("I")
    for rate in reversed(rates):
        whole, _, fraction = rate.partition(".")
        units.append(int(whole + fraction.ljust(decimals, "0")) if rate else 0)
    return _Column(units, decimals)


def _cells(name: str) -> Iterator[str]:
    """Yield a column, newest day first."""
    lines = _lines(TABLE)
    number = next(lines).split(",").index(name)
    for line in lines:
        yield line.split(",", number + 1)[number]


def _lines(file_name: str) -> Iterator[str]:
    with DATA.joinpath(file_name).open(encoding="utf-8") as file:
        yield from (line.rstrip("\n") for line in file if not line.startswith("#"))
