"""Countries and states of Salesforce's State and Country/Territory Picklists, found by the free text of addresses.

Countries are those of ISO 3166-1; states exist for the countries that a new org has them for.
"""

from functools import cache
from importlib.resources import files
from typing import NamedTuple


class PicklistValue(NamedTuple):
    code: str
    label: str


def find_country(text: object) -> PicklistValue | None:
    """Find a country by its code, its label or another usual name; None when it is none of the picklist's."""
    return _countries().get(_key(text))


def find_state(country: PicklistValue | None, text: object) -> PicklistValue | None:
    """Find a state of a country by its code or its label."""
    return None if country is None else _states().get((country.code, _key(text)))


def _key(text: object) -> str:
    return str(text or "").strip().casefold()


def _read_lines(file_name: str) -> list[list[str]]:
    text = files("crm_sandbox.salesforce.org").joinpath(file_name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines()]


@cache
def _countries() -> dict[str, PicklistValue]:
    found: dict[str, PicklistValue] = {}
    for code, *names in _read_lines("countries.tsv"):
        found |= dict.fromkeys(map(_key, (code, *names)), PicklistValue(code, names[0]))
    return found


@cache
def _states() -> dict[tuple[str, str], PicklistValue]:
    found: dict[tuple[str, str], PicklistValue] = {}
    for country_code, code, label in _read_lines("states.tsv"):
        found |= {(country_code, _key(name)): PicklistValue(code, label) for name in (code, label)}
    return found
