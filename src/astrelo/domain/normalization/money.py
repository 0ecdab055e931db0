"""Converting amounts of money to US dollars, so that they can be compared and added up."""

from datetime import UTC, date, datetime
from decimal import Context, Decimal

from astrelo.domain.normalization.values import AMOUNT_BOUND, round_amount
from astrelo.domain.ports.reference import ReferenceData

_DOLLAR = "USD"
_DIGITS = Context(prec=50)
"""More digits than an amount and a rate have together: the product is exact before it is rounded."""


UsdAmount = tuple[Decimal | None, date | None]
"""The amount, and the day of the reference rate: None for amounts that are in US dollars."""

NO_USD: UsdAmount = (None, None)


def usd_amount(
    amount: Decimal | None, currency: str | None, on: datetime, reference: ReferenceData
) -> UsdAmount:
    """Convert at the reference rate of the day, in UTC, or the last one before it.

    Rounds to AMOUNT_DECIMALS. The amount is None where no rate is known, or where it would reach
    AMOUNT_BOUND. Depends on its arguments only, not on the present time.
    """
    if amount is None or currency is None:
        return NO_USD
    if currency == _DOLLAR:
        return amount, None
    rate = reference.usd_rate(currency, _to_utc_day(on))
    if rate is None:
        return NO_USD
    dollars = _DIGITS.multiply(amount, rate.rate)
    if abs(dollars) >= AMOUNT_BOUND:
        return NO_USD
    return round_amount(dollars), rate.on


def _to_utc_day(moment: datetime) -> date:
    """Return the day in UTC, or the unconverted day if that is outside the calendar."""
    if moment.tzinfo is None or moment.tzinfo is UTC:
        return moment.date()
    try:
        return moment.astimezone(UTC).date()
    except OverflowError:
        return moment.date()
