"""The CRMs that a demo plays, and all in which they differ."""

from dataclasses import dataclass, field

from astrelo.domain.identifiers import Provider
from astrelo.sandbox import hubspot


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCrm:
    """How a sandbox plays a CRM, and which settings lead our processes there."""

    provider: Provider
    client_id: str
    client_secret: str = field(repr=False)
    addresses: tuple[str, ...]
    """The settings, without their prefix, that say where the CRM is."""
    sandbox_arguments: tuple[str, ...] = ()

    def settings(self, url: str) -> dict[str, str]:
        """Return all that our processes need to use the CRM at `url`; the names have no prefix."""
        name = self.provider.name
        credentials = {f"{name}_CLIENT_ID": self.client_id, f"{name}_CLIENT_SECRET": self.client_secret}
        return credentials | dict.fromkeys(self.addresses, url)


_TABLE = (
    DemoCrm(
        provider=Provider.HUBSPOT,
        client_id=hubspot.DEVELOPMENT_CLIENT_ID,
        client_secret=hubspot.DEVELOPMENT_CLIENT_SECRET,
        addresses=("HUBSPOT_AUTHORIZE_URL", "HUBSPOT_API_URL"),
    ),
)

DEMO_CRMS = {crm.provider: crm for crm in _TABLE}
