"""The CRMs that a demo simulates, and everything in which they differ."""

from dataclasses import dataclass, field

from astrelo.bootstrap.problems import Problem
from astrelo.domain.identifiers import Provider

try:
    from crm_sandbox import hubspot, salesforce
except ModuleNotFoundError as error:
    raise Problem(
        "The demo's CRMs are in the package crm-sandbox, which is not installed: "
        "run `pip install ./sandbox` in a clone of this repository."
    ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCrm:
    """How our processes find the sandbox that simulates a CRM."""

    provider: Provider
    client_id: str
    client_secret: str = field(repr=False)
    addresses: tuple[str, ...]
    """The settings, without their prefix, that say where the CRM is."""

    def settings(self, url: str) -> dict[str, str]:
        """Return all that our processes need to use the CRM at `url`; the names have no prefix."""
        name = self.provider.name
        credentials = {f"{name}_CLIENT_ID": self.client_id, f"{name}_CLIENT_SECRET": self.client_secret}
        return credentials | dict.fromkeys(self.addresses, url)


_TABLE = (
    DemoCrm(
        provider=Provider.HUBSPOT,
        client_id=hubspot.DEFAULT_CLIENT_ID,
        client_secret=hubspot.DEFAULT_CLIENT_SECRET,
        addresses=("HUBSPOT_AUTHORIZE_URL", "HUBSPOT_API_URL"),
    ),
    DemoCrm(
        provider=Provider.SALESFORCE,
        client_id=salesforce.DEFAULT_CLIENT_ID,
        client_secret=salesforce.DEFAULT_CLIENT_SECRET,
        addresses=("SALESFORCE_LOGIN_URL",),
    ),
)

DEMO_CRMS = {crm.provider: crm for crm in _TABLE}
