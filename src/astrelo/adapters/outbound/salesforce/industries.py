"""Salesforce's industry picklist and the NAICS and SIC codes that fit its values."""

from collections.abc import Mapping

from astrelo.adapters.outbound.crm.industries import IndustryCodes, read_crosswalk


def load_industries() -> Mapping[str, IndustryCodes]:
    """Read the crosswalk from the 32 values that a new org has. The mapping is our judgement.

    The values are wide, so most have a short NAICS code and no SIC code. Where several industries fit
    (Energy, Food & Beverage, Shipping, Technology) there is none. An org may add values of its own.
    """
    return read_crosswalk(__package__, "salesforce_value")
