"""Which CRMs a round plays: by the name of one, or `both`."""

from collections.abc import Sequence

from tests.chaos.crms.crm import ChaosCrm
from tests.chaos.crms.hubspot import HUBSPOT
from tests.chaos.crms.salesforce import SALESFORCE

_CRMS: tuple[ChaosCrm, ...] = (HUBSPOT, SALESFORCE)
CHOICES = {str(crm.provider): (crm,) for crm in _CRMS} | {"both": _CRMS}


class UnknownChoice(ValueError):
    """Neither a CRM that chaos plays nor `both`."""


def crms_of(name: str) -> Sequence[ChaosCrm]:
    """Raises UnknownChoice, whose message lists what there is."""
    if name not in CHOICES:
        raise UnknownChoice(f"There is no PROVIDER {name!r}: it is {' or '.join(CHOICES)}.")
    return CHOICES[name]
