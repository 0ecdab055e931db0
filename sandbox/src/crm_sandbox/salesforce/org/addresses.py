"""The countries and states of Salesforce's picklists, by the texts that people typed before an org had them.

Countries are those of ISO 3166-1; states exist for the countries that a new org has them for.
"""

from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Place(NamedTuple):
    code: str
    label: str


def country(told: object) -> Place | None:
    """Find a country by its code, its label or another usual name; None when it is none of the picklist's."""
    return _countries().get(_key(told))


def state(of: Place | None, told: object) -> Place | None:
    return None if of is None else _states().get((of.code, _key(told)))


def _key(told: object) -> str:
    return str(told or "").strip().casefold()


def _lines(name: str) -> list[list[str]]:
    text = files("crm_sandbox.salesforce.org").joinpath(name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines()]


@cache
def _countries() -> dict[str, Place]:
    found: dict[str, Place] = {}
    for code, *names in _lines("countries.tsv"):
        found |= dict.fromkeys(map(_key, (code, *names)), Place(code, names[0]))
    return found


@cache
def _states() -> dict[tuple[str, str], Place]:
    found: dict[tuple[str, str], Place] = {}
    for country_code, code, label in _lines("states.tsv"):
        found |= {(country_code, _key(name)): Place(code, label) for name in (code, label)}
    return found
