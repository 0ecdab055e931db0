"""Industry codes that CRMs hold, and the codes that fit the CRMs' own names of industries."""

import csv
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

_SECTOR_LENGTHS = {2, 5}
"""A whole NAICS sector is written with two digits, or as a range of them ('44-45')."""

_NAICS = re.compile(
    r"31-33|44-45|48-49"
    r"|(?:11|2[1-3]|3[1-3]|4[24589]|5[1-6]|6[12]|7[12]|81|92)(?:[1-9](?:[1-9](?:[1-9][0-9]?)?)?)?"
)
"""The sectors of NAICS 2022. Below them a zero appears only as the last of six digits, where nothing is divided."""

_SIC = re.compile(r"(?!00)[0-9]{4}")

_CACHED_CODES = 2_048
"""There are 2,125 in NAICS and 1,005 in SIC; one customer's companies have few of them."""


class IndustryCodes(NamedTuple):
    naics: str | None
    """NAICS 2022; shorter codes are wider, and three sectors are ranges: '44-45' is kept as NAICS has it."""
    sic: str | None
    """US SIC 1987."""


NO_CODES = IndustryCodes(None, None)


@lru_cache(_CACHED_CODES)
def naics_code(raw: str | None) -> str | None:
    """Return a value that has the form of a NAICS 2022 code. Whether the code has a title is not checked."""
    code = raw.strip() if raw else ""
    return code if _NAICS.fullmatch(code) else None


@lru_cache(_CACHED_CODES)
def sic_code(raw: str | None) -> str | None:
    """Return a value that has the form of a SIC 1987 industry: four digits, the first two not both zero."""
    code = raw.strip() if raw else ""
    return code if _SIC.fullmatch(code) else None


def read_codes(package: str | None, value_column: str) -> Mapping[str, IndustryCodes]:
    """Read a CRM's industries.tsv: its names of industries and the codes that fit them.

    A broad name spans several industries, so one code would be wrong for many of its companies: it gets none.
    The exception is a NAICS code that is a whole sector, which holds everything that the name spans; SIC has no
    such codes.
    """
    with files(package or "").joinpath("industries.tsv").open(encoding="utf-8") as table:
        codes: dict[str, IndustryCodes] = {}
        for row in csv.DictReader(table, delimiter="\t"):
            naics, sic = row["naics2022"] or None, row["sic1987"] or None
            if row["fit"] == "broad":
                naics, sic = naics if naics and len(naics) in _SECTOR_LENGTHS else None, None
            codes[row[value_column]] = IndustryCodes(naics, sic)
        return codes


@lru_cache
def read_labels(package: str, value_column: str, label_column: str) -> Mapping[str, str]:
    """Read what a CRM shows people in place of its names of industries, from the same table."""
    with files(package).joinpath("industries.tsv").open(encoding="utf-8") as table:
        return {row[value_column]: row[label_column] for row in csv.DictReader(table, delimiter="\t")}
