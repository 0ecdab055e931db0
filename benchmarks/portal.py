"""A made-up HubSpot account, rendered once: every page and every association as bytes to send.

Everything is a function of a record's number, so that two processes render the same account.
"""

import tomllib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

PAGE_SIZE = 100
OWNERS = 60
STAGES = ("appointmentscheduled", "qualifiedtobuy", "contractsent", "closedwon", "closedlost")

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
_INDUSTRIES = _WORDS["industries"]
_STAGES_OF_LIFE = ("subscriber", "lead", "marketingqualifiedlead", "opportunity", "customer")
_EPOCH = datetime(2024, 3, 1, 8, 30, 0, 125_000, tzinfo=UTC)


class Association(NamedTuple):
    """How one object type points at another. `primary` is the type id that marks the main one."""

    from_type: str
    to_type: str
    type_id: int
    primary: int | None


ASSOCIATIONS = (
    Association("contacts", "companies", 279, 1),
    Association("deals", "companies", 341, 5),
    Association("deals", "contacts", 3, None),
)

Record = Callable[[int], bytes]
T = TypeVar("T")


def object_id(object_type: str, number: int) -> str:
    """Ascending like HubSpot's, and with gaps: ids without gaps would compress too well."""
    base = {"companies": 9_100_000_000, "contacts": 17_300_000_000, "deals": 21_700_000_000}[object_type]
    return str(base + number * 37 + _mixed(number) % 31)


def owner_id(number: int) -> str:
    return str(40_000_000 + number * 137)


def linked(pair: Association, number: int) -> Sequence[int]:
    """Numbers of the records that a record points at: a fifth of the contacts have no company."""
    if pair.to_type == "companies":
        return () if pair.from_type == "contacts" and number % 5 == 4 else (number,)
    return (number, number - number % 7) if number % 7 else (number,)


def pages(object_type: str, count: int) -> Iterator[tuple[str, bytes]]:
    """Every list page as (the cursor that asks for it, its JSON); the first page's cursor is empty."""
    render = _RENDER[object_type]
    for start in range(0, count, PAGE_SIZE):
        end = min(start + PAGE_SIZE, count)
        after = object_id(object_type, end)
        paging = b"" if end == count else b',"paging":{"next":{"after":"%s"}}' % after.encode()
        records = b",".join(map(render, range(start, end)))
        yield (object_id(object_type, start) if start else ""), b'{"results":[%s]%s}' % (records, paging)


def record(object_type: str, number: int) -> bytes:
    """Render one record, as it stands on its page."""
    return _RENDER[object_type](number)


def association_entries(pair: Association, count: int) -> Iterator[tuple[str, bytes]]:
    """Every record that points somewhere as (its id, its entry in a batch answer)."""
    for number in range(count):
        if targets := linked(pair, number):
            told = ",".join(_target(pair, target, is_main=target == number) for target in targets)
            from_id = object_id(pair.from_type, number)
            yield from_id, f'{{"from":{{"id":"{from_id}"}},"to":[{told}]}}'.encode()


def owners(*, archived: bool) -> bytes:
    numbers = range(OWNERS - 5, OWNERS) if archived else range(OWNERS - 5)
    return msgspec.json.encode({"results": [_owner(number, archived=archived) for number in numbers]})


def pipelines() -> bytes:
    stages = [
        {
            "id": stage,
            "label": stage.title(),
            "metadata": {
                "isClosed": str(stage.startswith("closed")).lower(),
                "probability": {"closedwon": "1.0", "closedlost": "0.0"}.get(stage, "0.4"),
            },
        }
        for stage in STAGES
    ]
    return msgspec.json.encode({"results": [{"id": "default", "label": "Sales", "stages": stages}]})


def _mixed(number: int) -> int:
    return (number * _MIX) >> 7 & 0xFFFFFF


def _firm(number: int) -> str:
    return f"{_picked(_NAMES, number)} {_picked(_TRADES, number)}"


def _time(number: int) -> str:
    moment = _EPOCH + timedelta(seconds=_mixed(number) * 4)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _domain(number: int) -> str:
    name, trade = _picked(_NAMES, number), _picked(_TRADES, number)
    return f"{name}-{trade}{number}.{_picked(_SUFFIXES, number)}".translate(_PLAIN).lower()


_PLAIN = str.maketrans({"ü": "ue", "É": "e", "ø": "o", "á": "a"})


def _picked(words: Sequence[T], number: int) -> T:
    return words[number % len(words)]


def _object(object_type: str, number: int, properties: dict[str, str | None]) -> bytes:
    told = _time(number)
    record_id = object_id(object_type, number)
    properties["hs_object_id"] = record_id
    properties["createdate"] = told
    return msgspec.json.encode(
        {
            "id": record_id,
            "properties": properties,
            "createdAt": told,
            "updatedAt": told,
            "archived": False,
            "url": f"https://app.hubspot.com/contacts/1/record/0-1/{record_id}",
        }
    )


def _company(number: int) -> bytes:
    """One in fifty has no domain, one in a hundred shares the one before it, one in ten types it carelessly."""
    country, state, city = _picked(_PLACES, _mixed(number))
    domain: str | None = _domain(number - 1 if number % 100 == 99 else number)
    if number % 50 == 7:
        domain = None
    elif number % 10 == 3:
        domain = f"https://www.{domain}/"
    start = _mixed(number) % 300
    return _object(
        "companies",
        number,
        {
            "name": f"{_firm(number)} {_picked(_FORMS, number)} {number}",
            "domain": domain,
            "website": domain,
            "numberofemployees": None if number % 4 == 0 else str(_mixed(number) % 5_000),
            "annualrevenue": None if number % 3 == 0 else str(_mixed(number) % 90 * 1_000_000 + 250_000),
            "hs_annual_revenue_currency_code": None if number % 3 == 0 else "USD",
            "industry": None if number % 6 == 0 else _picked(_INDUSTRIES, number),
            "country": country,
            "state": state,
            "hs_country_code": None,
            "hs_state_code": None,
            "city": city,
            "description": _PROSE[start : start + 200 + _mixed(number) % 201],
            "phone": f"+1 555 01{number % 100:02d} {_mixed(number) % 10_000:04d}",
            "linkedin_company_page": None,
            "hs_linkedin_handle": None,
            "lifecyclestage": _picked(_STAGES_OF_LIFE, number),
            "hubspot_owner_id": owner_id(number % OWNERS),
            "hs_lastmodifieddate": _time(number),
            "hs_merged_object_ids": None,
        },
    )


def _contact(number: int) -> bytes:
    first, last = _picked(_FIRST, number), _picked(_LAST, number)
    return _object(
        "contacts",
        number,
        {
            "email": _email(number, first, last),
            "firstname": first,
            "lastname": last,
            "jobtitle": _picked(_TITLES, number) or None,
            "phone": None if number % 2 else f"+44 20 7946 {_mixed(number) % 10_000:04d}",
            "mobilephone": None,
            "lifecyclestage": _picked(_STAGES_OF_LIFE, _mixed(number)),
            "hubspot_owner_id": owner_id(number % OWNERS),
            "lastmodifieddate": _time(number),
            "hs_merged_object_ids": None,
        },
    )


def _email(number: int, first: str, last: str) -> str | None:
    """Of the contacts without a company, most can be found by their host; some cannot at all."""
    local = f"{first}.{last}{number}".translate(_PLAIN).lower()
    match number % 25:
        case 4:
            return f"{local}@{_picked(_FREE_MAIL, number)}"
        case 9:
            return None if number % 2 else "not an address"
        case _:
            return f"{local}@{_domain(number)}"


def _deal(number: int) -> bytes:
    stage = _picked(STAGES, _mixed(number))
    return _object(
        "deals",
        number,
        {
            "dealname": f"{_firm(number)}, renewal {number}",
            "amount": None if number % 9 == 0 else str(_mixed(number) % 400_000),
            "deal_currency_code": "USD",
            "pipeline": "default",
            "dealstage": stage,
            "hs_deal_stage_probability": "0.4",
            "hs_is_closed": str(stage.startswith("closed")).lower(),
            "hs_is_closed_won": str(stage == "closedwon").lower(),
            "closedate": _time(number + 1),
            "hubspot_owner_id": owner_id(number % OWNERS),
            "hs_lastmodifieddate": _time(number),
            "hs_merged_object_ids": None,
        },
    )


def _target(pair: Association, number: int, *, is_main: bool) -> str:
    types = [f'{{"category":"HUBSPOT_DEFINED","typeId":{pair.type_id},"label":null}}']
    if is_main and pair.primary is not None:
        types.append(f'{{"category":"HUBSPOT_DEFINED","typeId":{pair.primary},"label":"Primary"}}')
    return f'{{"toObjectId":{object_id(pair.to_type, number)},"associationTypes":[{",".join(types)}]}}'


def _owner(number: int, *, archived: bool) -> dict[str, object]:
    return {
        "id": owner_id(number),
        "email": f"rep{number}@example.com",
        "firstName": _picked(_FIRST, number),
        "lastName": _picked(_LAST, number),
        "archived": archived,
    }


_RENDER: dict[str, Record] = {"companies": _company, "contacts": _contact, "deals": _deal}
