"""The CRMs that can be measured."""

from collections.abc import Mapping, Sequence

from astrelo.domain.identifiers import Provider
from benchmarks.crm import Crm
from benchmarks.hubspot.crm import HubSpot
from benchmarks.salesforce.crm import Salesforce

CRMS: Mapping[Provider, Crm] = {crm.provider: crm for crm in (HubSpot(), Salesforce())}
"""What the benchmark must know of a CRM. The packages beside this module say it, one for each."""

_CHOICES: Mapping[str, Sequence[Crm]] = {
    **{str(provider): (crm,) for provider, crm in CRMS.items()},
    "both": tuple(CRMS.values()),
}


class UnknownChoice(ValueError):
    """Neither a CRM that can be measured nor `both`."""


def crms_of(name: str) -> Sequence[Crm]:
    """Return what to measure, one after the other. Raises UnknownChoice, whose message lists what there is."""
    if name not in _CHOICES:
        raise UnknownChoice(f"There is no PROVIDER {name!r}: it is {' or '.join(_CHOICES)}.")
    return _CHOICES[name]
