"""Which Salesforce we talk to, as which app."""

from dataclasses import dataclass, field

API_VERSION = "68.0"
"""Winter '27. A version is supported for at least three years; a removed one answers 410."""

REQUIRED_SCOPES = ("api", "refresh_token", "openid")


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesforceConfig:
    """Our External Client App's registration, and how much of an org's limits we take."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    """Must equal one of the app's callback URLs, character by character."""
    login_url: str = "https://login.salesforce.com"
    """Where users sign in who name no host of their own. A loopback address makes loopback hosts trusted."""
    bulk_threshold: int = 50_000
    """Records; a walk over more of them becomes a Bulk API job."""
    batch_size: int = 2_000
    """Records in an answer to a query; Salesforce takes 200 to 2,000, and only as a hint."""
    daily_share: float = 0.8
    """The part of an org's daily requests after which we pause, whoever used them up."""
