"""HubSpot's industry options and the NAICS and SIC codes that fit them."""

from collections.abc import Mapping

from astrelo.adapters.outbound.crm.industries import IndustryCodes, read_crosswalk


def load_industries() -> Mapping[str, IndustryCodes]:
    """Read the crosswalk from HubSpot's 148 options. The mapping is our judgement: none is published.

    CONSTRUCTION is broad, but the sector 23; RETAIL is 44-45; INTERNET fits no one code.
    """
    return read_crosswalk(__package__, "hubspot_value")
