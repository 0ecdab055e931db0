"""Our app's registration at HubSpot, and HubSpot's addresses."""

from dataclasses import dataclass, field

HUBSPOT_API_DATE = "2026-09"
"""The version of the dated API. A date is supported for 18 months from its month on."""

REQUIRED_SCOPES = (
    "oauth",
    "crm.objects.companies.read",
    "crm.objects.contacts.read",
    "crm.objects.deals.read",
    "crm.objects.owners.read",
)
"""Must equal the `requiredScopes` of the app's project file: HubSpot stops an install that requests less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSpotConfig:
    """Our app's registration. The base URLs come without a trailing slash."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    """Must equal one of the app's registered redirect URLs, character by character."""
    authorize_base: str = "https://app.hubspot.com"
    api_base: str = "https://api.hubapi.com"
