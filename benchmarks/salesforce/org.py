"""The made-up account as Salesforce sends it: records in JSON for REST, pages of CSV for bulk jobs.

An org with one currency, without D&B's data and without picklists for countries and states. The order of an object's
fields is that in which they are asked for.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from astrelo.adapters.outbound.salesforce.api.record_ids import full_id
from benchmarks import account
from benchmarks.account import mix, pick

API = "/services/data/v68.0"
BULK_PAGE = 10_000
BIG_OBJECTS = {"companies": "Account", "contacts": "Contact", "deals": "Opportunity"}
FIELDS: Mapping[str, Sequence[str]] = {
    "Account": (
        *("Id", "SystemModstamp", "IsDeleted", "MasterRecordId", "Name", "Website", "Industry", "Sic"),
        *("NumberOfEmployees", "AnnualRevenue", "BillingCountry", "BillingState", "BillingCity"),
        *("Description", "Phone", "Type", "OwnerId"),
    ),
    "Contact": (
        *("Id", "SystemModstamp", "IsDeleted", "MasterRecordId", "Email", "FirstName", "LastName", "Title"),
        *("Phone", "MobilePhone", "AccountId", "OwnerId"),
    ),
    "Opportunity": (
        *("Id", "SystemModstamp", "IsDeleted", "Name", "Amount", "StageName", "Probability"),
        *("IsClosed", "IsWon", "CloseDate", "AccountId", "OwnerId"),
    ),
    "OpportunityContactRole": ("Id", "SystemModstamp", "OpportunityId", "ContactId"),
    "OpportunityStage": (
        *("Id", "SystemModstamp", "ApiName", "MasterLabel", "IsClosed", "IsWon", "DefaultProbability"),
    ),
    "Organization": ("Name", "TimeZoneSidKey"),
    "User": ("Id", "SystemModstamp", "Email", "FirstName", "LastName", "IsActive"),
}

_PREFIXES = {
    "Account": "001",
    "Contact": "003",
    "Opportunity": "006",
    "OpportunityContactRole": "00K",
    "OpportunityStage": "01J",
    "Organization": "00D",
    "QueryJob": "750",
    "User": "005",
}
_POD = "5g"
"""Ids of one org have these behind the object's prefix."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_INDUSTRIES = (
    *("Technology", "Transportation", "Food & Beverage", "Energy", "Apparel", "Machinery", "Biotechnology"),
    *("Manufacturing", "Consulting", "Healthcare", "Engineering"),
)
_TYPES = ("Prospect", "Customer - Direct", "Customer - Channel", "Technology Partner", "Other")

Value = str | int | float | bool | None


class Stage(NamedTuple):
    name: str
    probability: float
    is_closed: bool
    is_won: bool


STAGES = (
    Stage("Qualification", 10.0, is_closed=False, is_won=False),
    Stage("Needs Analysis", 20.0, is_closed=False, is_won=False),
    Stage("Proposal/Price Quote", 75.0, is_closed=False, is_won=False),
    Stage("Closed Won", 100.0, is_closed=True, is_won=True),
    Stage("Closed Lost", 0.0, is_closed=True, is_won=False),
)


def record_id(name: str, number: int) -> str:
    """Return an id of 18 characters: base 62, ascending with the number."""
    digits, rest = "", account.spaced_id(number)
    for _ in range(10):
        rest, digit = divmod(rest, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    short = _PREFIXES[name] + _POD + digits
    return full_id(short) or short


def json_record(name: str, number: int, changed: dict[str, Value] | None = None) -> bytes:
    """Render a record as REST sends it, with `changed` in place of some of its values."""
    values = _VALUES[name](number) | (changed or {})
    url = f"{API}/sobjects/{name}/{values.get('Id')}"
    return msgspec.json.encode({"attributes": {"type": name, "url": url}} | values)


def csv_pages(name: str, count: int) -> Iterator[tuple[int, bytes]]:
    """Every page of a bulk job over all records as (how many rows it has, its CSV), each with the names above."""
    header = ",".join(f'"{field}"' for field in FIELDS[name])
    for start in range(0, count, BULK_PAGE):
        numbers = range(start, min(start + BULK_PAGE, count))
        lines = [header, *(_csv_row(name, number) for number in numbers), ""]
        yield len(numbers), "\n".join(lines).encode()


def rest_time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def roles(deal: int) -> list[bytes]:
    """Render the contact roles of a deal."""
    entries = []
    for place, contact in enumerate(account.deal(deal).contacts):
        role: dict[str, Value] = {
            "Id": record_id("OpportunityContactRole", deal * 2 + place),
            "OpportunityId": record_id("Opportunity", deal),
            "ContactId": record_id("Contact", contact),
        }
        entries.append(json_record("OpportunityContactRole", deal, role))
    return entries


def _csv_row(name: str, number: int) -> str:
    """Write what REST writes otherwise: times end with a Z."""
    values = _VALUES[name](number)
    values["SystemModstamp"] = str(values["SystemModstamp"]).replace("+0000", "Z")
    return ",".join(map(_csv_cell, values.values()))


def _csv_cell(value: Value) -> str:
    match value:
        case None:
            return '""'
        case bool():
            return '"true"' if value else '"false"'
        case _:
            quoted = str(value).replace('"', '""')
            return f'"{quoted}"'


def _identity_fields(name: str, number: int) -> dict[str, Value]:
    return {"Id": record_id(name, number), "SystemModstamp": rest_time(account.modified_at(number))}


def _account(number: int) -> dict[str, Value]:
    firm = account.company(number)
    return _identity_fields("Account", number) | {
        "IsDeleted": False,
        "MasterRecordId": None,
        "Name": firm.name,
        "Website": firm.site,
        "Industry": pick(_INDUSTRIES, number) if firm.has_industry else None,
        "Sic": None,
        "NumberOfEmployees": firm.employees,
        "AnnualRevenue": None if firm.revenue is None else float(firm.revenue),
        "BillingCountry": firm.country,
        "BillingState": firm.state,
        "BillingCity": firm.city,
        "Description": firm.description,
        "Phone": firm.phone,
        "Type": pick(_TYPES, number),
        "OwnerId": record_id("User", number % account.OWNERS),
    }


def _contact(number: int) -> dict[str, Value]:
    person = account.contact(number)
    return _identity_fields("Contact", number) | {
        "IsDeleted": False,
        "MasterRecordId": None,
        "Email": person.email,
        "FirstName": person.first_name,
        "LastName": person.last_name,
        "Title": person.title,
        "Phone": person.phone,
        "MobilePhone": None,
        "AccountId": None if person.company is None else record_id("Account", person.company),
        "OwnerId": record_id("User", number % account.OWNERS),
    }


def _opportunity(number: int) -> dict[str, Value]:
    deal, stage = account.deal(number), pick(STAGES, mix(number))
    return _identity_fields("Opportunity", number) | {
        "IsDeleted": False,
        "Name": deal.name,
        "Amount": None if deal.amount is None else float(deal.amount),
        "StageName": stage.name,
        "Probability": stage.probability,
        "IsClosed": stage.is_closed,
        "IsWon": stage.is_won,
        "CloseDate": account.modified_at(number + 1).date().isoformat(),
        "AccountId": record_id("Account", deal.company),
        "OwnerId": record_id("User", number % account.OWNERS),
    }


def _stage(number: int) -> dict[str, Value]:
    stage = STAGES[number]
    return _identity_fields("OpportunityStage", number) | {
        "ApiName": stage.name,
        "MasterLabel": stage.name,
        "IsClosed": stage.is_closed,
        "IsWon": stage.is_won,
        "DefaultProbability": stage.probability,
    }


def _user(number: int) -> dict[str, Value]:
    owner = account.owner(number)
    return _identity_fields("User", number) | {
        "Email": owner.email,
        "FirstName": owner.first_name,
        "LastName": owner.last_name,
        "IsActive": not owner.archived,
    }


def _organization(_: int) -> dict[str, Value]:
    return {"Name": "Benchmark", "TimeZoneSidKey": "UTC"}


def _role(deal: int) -> dict[str, Value]:
    return _identity_fields("OpportunityContactRole", deal)


_VALUES: Mapping[str, Callable[[int], dict[str, Value]]] = {
    "Account": _account,
    "Contact": _contact,
    "Opportunity": _opportunity,
    "OpportunityContactRole": _role,
    "OpportunityStage": _stage,
    "Organization": _organization,
    "User": _user,
}
