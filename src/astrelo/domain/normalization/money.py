"""Amounts of money in one currency, the US dollar, so that they can be compared and added up."""

from datetime import UTC, date, datetime
from decimal import Context, Decimal

from astrelo.domain.normalization.values import AMOUNT_BOUND, AMOUNT_DECIMALS
from astrelo.domain.ports.reference import ReferenceData

_DOLLAR = "USD"
_DIGITS = Context(prec=50)
"""More than an amount and a rate have together: what is rounded is the exact product."""
_STEP = Decimal(1).scaleb(-AMOUNT_DECIMALS)


UsdAmount = tuple[Decimal | None, date | None]
"""The amount, and the day of the reference rate: None for what is told in US dollars."""

NO_USD: UsdAmount = (None, None)


def usd_amount(
    amount: Decimal | None, currency: str | None, on: datetime, reference: ReferenceData
) -> UsdAmount:
    """Convert at the reference rate of the day, in UTC, or the last before it.

    The amount is rounded as amounts are. It is None where no rate is known, or where it would reach
    AMOUNT_BOUND. A function of its arguments: when it is asked makes no difference.
    """
    if amount is None or currency is None:
        return NO_USD
    if currency == _DOLLAR:
        return amount, None
    rate = reference.usd_rate(currency, _utc_day(on))
    if rate is None:
        return NO_USD
    dollars = _DIGITS.multiply(amount, rate.rate)
    if abs(dollars) >= AMOUNT_BOUND:
        return NO_USD
    return _rounded(dollars), rate.on


def _rounded(dollars: Decimal) -> Decimal:
    """Write equal numbers alike, as `normalization.amount` does."""
    rounded = _DIGITS.quantize(dollars, _STEP)
    whole = _DIGITS.to_integral_value(rounded)
    if rounded == whole:
        return _DIGITS.quantize(whole, Decimal(1)) if whole else Decimal(0)
    return _DIGITS.normalize(rounded)


def _utc_day(moment: datetime) -> date:
    """Keep the day as told where the offset would put it beyond the calendar's ends."""
    if moment.tzinfo is None or moment.tzinfo is UTC:
        return moment.date()
    try:
        return moment.astimezone(UTC).date()
    except OverflowError:
        return moment.date()
