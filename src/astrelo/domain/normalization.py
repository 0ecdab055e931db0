"""From what people typed into a CRM to values that can be compared, counted and indexed.

Every reader is total and idempotent: it never raises, and reading its own result again changes
nothing. It returns None for what says nothing (None, "", blanks) and for what cannot be read; a
caller that must tell the two apart asks `is_told` of the text.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from astrelo.domain.ports import ReferenceData
from astrelo.domain.records import EmailKind

MAX_EMAIL_LENGTH = 320
"""RFC 3696 §3: 64 before the @, 255 after it."""

MAX_EMPLOYEES = 10**9
"""More than anybody employs: above it the number is a slip."""

AMOUNT_BOUND = Decimal(10) ** 18
"""Amounts are kept below this in size; ten thousand times the world's yearly product, in any currency."""

AMOUNT_DECIMALS = 6

MAX_TEXT_LENGTH = 65_536
"""Characters that a text column keeps; what is beyond them is cut, and counted."""

MAX_NUMBER_LENGTH = 64
"""Longer digits than this are not a number that anybody counted."""

_SAFE_DIGITS = 9
"""So many digits or fewer are within every bound here, whatever they are."""

_CACHED_SHARES = 1_024
"""There are few: most deals tell their stage's."""

_SCHEME = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//+|https?:/*", re.IGNORECASE)
_PLAIN_URL = re.compile(r"https?://(?:www\.)?([a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]+)/?")
"""What most sites are written like: read in a third of the time."""

_AFTER_HOST = re.compile(r"[/?#\\]")
_PORT = re.compile(r":\d*\Z", re.ASCII)
_LOCAL_PART = re.compile(r'[^\s@"(),:;<>\[\\\]\x00-\x20\x7f\ud800-\udfff]+')
_QUOTED_LOCAL_PART = re.compile(r'"(?:[^"\\\x00-\x1f\x7f\ud800-\udfff]|\\[\x20-\x7e])+"')
_NUMBER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d*)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_FLAGS: Mapping[str | None, bool] = {"true": True, "false": False}
_MILLISECONDS = re.compile(r"-?\d{1,18}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AMOUNT_STEP = Decimal(1).scaleb(-AMOUNT_DECIMALS)

REVENUE_RANGES = ("<1M", "1M-10M", "10M-50M", "50M-250M", "250M-1B", ">1B")
_REVENUE_BOUNDS = tuple(Decimal(millions * 1_000_000) for millions in (1, 10, 50, 250, 1000))


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
        value = _without_lone_surrogates(value)
    if "\0" in value:
        value = value.replace("\0", "")
    value = value.strip()
    if limit is not None and len(value) > limit:
        value = value[:limit].rstrip()
    return value or None


def _without_lone_surrogates(value: str) -> str:
    """Replace what UTF-8 cannot encode; a pair of halves becomes the character it stands for."""
    try:
        value.encode("utf-16-le")
    except UnicodeEncodeError:
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value


def search_key(value: str) -> str:
    """Fold a text for search: equal keys for spellings that a person takes for the same."""
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


def search_email(value: str) -> str:
    """Fold an e-mail address, or the beginning of one, for search."""
    return search_key(value)


def web_domain(value: str | None, reference: ReferenceData) -> str | None:
    """Return the host of a site as typed: 'HTTPS://www.Acme.com:443/about' is 'acme.com'.

    IP addresses, single labels and several hosts in one field cannot be read.
    """
    if value is None:
        return None
    if plain := _PLAIN_URL.fullmatch(value):
        host = reference.ascii_host(plain[1])
    else:
        host = reference.ascii_host(value) or reference.ascii_host(_host_of_url(value))
    if host is None or "." not in host:
        return None
    while host.startswith("www.") and host.count(".") > 1:
        host = host[4:]
    return host


def _host_of_url(url: str) -> str:
    url = url.strip()
    if scheme := _SCHEME.match(url):
        url = url[scheme.end() :]
    authority = _AFTER_HOST.split(url, maxsplit=1)[0]
    return _PORT.sub("", authority.rpartition("@")[2].strip()).strip().rstrip(".")


def identity_domain(domain: str | None, reference: ReferenceData) -> str | None:
    """Return the domain if it stands for one firm: not shared by many, not a bare public suffix."""
    return None if domain is None or reference.is_shared(domain) else domain


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
    if not _is_local_part(local):
        return _INVALID_EMAIL
    host = reference.ascii_host(told_host) or reference.ascii_host(told_host.rstrip("."))
    if host is None or "." not in host or len(address := f"{local}@{host}") > MAX_EMAIL_LENGTH:
        return _INVALID_EMAIL
    if reference.is_shared(host):
        return Email(address, None, None, EmailKind.FREE_MAIL)
    return Email(address, host, reference.registrable_domain(host), EmailKind.BUSINESS)


def _is_local_part(local: str) -> bool:
    return _LOCAL_PART.fullmatch(local) is not None or _QUOTED_LOCAL_PART.fullmatch(local) is not None


def employee_count(value: str | None) -> int | None:
    """Read a whole number of people; ranges, fractions, negatives and absurd numbers cannot be read."""
    if value is not None and len(value) <= _SAFE_DIGITS and value.isdigit() and value.isascii():
        return int(value)
    number = _number(value)
    if number is None or not 0 <= number <= MAX_EMPLOYEES or number != number.to_integral_value():
        return None
    return int(number)


def amount(value: str | None) -> Decimal | None:
    """Read an amount of money, rounded to AMOUNT_DECIMALS.

    Equal numbers are written alike ('5000', '5000.00', '5E+3'), so that their records compare equal.
    """
    if value is not None and value.isascii():
        digits = value.removesuffix(".0")
        if len(digits) <= _SAFE_DIGITS and digits.isdigit():
            return Decimal(digits)
    number = _number(value)
    if number is None or abs(number) >= AMOUNT_BOUND:
        return None
    rounded = number.quantize(_AMOUNT_STEP)
    if abs(rounded) >= AMOUNT_BOUND:
        return None
    whole = rounded.to_integral_value()
    if rounded == whole:
        return whole.quantize(Decimal(1)) if whole else Decimal(0)
    return rounded.normalize()


def _number(value: str | None) -> Decimal | None:
    """Read a decimal number: 1200, 1,200, 1200.0 and 1.2E3 are one; '1.200,5' is not guessed at."""
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
    """Read an ISO 4217 code by its shape; which codes exist is the CRM's to know."""
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
    """Read ISO 8601 (a bare date is its first moment) or milliseconds since 1970; UTC where no offset is told.

    Digits alone are always milliseconds: '20260819' is a moment in 1970, not a day in 2026.
    """
    if value is None:
        return None
    stripped = value.strip()
    try:
        if stripped.find("-", 1) < 0:
            return _from_milliseconds(stripped)
        told = datetime.fromisoformat(stripped)
        if told.tzinfo is UTC:
            return told
        return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _from_milliseconds(digits: str) -> datetime | None:
    return _EPOCH + timedelta(milliseconds=int(digits)) if _MILLISECONDS.fullmatch(digits) else None
