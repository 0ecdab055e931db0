"""The industry codes that CRMs' own words for industries stand for."""

from typing import NamedTuple


class IndustryCodes(NamedTuple):
    naics: str | None
    """NAICS 2022; shorter codes are wider, and three sectors are ranges: '44-45' is kept as NAICS has it."""
    sic: str | None
    """US SIC 1987."""


NO_CODES = IndustryCodes(None, None)
