"""A made-up customer's firms, people and deals, whichever CRM holds them.

Everything is a function of a record's number, so that two processes render the same account, and two CRMs the same
firms.
"""

import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, TypeVar

OBJECT_TYPES = ("companies", "contacts", "deals")
OWNERS = 60
ARCHIVED_OWNERS = 5
"""The last ones."""

_MIX = 0x9E3779B1
"""Knuth's multiplicative hash: spreads a record's number over what it is given."""

_WORDS = tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))
_NAMES, _TRADES, _FORMS = _WORDS["names"], _WORDS["trades"], _WORDS["legal_forms"]
_FIRST, _LAST, _TITLES = _WORDS["first_names"], _WORDS["last_names"], _WORDS["titles"]
_PROSE: str = " ".join(_WORDS["prose"] * 2)
_PLACES = (
    ("United States", "California", "San Diego"),
    ("United States", "TX", "Austin"),
    ("Germany", "Bavaria", "München"),
    ("UK", None, "Leeds"),
    ("France", None, "Lyon"),
    ("Canada", "Ontario", "Toronto"),
    ("Netherlands", None, "Utrecht"),
    ("Australia", "Victoria", "Geelong"),
)
_SUFFIXES = ("com", "com", "com", "io", "de", "co.uk", "fr", "net", "ai", "com.au", "nl")
_FREE_MAIL = ("gmail.com", "outlook.com", "yahoo.com", "web.de")
_PLAIN = str.maketrans({"ü": "ue", "É": "e", "ø": "o", "á": "a"})
_EPOCH = datetime(2024, 3, 1, 8, 30, 0, 125_000, tzinfo=UTC)

T = TypeVar("T")


class Company(NamedTuple):
    name: str
    site: str | None
    """As it was typed."""
    employees: int | None
    revenue: int | None
    has_industry: bool
    country: str
    state: str | None
    city: str
    description: str
    phone: str


class Contact(NamedTuple):
    email: str | None
    first_name: str
    last_name: str
    title: str | None
    phone: str | None
    company: int | None


class Deal(NamedTuple):
    name: str
    amount: int | None
    company: int
    contacts: Sequence[int]


class Owner(NamedTuple):
    email: str
    first_name: str
    last_name: str
    archived: bool


def mix(number: int) -> int:
    return (number * _MIX) >> 7 & 0xFFFFFF


def pick(words: Sequence[T], number: int) -> T:
    return words[number % len(words)]


def spaced_id(number: int) -> int:
    """Return a number for an id: ascending, and with gaps, as ids without gaps would compress too well."""
    return number * 37 + mix(number) % 31


def modified_at(number: int) -> datetime:
    return _EPOCH + timedelta(seconds=mix(number) * 4)


def company(number: int) -> Company:
    """One in fifty has no domain, one in a hundred shares the one before it, one in ten types it carelessly."""
    country, state, city = pick(_PLACES, mix(number))
    start = mix(number) % 300
    return Company(
        name=f"{_firm(number)} {pick(_FORMS, number)} {number}",
        site=_site(number),
        employees=None if number % 4 == 0 else mix(number) % 5_000,
        revenue=None if number % 3 == 0 else mix(number) % 90 * 1_000_000 + 250_000,
        has_industry=number % 6 != 0,
        country=country,
        state=state,
        city=city,
        description=_PROSE[start : start + 200 + mix(number) % 201],
        phone=f"+1 555 01{number % 100:02d} {mix(number) % 10_000:04d}",
    )


def contact(number: int) -> Contact:
    """A fifth have no company."""
    first, last = pick(_FIRST, number), pick(_LAST, number)
    return Contact(
        email=_email(number, first, last),
        first_name=first,
        last_name=last,
        title=pick(_TITLES, number) or None,
        phone=None if number % 2 else f"+44 20 7946 {mix(number) % 10_000:04d}",
        company=None if number % 5 == 4 else number,
    )


def deal(number: int) -> Deal:
    return Deal(
        name=f"{_firm(number)}, renewal {number}",
        amount=None if number % 9 == 0 else mix(number) % 400_000,
        company=number,
        contacts=(number, number - number % 7) if number % 7 else (number,),
    )


def owner(number: int) -> Owner:
    return Owner(
        email=f"rep{number}@example.com",
        first_name=pick(_FIRST, number),
        last_name=pick(_LAST, number),
        archived=number >= OWNERS - ARCHIVED_OWNERS,
    )


def _firm(number: int) -> str:
    return f"{pick(_NAMES, number)} {pick(_TRADES, number)}"


def _domain(number: int) -> str:
    name, trade = pick(_NAMES, number), pick(_TRADES, number)
    return f"{name}-{trade}{number}.{pick(_SUFFIXES, number)}".translate(_PLAIN).lower()


def _site(number: int) -> str | None:
    domain = _domain(number - 1 if number % 100 == 99 else number)
    if number % 50 == 7:
        return None
    return f"https://www.{domain}/" if number % 10 == 3 else domain


def _email(number: int, first: str, last: str) -> str | None:
    """Of the contacts without a company, most can be found by their host; some cannot at all."""
    local = f"{first}.{last}{number}".translate(_PLAIN).lower()
    match number % 25:
        case 4:
            return f"{local}@{pick(_FREE_MAIL, number)}"
        case 9:
            return None if number % 2 else "not an address"
        case _:
            return f"{local}@{_domain(number)}"
