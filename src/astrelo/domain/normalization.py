"""From what people typed into a CRM to values that can be compared, counted and indexed.

Every reader is total and idempotent: it never raises, and reading its own result again changes
nothing. It returns None for what says nothing (None, "", blanks) and for what cannot be read; a
caller that must tell the two apart asks `is_told` of the text.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from astrelo.domain.ports import ReferenceData
from astrelo.domain.records import EmailKind

MAX_DOMAIN_LENGTH = 253
"""RFC 1035 §2.3.4, without the trailing dot."""

MAX_EMAIL_LENGTH = 320
"""RFC 3696 §3: 64 before the @, 255 after it."""

MAX_EMPLOYEES = 10**9
"""More than anybody employs: above it the number is a slip."""

AMOUNT_BOUND = Decimal(10) ** 18
"""Amounts are kept below this in size; ten thousand times the world's yearly product, in any currency."""

AMOUNT_DECIMALS = 6

_SCHEME = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//+|https?:/*", re.IGNORECASE)
_AFTER_HOST = re.compile(r"[/?#\\]")
_PORT = re.compile(r":\d*\Z", re.ASCII)
_LOCAL_PART = re.compile(r'[^\s@"(),:;<>\[\\\]\x00-\x20\x7f\ud800-\udfff]+')
_QUOTED_LOCAL_PART = re.compile(r'"(?:[^"\\\x00-\x1f\x7f\ud800-\udfff]|\\[\x20-\x7e])+"')
_NUMBER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d*)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_WHOLE_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AMOUNT_STEP = Decimal(1).scaleb(-AMOUNT_DECIMALS)

_REVENUE_RANGES = (
    (Decimal(1_000_000_000), ">1B"),
    (Decimal(250_000_000), "250M-1B"),
    (Decimal(50_000_000), "50M-250M"),
    (Decimal(10_000_000), "10M-50M"),
    (Decimal(1_000_000), "1M-10M"),
    (Decimal(0), "<1M"),
)


def is_told(value: str | None) -> bool:
    """Tell whether a value says anything at all, readable or not."""
    return text(value) is not None


def text(value: str | None, limit: int | None = None) -> str | None:
    """Return what a text column can hold: no NUL, lone surrogates as U+FFFD, no blanks around.

    Nothing is cut unless the caller names a `limit`.
    """
    if value is None:
        return None
    if not value.isascii():
        value = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if "\0" in value:
        value = value.replace("\0", "")
    value = value.strip()
    if limit is not None and len(value) > limit:
        value = value[:limit].rstrip()
    return value or None


def web_domain(value: str | None, reference: ReferenceData) -> str | None:
    """Return the host of a site as typed: 'HTTPS://www.Acme.com:443/about' is 'acme.com'.

    IP addresses, single labels and several hosts in one field cannot be read.
    """
    if value is None:
        return None
    host = value.strip()
    if "/" in host or ":" in host or "@" in host or "?" in host or "#" in host or "\\" in host:
        host = _host_of_url(host)
    ascii_host = _dotted_host(host, reference)
    while ascii_host is not None and ascii_host.startswith("www.") and ascii_host.count(".") > 1:
        ascii_host = ascii_host[4:]
    return ascii_host


def _host_of_url(url: str) -> str:
    if scheme := _SCHEME.match(url):
        url = url[scheme.end() :]
    authority = _AFTER_HOST.split(url, maxsplit=1)[0]
    return _PORT.sub("", authority.rpartition("@")[2].strip()).strip()


def _dotted_host(host: str, reference: ReferenceData) -> str | None:
    ascii_host = reference.ascii_host(host.rstrip("."))
    if ascii_host is None or "." not in ascii_host or len(ascii_host) > MAX_DOMAIN_LENGTH:
        return None
    return ascii_host


def identity_domain(domain: str | None, reference: ReferenceData) -> str | None:
    """Return the domain if it stands for one firm: not shared by many, not a bare public suffix."""
    if domain is None or reference.is_shared(domain) or reference.registrable_domain(domain) is None:
        return None
    return domain


class Email(NamedTuple):
    """A read e-mail address. Host and registrable domain are None unless the kind is business."""

    address: str | None
    host: str | None
    registrable_domain: str | None
    kind: EmailKind


_MISSING_EMAIL = Email(None, None, None, EmailKind.MISSING)
_INVALID_EMAIL = Email(None, None, None, EmailKind.INVALID)


def email_address(value: str | None, reference: ReferenceData) -> Email:
    """Read one address. Lower-cased whole: no mail host we know of tells two people apart by case."""
    if value is None or not (stripped := value.strip()):
        return _MISSING_EMAIL
    local, _, told_host = stripped.lower().rpartition("@")
    if not _LOCAL_PART.fullmatch(local) and not _QUOTED_LOCAL_PART.fullmatch(local):
        return _INVALID_EMAIL
    host = _dotted_host(told_host, reference)
    if host is None or len(address := f"{local}@{host}") > MAX_EMAIL_LENGTH:
        return _INVALID_EMAIL
    if (identity := identity_domain(host, reference)) is None:
        return Email(address, None, None, EmailKind.FREE_MAIL)
    return Email(address, identity, reference.registrable_domain(identity), EmailKind.BUSINESS)


def employee_count(value: str | None) -> int | None:
    """Read a whole number of people; ranges, fractions, negatives and absurd numbers cannot be read."""
    number = _number(value)
    if number is None or not 0 <= number <= MAX_EMPLOYEES or number != number.to_integral_value():
        return None
    return int(number)


def amount(value: str | None) -> Decimal | None:
    """Read an amount of money, rounded to AMOUNT_DECIMALS and written without an exponent."""
    number = _number(value)
    if number is None or abs(number) >= AMOUNT_BOUND:
        return None
    if isinstance(exponent := number.as_tuple().exponent, int) and exponent < -AMOUNT_DECIMALS:
        number = number.quantize(_AMOUNT_STEP)
    return _plain(number)


def _number(value: str | None) -> Decimal | None:
    """Read a decimal number: 1200, 1,200, 1200.0 and 1.2E3 are one; '1.200,5' is not guessed at."""
    if value is None:
        return None
    stripped = value.strip()
    if not _NUMBER.fullmatch(stripped):
        return None
    try:
        return Decimal(stripped.replace(",", ""))
    except InvalidOperation:
        return None


def _plain(number: Decimal) -> Decimal:
    """Write equal numbers alike ('5000', '5000.00', '5E+3'), so that their records compare equal."""
    if number == (whole := number.to_integral_value()):
        return whole.quantize(Decimal(1)) if whole else Decimal(0)
    return number.normalize()


def revenue_range(revenue: Decimal | None) -> str | None:
    """Return the range of a yearly revenue, whatever its currency; lower bounds are inclusive."""
    if revenue is None:
        return None
    return next((label for lowest, label in _REVENUE_RANGES if revenue >= lowest), None)


def probability(value: str | None) -> Decimal | None:
    """Read a share from 0 to 1."""
    number = amount(value)
    return number if number is not None and 0 <= number <= 1 else None


def currency(value: str | None) -> str | None:
    """Read an ISO 4217 code by its shape; which codes exist is the CRM's to know."""
    code = value.strip().upper() if value is not None else ""
    return code if _CURRENCY.fullmatch(code) else None


def flag(value: str | None) -> bool | None:
    """Read 'true' or 'false', in any case."""
    return None if value is None else {"true": True, "false": False}.get(value.strip().lower())


def timestamp(value: str | None) -> datetime | None:
    """Read ISO 8601 (a bare date is its first moment) or milliseconds since 1970; UTC where no offset is told.

    Digits alone are always milliseconds: '20260819' is a moment in 1970, not a day in 2026.
    """
    if value is None:
        return None
    stripped = value.strip()
    try:
        if _WHOLE_NUMBER.fullmatch(stripped):
            return _EPOCH + timedelta(milliseconds=int(stripped))
        told = datetime.fromisoformat(stripped)
        return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
