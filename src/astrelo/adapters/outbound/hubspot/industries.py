"""HubSpot's industry options and the NAICS and SIC codes that fit them."""

import csv
from collections.abc import Mapping
from importlib.resources import files

from astrelo.adapters.outbound.crm.industries import IndustryCodes

_SECTOR_LENGTHS = {2, 5}
"""A whole NAICS sector is written with two digits, or as a range of them ('44-45')."""


def load_industries() -> Mapping[str, IndustryCodes]:
    """Read the crosswalk from HubSpot's 148 options. The mapping is our judgement: nobody publishes one.

    A broad option spans several industries, so one code would be wrong for many of its firms: it gets
    none. Except where the NAICS code is a whole sector, which holds everything that the option spans
    (CONSTRUCTION is 23, RETAIL is 44-45); SIC has no such codes.
    """
    with files(__package__).joinpath("industries.tsv").open(encoding="utf-8") as table:
        return {row["hubspot_value"]: _codes(row) for row in csv.DictReader(table, delimiter="\t")}


def _codes(row: Mapping[str, str]) -> IndustryCodes:
    naics, sic = row["naics2022"] or None, row["sic1987"] or None
    if row["fit"] != "broad":
        return IndustryCodes(naics, sic)
    return IndustryCodes(naics if naics and len(naics) in _SECTOR_LENGTHS else None, None)
