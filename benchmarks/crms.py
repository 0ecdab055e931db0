"""The CRMs that can be measured."""

from collections.abc import Mapping

from astrelo.domain.identifiers import Provider
from benchmarks.crm import Crm
from benchmarks.hubspot.crm import HubSpot
from benchmarks.salesforce.crm import Salesforce

CRMS: Mapping[Provider, Crm] = {crm.provider: crm for crm in (HubSpot(), Salesforce())}
