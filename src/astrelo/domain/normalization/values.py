"""Parsing numbers, probabilities, flags and times as users and CRMs write them."""

import re
from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

MAX_EMPLOYEES = 10**9
"""More than any employer has: a larger number is a typing error."""

AMOUNT_BOUND = Decimal(10) ** 18
"""Amounts are smaller than this in size: ten thousand times the world's yearly product, in any currency."""

AMOUNT_DECIMALS = 6

MAX_NUMBER_LENGTH = 64
"""Longer text is not a real number."""

_SAFE_DIGITS = 9
"""Numbers of up to this many digits are within every bound of this module."""

_CACHED_SHARES = 1_024
"""There are few distinct ones: most deals have the probability of their stage."""

_NUMBER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d*)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_FLAGS: Mapping[str | None, bool] = {"true": True, "false": False}
_MILLISECONDS = re.compile(r"-?\d{1,18}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AMOUNT_STEP = Decimal(1).scaleb(-AMOUNT_DECIMALS)

REVENUE_RANGES = ("<1M", "1M-10M", "10M-50M", "50M-250M", "250M-1B", ">1B")
_REVENUE_BOUNDS = tuple(Decimal(millions * 1_000_000) for millions in (1, 10, 50, 250, 1000))


def employee_count(value: str | None) -> int | None:
    """Read a whole number of people. None for ranges, fractions, negative and absurdly large numbers."""
    if value is not None and len(value) <= _SAFE_DIGITS and value.isdigit() and value.isascii():
        return int(value)
    number = _parse_number(value)
    if number is None or not 0 <= number <= MAX_EMPLOYEES or number != number.to_integral_value():
        return None
    return int(number)


def amount(value: str | None) -> Decimal | None:
    """Read an amount of money, rounded to AMOUNT_DECIMALS.

    Gives equal numbers equal text ('5000', '5000.00', '5E+3'), so that their records compare equal.
    """
    if value is not None and value.isascii():
        digits = value.removesuffix(".0")
        if len(digits) <= _SAFE_DIGITS and digits.isdigit():
            return Decimal(digits)
    number = _parse_number(value)
    if number is None or abs(number) >= AMOUNT_BOUND:
        return None
    rounded = round_amount(number)
    return rounded if abs(rounded) < AMOUNT_BOUND else None


def round_amount(number: Decimal) -> Decimal:
    """Round to AMOUNT_DECIMALS, and give equal numbers equal text. `number` is at most AMOUNT_BOUND in size."""
    rounded = number.quantize(_AMOUNT_STEP)
    whole = rounded.to_integral_value()
    if rounded == whole:
        return whole.quantize(Decimal(1)) if whole else Decimal(0)
    return rounded.normalize()


def _parse_number(value: str | None) -> Decimal | None:
    """Read a decimal number: 1200, 1,200, 1200.0 and 1.2E3 are equal; '1.200,5' is ambiguous, so None."""
    if value is None:
        return None
    stripped = value.strip()
    if len(stripped) > MAX_NUMBER_LENGTH or not _NUMBER.fullmatch(stripped):
        return None
    return Decimal(stripped.replace(",", ""))


def revenue_range(revenue: Decimal | None) -> str | None:
    """Return the range of a yearly revenue in US dollars; lower bounds are inclusive."""
    if revenue is None or revenue < 0:
        return None
    return REVENUE_RANGES[bisect_right(_REVENUE_BOUNDS, revenue)]


@lru_cache(_CACHED_SHARES)
def probability(value: str | None) -> Decimal | None:
    """Read a share from 0 to 1."""
    number = amount(value)
    return number if number is not None and 0 <= number <= 1 else None


def currency(value: str | None) -> str | None:
    """Read an ISO 4217 code. Checks its form only: which codes exist depends on the CRM."""
    if value is None:
        return None
    code = value.strip().upper()
    return code if _CURRENCY.fullmatch(code) else None


def flag(value: str | None) -> bool | None:
    """Read 'true' or 'false', in any case."""
    if value is None or value in _FLAGS:
        return _FLAGS.get(value)
    return _FLAGS.get(value.strip().lower())


def timestamp(value: str | None) -> datetime | None:
    """Read ISO 8601 (a date means midnight) or milliseconds since 1970; UTC where no offset is given.

    Digits alone are always milliseconds: '20260819' is a moment in 1970, not a day in 2026.
    """
    if value is None:
        return None
    stripped = value.strip()
    try:
        if stripped.find("-", 1) < 0:
            is_number = _MILLISECONDS.fullmatch(stripped)
            return _EPOCH + timedelta(milliseconds=int(stripped)) if is_number else None
        moment = datetime.fromisoformat(stripped)
        if moment.tzinfo is UTC:
            return moment
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
