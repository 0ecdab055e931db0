"""The made-up account as HubSpot sends it: every page and every association as bytes to send."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from benchmarks import account
from benchmarks.account import mix, pick

PAGE_SIZE = 100
STAGES = ("appointmentscheduled", "qualifiedtobuy", "contractsent", "closedwon", "closedlost")

_INDUSTRIES = (
    "COMPUTER_SOFTWARE",
    "LOGISTICS_AND_SUPPLY_CHAIN",
    "FOOD_PRODUCTION",
    "RENEWABLES_ENVIRONMENT",
    "TEXTILES",
    "MACHINERY",
    "PHARMACEUTICALS",
    "PACKAGING_AND_CONTAINERS",
    "INFORMATION_TECHNOLOGY_AND_SERVICES",
    "HOSPITAL_HEALTH_CARE",
    "AUTOMOTIVE",
)
_STAGES_OF_LIFE = ("subscriber", "lead", "marketingqualifiedlead", "opportunity", "customer")


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


def object_id(object_type: str, number: int) -> str:
    base = {"companies": 9_100_000_000, "contacts": 17_300_000_000, "deals": 21_700_000_000}[object_type]
    return str(base + account.spaced_id(number))


def owner_id(number: int) -> str:
    return str(40_000_000 + number * 137)


def linked_numbers(pair: Association, number: int) -> Sequence[int]:
    """Return the numbers of the records that a record points at."""
    if pair.from_type == "deals":
        deal = account.deal(number)
        return deal.contacts if pair.to_type == "contacts" else (deal.company,)
    company = account.contact(number).company
    return () if company is None else (company,)


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
        if targets := linked_numbers(pair, number):
            to = ",".join(_target(pair, target, is_main=target == number) for target in targets)
            from_id = object_id(pair.from_type, number)
            yield from_id, f'{{"from":{{"id":"{from_id}"}},"to":[{to}]}}'.encode()


def owners(*, archived: bool) -> bytes:
    numbers = [number for number in range(account.OWNERS) if account.owner(number).archived is archived]
    return msgspec.json.encode({"results": list(map(_owner, numbers))})


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


def _time(number: int) -> str:
    return account.modified_at(number).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _object(object_type: str, number: int, properties: dict[str, str | None]) -> bytes:
    modified = _time(number)
    record_id = object_id(object_type, number)
    properties["hs_object_id"] = record_id
    properties["createdate"] = modified
    return msgspec.json.encode(
        {
            "id": record_id,
            "properties": properties,
            "createdAt": modified,
            "updatedAt": modified,
            "archived": False,
            "url": f"https://app.hubspot.com/contacts/1/record/0-1/{record_id}",
        }
    )


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


def _company(number: int) -> bytes:
    firm = account.company(number)
    return _object(
        "companies",
        number,
        {
            "name": firm.name,
            "domain": firm.site,
            "website": firm.site,
            "numberofemployees": _text(firm.employees),
            "annualrevenue": _text(firm.revenue),
            "hs_annual_revenue_currency_code": None if firm.revenue is None else "USD",
            "industry": pick(_INDUSTRIES, number) if firm.has_industry else None,
            "country": firm.country,
            "state": firm.state,
            "hs_country_code": None,
            "hs_state_code": None,
            "city": firm.city,
            "description": firm.description,
            "phone": firm.phone,
            "linkedin_company_page": None,
            "hs_linkedin_handle": None,
            "lifecyclestage": pick(_STAGES_OF_LIFE, number),
            "hubspot_owner_id": owner_id(number % account.OWNERS),
            "hs_lastmodifieddate": _time(number),
            "hs_merged_object_ids": None,
        },
    )


def _contact(number: int) -> bytes:
    person = account.contact(number)
    return _object(
        "contacts",
        number,
        {
            "email": person.email,
            "firstname": person.first_name,
            "lastname": person.last_name,
            "jobtitle": person.title,
            "phone": person.phone,
            "mobilephone": None,
            "lifecyclestage": pick(_STAGES_OF_LIFE, mix(number)),
            "hubspot_owner_id": owner_id(number % account.OWNERS),
            "lastmodifieddate": _time(number),
            "hs_merged_object_ids": None,
        },
    )


def _deal(number: int) -> bytes:
    deal = account.deal(number)
    stage = pick(STAGES, mix(number))
    return _object(
        "deals",
        number,
        {
            "dealname": deal.name,
            "amount": _text(deal.amount),
            "deal_currency_code": "USD",
            "pipeline": "default",
            "dealstage": stage,
            "hs_deal_stage_probability": "0.4",
            "hs_is_closed": str(stage.startswith("closed")).lower(),
            "hs_is_closed_won": str(stage == "closedwon").lower(),
            "closedate": _time(number + 1),
            "hubspot_owner_id": owner_id(number % account.OWNERS),
            "hs_lastmodifieddate": _time(number),
            "hs_merged_object_ids": None,
        },
    )


def _target(pair: Association, number: int, *, is_main: bool) -> str:
    types = [f'{{"category":"HUBSPOT_DEFINED","typeId":{pair.type_id},"label":null}}']
    if is_main and pair.primary is not None:
        types.append(f'{{"category":"HUBSPOT_DEFINED","typeId":{pair.primary},"label":"Primary"}}')
    return f'{{"toObjectId":{object_id(pair.to_type, number)},"associationTypes":[{",".join(types)}]}}'


def _owner(number: int) -> dict[str, object]:
    owner = account.owner(number)
    return {
        "id": owner_id(number),
        "email": owner.email,
        "firstName": owner.first_name,
        "lastName": owner.last_name,
        "archived": owner.archived,
    }


_RENDER: dict[str, Record] = {"companies": _company, "contacts": _contact, "deals": _deal}
